"""What was done to the pixels of an image: nothing outside, only darker inside, no seam."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from rwsc.corpus.display import Pixels
from rwsc.corpus.remake import things_of
from rwsc.physics.transmission import to_transmission
from rwsc.sources.masks import decode_rle

SEAM_PX = 4
"""How far off an item pixels must be to count as seam: a soft rim covers less."""

BRIGHTER_BY = 4 / 255
"""Share of the air level from which on a pixel counts as brighter than its bag: noise is less."""

OUTSIDE, BRIGHTER, SEAM = "outside", "brighter", "seam"

CHECKS = {
    OUTSIDE: "pixels outside what was fused differ from the bag (lossless formats)",
    BRIGHTER: "an item brightens more than 1 % of what it covers, which matter cannot",
    SEAM: "the fused rectangle differs from the bag where no item lies",
}
"""Name and meaning of each check."""

_MOST_BRIGHTER = 0.01
_MOST_SEAM = 2 / 255


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelCheck:
    """Measures of one image."""

    outside_px: int | None
    """Pixels outside the fused rectangles that differ from the bag; None for lossy formats."""

    brighter_share: float
    """Share of the pixels under items that are brighter than the bag there."""

    seam: float
    """Mean change of pixels in the fused rectangles that lie off all items, as a share of the air level."""

    @property
    def faults(self) -> list[str]:
        """Names of `CHECKS` that fail."""
        return [
            name
            for name, fails in (
                (OUTSIDE, bool(self.outside_px)),
                (BRIGHTER, self.brighter_share > _MOST_BRIGHTER),
                (SEAM, self.seam > _MOST_SEAM),
            )
            if fails
        ]


def check_pixels(row: Mapping[str, Any], pixels: Pixels) -> PixelCheck:
    """Compare a made image with its bag.

    Args:
        row: Its manifest row.
        pixels: Image and bag, of one shape.

    Returns:
        What was measured.
    """
    height, width = pixels.scan.shape[:2]
    fused_HW = _fused(row, height, width)
    covered_HW = np.zeros((height, width), dtype=bool)
    for thing in things_of(row):
        covered_HW |= decode_rle(thing["mask_rle"], height=height, width=width)
    change_HW = _change(pixels)
    side = 2 * SEAM_PX + 1
    near_HW = cv2.dilate(covered_HW.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    seam_HW = fused_HW & ~near_HW
    return PixelCheck(
        outside_px=count_outside(row, pixels.made, pixels.scan) if is_lossless(row) else None,
        brighter_share=float((change_HW[covered_HW] > BRIGHTER_BY).mean()) if covered_HW.any() else 0.0,
        seam=float(np.abs(change_HW[seam_HW]).mean()) if seam_HW.any() else 0.0,
    )


def is_lossless(row: Mapping[str, Any]) -> bool:
    """Tell whether a made image is stored so that its pixels come back as they were."""
    return not str(row["uri"]).endswith(".jpg")


def count_outside(row: Mapping[str, Any], made: np.ndarray, scan: np.ndarray) -> int:
    """Count the pixels outside what was fused that are not those of the bag.

    Args:
        row: The image's manifest row.
        made: The image, (H, W) or (H, W, C).
        scan: Its bag, of the same shape.

    Returns:
        Pixels of which at least one channel differs.
    """
    differs = made != scan
    differs_HW = differs if differs.ndim == 2 else differs.any(axis=2)
    return int(differs_HW[~_fused(row, *differs_HW.shape)].sum())


def _fused(row: Mapping[str, Any], height: int, width: int) -> np.ndarray:
    fused_HW = np.zeros((height, width), dtype=bool)
    for thing in things_of(row):
        x, y, w, h = thing["fused_xywh"]
        fused_HW[max(0, y) : y + h, max(0, x) : x + w] = True
    return fused_HW


def _change(pixels: Pixels) -> np.ndarray:
    """Give image minus bag as shares of the air level, the mean over channels, (H, W)."""
    apart = to_transmission(pixels.made, pixels.air_level) - to_transmission(pixels.scan, pixels.air_level)
    return apart if apart.ndim == 2 else apart.mean(axis=2)
