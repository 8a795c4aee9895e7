"""Phantom scenes: an item among the things of a bag, with the truth about both."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rwsc.physics.phantom_canvas import Canvas, Material, Pen
from rwsc.physics.phantom_shapes import Points, box, closed, ellipse, smooth
from rwsc.physics.phantoms import ITEM_LABELS, draw_bag, draw_item
from rwsc.physics.transmission import to_attenuation

OTHER = "other"
"""Label of an item of no class: a plate, a blade, rods, an angle or a ring."""

_MIN_COVER = 0.3
_SMALLEST_PX = 20
_SMALLEST_SIDE_PX = 6
_ROOM = 0.7
_NUM_NEIGHBOURS = (0, 0, 0, 1, 1, 2, 3)
_ON_AIR = 0.04
_MATTER_ABOVE = 0.08


@dataclass(frozen=True, eq=False)
class Scene:
    """An item in a bag, and each of them alone.

    Attributes:
        attenuation_HWC: Of bag, neighbours and item together, float32, in nepers.
        without_item_HWC: Of all but the item.
        cover_HW: Share of each pixel that the item covers, float32 in [0, 1].
        bbox_xywh: The tight box around the item.
        label: One of `ITEM_LABELS`, or `OTHER`.
    """

    attenuation_HWC: np.ndarray
    without_item_HWC: np.ndarray
    cover_HW: np.ndarray
    bbox_xywh: tuple[int, int, int, int]
    label: str


def draw_bags(seed: int, count: int) -> list[np.ndarray]:
    """Draw harmless bags to put items into.

    Args:
        seed: Decides all of them; a bag does not depend on `count`.
        count: How many.

    Returns:
        Attenuation of each, float16 to save memory, (H, W, 3), sides of 240 to 520 pixels.
    """
    bags = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        height_px, width_px = (int(side) for side in rng.integers(240, 520, 2))
        transmission_HWC = draw_bag(rng, height_px, width_px).transmission_HWC
        bags.append(to_attenuation(transmission_HWC).astype(np.float16))
    return bags


def draw_scene(
    rng: np.random.Generator,
    bags: Sequence[np.ndarray],
    *,
    size_px: tuple[float, float] = (36, 190),
    vary_density: bool = True,
) -> Scene:
    """Put an item into a bag, often with other tools beside it or across it.

    Args:
        rng: Decides everything else.
        bags: What `draw_bags` gave.
        size_px: Smallest and largest length of the item, about; drawn evenly in its logarithm.
        vary_density: Make bags half to 1.6 times as dense as drawn, and leave a few out; for training.

    Returns:
        The scene. Items lie over matter where there is any; some reach over air.
    """
    length_px = int(np.exp(rng.uniform(*np.log(size_px))))
    own_HWC, own_cover_HW, label = _draw_any_item(rng, length_px)
    height, width = own_cover_HW.shape
    room_px = int(_ROOM * max(height, width)) + 4
    bag_HWC = _with_room(_vary_bag(rng, bags[int(rng.integers(len(bags)))], vary_density), room_px)
    top, left = _place(rng, bag_HWC, room_px, (height, width))
    for _ in range(int(rng.choice(_NUM_NEIGHBOURS))):
        neighbour_HWC, _, _ = _draw_any_item(rng, int(length_px * np.exp(rng.uniform(-0.9, 0.4))))
        shift_y, shift_x = 0.6 * rng.normal(size=2) * (height, width)
        beside = (
            int(top + height / 2 - neighbour_HWC.shape[0] / 2 + shift_y),
            int(left + width / 2 - neighbour_HWC.shape[1] / 2 + shift_x),
        )
        _add(bag_HWC, neighbour_HWC, beside)
    whole_HWC, cover_HW = bag_HWC.copy(), np.zeros(bag_HWC.shape[:2], dtype=np.float32)
    _add(whole_HWC, own_HWC, (top, left))
    _add(cover_HW, own_cover_HW, (top, left))
    return Scene(whole_HWC, bag_HWC, cover_HW, (left, top, width, height), label)


def _vary_bag(rng: np.random.Generator, bag_HWC: np.ndarray, vary_density: bool) -> np.ndarray:
    factor = np.float32(rng.uniform(0.5, 1.6))
    bag_HWC = bag_HWC.astype(np.float32) * (factor if vary_density else 1)
    if rng.random() < 0.5:
        bag_HWC = bag_HWC[:, ::-1]
    if rng.random() < 0.3:
        bag_HWC = bag_HWC.transpose(1, 0, 2)
    is_left_out = rng.random() < _ON_AIR and vary_density
    return np.zeros_like(bag_HWC) if is_left_out else np.ascontiguousarray(bag_HWC)


def _with_room(bag_HWC: np.ndarray, room_px: int) -> np.ndarray:
    return cv2.copyMakeBorder(bag_HWC, room_px, room_px, room_px, room_px, cv2.BORDER_CONSTANT)


def _place(
    rng: np.random.Generator, bag_HWC: np.ndarray, room_px: int, size_hw: tuple[int, int]
) -> tuple[int, int]:
    """Choose the top left corner of an item so that its middle lies over matter, if there is any."""
    over = np.argwhere(bag_HWC.mean(axis=2) > _MATTER_ABOVE)
    middle_yx = over[rng.integers(len(over))] if len(over) else np.array(bag_HWC.shape[:2]) // 2
    highest = np.array(bag_HWC.shape[:2]) - room_px // 2 - size_hw
    top, left = np.clip(middle_yx - np.array(size_hw) // 2, room_px // 2, highest)
    return int(top), int(left)


def _add(canvas: np.ndarray, thing: np.ndarray, corner: tuple[int, int]) -> None:
    """Add a thing to a canvas in place, as far as it lies in it; attenuations along a ray add up."""
    top, left = max(0, corner[0]), max(0, corner[1])
    bottom = min(canvas.shape[0], corner[0] + thing.shape[0])
    right = min(canvas.shape[1], corner[1] + thing.shape[1])
    if top < bottom and left < right:
        canvas[top:bottom, left:right] += thing[
            top - corner[0] : bottom - corner[0], left - corner[1] : right - corner[1]
        ]


def _draw_any_item(rng: np.random.Generator, length_px: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Draw attenuation, cover and label of an item whose box is tight around its cover."""
    length_px = max(_SMALLEST_PX, length_px)
    while True:
        if rng.random() < 0.3:
            attenuation_HWC, cover_HW, label = *_draw_other(rng, length_px), OTHER
        else:
            attenuation_HWC, cover_HW, label = _draw_known(rng, length_px)
        rows, columns = (np.flatnonzero((cover_HW > _MIN_COVER).any(axis=axis)) for axis in (1, 0))
        if min(len(rows), len(columns)) >= _SMALLEST_SIDE_PX:
            tight = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            return attenuation_HWC[tight], np.minimum(cover_HW[tight], 1), label
        length_px = int(1.2 * length_px) + 4


