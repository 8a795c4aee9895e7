"""Items, bags and fusions for metrics: small, seeded, some with air around, flat parts and ties of rounding."""

import cv2
import numpy as np


def product(item, bag):
    return np.rint(item.astype(float) * bag / 255).astype(np.uint8)


def average(item, bag):
    return np.rint((item.astype(float) + bag) / 2).astype(np.uint8)


def scene(seed=0, height=22, width=26, channels=()):
    """An item and a bag in white air, and the item's mask."""
    rng = np.random.default_rng(seed)
    shape = (height, width, *channels)
    bag = np.full(shape, 255, np.uint8)
    inside = slice(4, height - 3), slice(3, width - 6)
    bag[inside] = cv2.GaussianBlur(rng.integers(60, 250, shape, dtype=np.uint8), (0, 0), 0.8)[inside]
    bag[8:20, 6:17] = 140  # flat
    mask_HW = np.zeros((height, width), bool)
    mask_HW[7 : height - 8, 9 : width - 9] = True
    mask_HW[7:10, 9:12] = False
    item = np.where(mask_HW.reshape(height, width, *(1 for _ in channels)), rng.integers(40, 120, shape), 255)
    item = item.astype(np.uint8)
    item[10:16, 12:17] = 90  # flat
    return item, bag, mask_HW


def noise(seed=0, shape=(16, 19), number=3):
    return [
        np.random.default_rng([seed, place]).integers(0, 256, shape, dtype=np.uint8)
        for place in range(number)
    ]


def triples():
    """(name, item, bag, fused), grey."""
    item, bag, _ = scene()
    yield "product", item, bag, product(item, bag)
    yield "average", item, bag, average(item, bag)
    yield "inverted", item, bag, 255 - product(item, bag)
    yield "item itself", item, bag, item
    yield "noise", *noise()
    yield "two levels", *(each // 128 * 255 for each in noise(1))
    yield "flat fusion", item, bag, np.full_like(bag, 128)
    yield "flat sources", np.full_like(bag, 200), np.full_like(bag, 90), product(item, bag)
    yield "flat", *(np.full((13, 12), level, np.uint8) for level in (200, 90, 70))
    yield "all air", *(np.full((12, 13), 255, np.uint8) for _ in range(3))
    yield "all black", *(np.zeros((12, 13), np.uint8) for _ in range(3))
    yield "one window", *noise(2, (11, 11))
    yield "too small for a window", *noise(3, (10, 30))
    yield "one pixel", *(np.full((1, 1), level, np.uint8) for level in (10, 20, 30))
    yield "one row", *noise(4, (1, 9))
    ramp = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (14, 1))
    yield "ramp against its mirror image", ramp, ramp.T[:14, :14].repeat(2, 1)[:, :24], ramp[:, ::-1].copy()
