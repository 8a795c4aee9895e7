"""The part of the frame that a metric looks at."""

from typing import Literal

import numpy as np

Region = Literal["frame", "mask", "box"]
"""The whole frame, the item's mask, or the tight rectangle around it."""


def region_of(mask_HW: np.ndarray, kind: Region) -> np.ndarray | None:
    """Give the pixels of a region.

    Args:
        mask_HW: True where the item is.
        kind: Which region.

    Returns:
        bool, (H, W), or None for the whole frame; nothing is in the box of an empty mask.

    Raises:
        ValueError: There is no such region.
    """
    if kind == "frame":
        return None
    if kind == "mask":
        return mask_HW
    if kind != "box":
        raise ValueError(f"the region must be frame, mask or box, not {kind!r}")
    box_HW = np.zeros_like(mask_HW)
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    if len(rows):
        box_HW[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box_HW


def mean_over(values_HW: np.ndarray, region_HW: np.ndarray | None) -> float:
    """Average over a region.

    Args:
        values_HW: A value per pixel.
        region_HW: Pixels that count, or None for all.

    Returns:
        The mean; NaN without a pixel.
    """
    values = values_HW if region_HW is None else values_HW[region_HW]
    return float(values.mean()) if values.size else float("nan")