def _draw_known(rng: np.random.Generator, length_px: int) -> tuple[np.ndarray, np.ndarray, str]:
    label = str(rng.choice(ITEM_LABELS))
    item = draw_item(rng, label, length_px)
    own_HWC = to_attenuation(item.transmission_HWC) * item.alpha_HW[..., None]
    own_HWC *= np.float32(rng.uniform(0.5, 1.25))
    stretch = np.exp(rng.uniform(-0.25, 0.25, 2))
    size_wh = [max(8, int(side * by)) for side, by in zip(item.alpha_HW.shape[::-1], stretch, strict=True)]
    own_HWC, cover_HW = (
        cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA) for picture in (own_HWC, item.alpha_HW)
    )
    return own_HWC, cover_HW, label


def _draw_other(rng: np.random.Generator, length_px: int) -> tuple[np.ndarray, np.ndarray]:
    side_px = int(1.7 * length_px)
    canvas = Canvas(side_px, side_px)
    pen = canvas.pen(side_px / 2, side_px / 2, size_px=length_px, angle=rng.uniform(0, 2 * np.pi))
    drawers = (_draw_plate, _draw_blade, _draw_rods, _draw_angle, _draw_ring)
    drawers[int(rng.integers(len(drawers)))](pen, rng)
    canvas.depth_MHW *= np.float32(rng.uniform(0.6, 1.6))
    return canvas.attenuation_HWC(), canvas.cover_HW


def _some_material(rng: np.random.Generator) -> Material:
    return Material(int(rng.choice(3, p=[0.12, 0.33, 0.55])))


def _draw_plate(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a broad plate with a grip of another material, like a cleaver."""
    half, end = rng.uniform(0.12, 0.3), rng.uniform(-0.05, 0.15)
    pen.fill(box(-0.5, -half, end, half * rng.uniform(0.3, 1)), _some_material(rng), rng.uniform(0.3, 1))
    grip = box(end - 0.02, -0.3 * half, 0.5, 0.25 * half, radius=0.02)
    pen.fill(grip, Material(int(rng.integers(3))), rng.uniform(0.4, 1.4), profile="round")


def _draw_blade(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a flat polygon."""
    num_corners = int(rng.integers(4, 9))
    angle, radius = np.sort(rng.uniform(0, 2 * np.pi, num_corners)), rng.uniform(0.2, 0.5, num_corners)
    flatness = rng.uniform(0.15, 1)
    outline = np.column_stack([np.cos(angle) * radius, np.sin(angle) * radius * flatness])
    pen.fill(outline, _some_material(rng), rng.uniform(0.3, 1.2))


def _draw_rods(pen: Pen, rng: np.random.Generator) -> None:
    """Draw one to three rods, straight or bent."""
    material = _some_material(rng)
    for _ in range(int(rng.integers(1, 4))):
        points: Points = rng.uniform(-0.5, 0.5, (2, 2))
        if rng.random() < 0.5:
            points = smooth(rng.uniform(-0.5, 0.5, (3, 2)) * np.array([1, rng.uniform(0.1, 1)]))
        pen.stroke(np.asarray(points), rng.uniform(0.04, 0.14), material, rng.uniform(0.4, 1.3))


def _draw_angle(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a barrel with a grip across it, often with a ring between them."""
    half, x = rng.uniform(0.06, 0.12), rng.uniform(0.1, 0.35)
    material = _some_material(rng)
    pen.fill(box(-0.5, -half, 0.5, half, radius=0.01), material, rng.uniform(0.5, 1.4))
    grip = box(x - 0.1, 0, x + 0.1, rng.uniform(0.3, 0.5), radius=0.02)
    pen.fill(grip, Material(int(rng.integers(3))), rng.uniform(0.5, 1.3))
    if rng.random() < 0.7:
        pen.stroke(closed(ellipse(x - 0.2, half + 0.07, 0.09, 0.07)), 0.025, material, 0.7)


def _draw_ring(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a ring, often with a tongue."""
    material = _some_material(rng)
    ring = closed(ellipse(0, 0, 0.4, rng.uniform(0.15, 0.4)))
    pen.stroke(ring, rng.uniform(0.05, 0.12), material, rng.uniform(0.5, 1.2))
    if rng.random() < 0.6:
        pen.fill(box(0.2, -0.08, 0.5, 0.08), material, rng.uniform(0.5, 1.2))
