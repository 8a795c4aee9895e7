"""Made-up things that differ, and pictures of one thing as scanners give them."""

import cv2
import numpy as np

from rwsc.items.pixels import encode_alpha, encode_transmission
from rwsc.items.schema import ItemRow

Pixels = tuple[np.ndarray, np.ndarray]


def thing(seed: int, *, side_px: int = 90) -> Pixels:
    """Transmission and coverage of a thing of a shape and an inside of its own."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 9)[:-1] + rng.uniform(-0.3, 0.3, 8)
    reach = rng.uniform(0.12, 0.48, 8) * side_px
    corners = np.stack([np.cos(angles) * reach * 1.0, np.sin(angles) * reach * rng.uniform(0.3, 0.6)], axis=1)
    mask_HW = np.zeros((side_px, side_px), np.uint8)
    cv2.fillPoly(mask_HW, [np.rint(corners + side_px / 2).astype(np.int32)], 1)
    for _ in range(3):
        x, y = rng.integers(0, side_px, 2)
        cv2.rectangle(mask_HW, (int(x), int(y)), (int(x) + 6, int(y) + 14), 0, -1)
    inside_HW = 0.3 + 1.2 * (cv2.resize(rng.random((5, 5)).astype(np.float32), (side_px, side_px)))
    attenuation_HWC = (mask_HW * inside_HW)[..., None] * np.array([1.2, 1.0, 0.8], np.float32)
    return np.exp(-attenuation_HWC).astype(np.float32), mask_HW.astype(np.float32)


def seen_again(pixels: Pixels, seed: int, *, size: float = 1.0) -> Pixels:
    """The same thing turned, perhaps mirrored, resized and with noise."""
    rng = np.random.default_rng(seed)
    attenuation_HWC, alpha_HW = -np.log(pixels[0]), pixels[1]
    if rng.integers(2):
        attenuation_HWC, alpha_HW = attenuation_HWC[:, ::-1], alpha_HW[:, ::-1]
    height, width = alpha_HW.shape
    side = round(np.hypot(height, width) * size) + 8
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(0, 360)), size)
    turn[:, 2] += side / 2 - np.array([width, height]) / 2
    turned_HWC = cv2.warpAffine(np.ascontiguousarray(attenuation_HWC), turn, (side, side))
    alpha_HW = cv2.warpAffine(np.ascontiguousarray(alpha_HW), turn, (side, side))
    noisy_HWC = np.maximum(turned_HWC + rng.normal(0, 0.03, turned_HWC.shape), 0) * (alpha_HW[..., None] > 0)
    return np.exp(-noisy_HWC).astype(np.float32), np.clip(alpha_HW, 0, 1).astype(np.float32)


def item_row(item_id: str, pixels: Pixels | None = None, **fields) -> ItemRow:
    """A row of a bank, usable where it has pixels."""
    facts = {
        "physical_item_id": item_id,
        "label": "gun",
        "status": "rejected" if pixels is None else "ok",
        "reason": "no mask" if pixels is None else None,
        "dataset": "d",
        "licence": "CC0",
        "scanner_id": None,
        "split": None,
        "subset": None,
        "group": None,
        "source_scan_id": f"scan-of-{item_id}",
        "source_bbox": [1.0, 2.0, 30.0, 20.0],
    }
    if pixels is not None:
        facts |= {
            "width": pixels[1].shape[1],
            "height": pixels[1].shape[0],
            "method": "mask_unmixed",
            "transmission_png": encode_transmission(pixels[0]),
            "alpha_png": encode_alpha(pixels[1]),
        }
    return ItemRow(item_id=item_id, **{**facts, **fields})


def write_bank(uri: str, rows: list[ItemRow]) -> str:
    """Write rows as a bank."""
    from rwsc.items.bank import bank_uri
    from rwsc.items.schema import ITEMS_KIND, ITEMS_SCHEMA, ITEMS_VERSION
    from rwsc.sources.row_file import write_rows

    target = bank_uri(uri)
    values = (row.to_row() for row in rows)
    write_rows(target, values, schema=ITEMS_SCHEMA, kind=ITEMS_KIND, version=ITEMS_VERSION, batch_rows=7)
    return target
