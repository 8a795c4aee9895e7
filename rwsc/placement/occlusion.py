"""How much of an item lies over dense bag, as a share and as one of three levels.

OPIXray sorts its test images into three levels, none or slight, partial, and severe or full occlusion, by eye
and without a formula. The levels here are ours: measurable, and of the same meaning.
"""

import cv2
import numpy as np

DENSE_TRANSMISSION = 0.5
"""Bag that lets through less than this share of the light counts as occluding an item that lies in it."""

_LEVEL_EDGES = (0.0, 0.1, 0.5, 1.0)
NUM_LEVELS = len(_LEVEL_EDGES) - 1


def luminance(transmission: np.ndarray) -> np.ndarray:
    """Give what the eye sees of transmission: BT.601 of colour; of other scans the first channel."""
    if transmission.ndim == 3 and transmission.shape[2] == 3:
        return cv2.cvtColor(transmission.astype(np.float32, copy=False), cv2.COLOR_RGB2GRAY)
    return transmission if transmission.ndim == 2 else transmission[..., 0]


def occluded_fraction(mask_HW: np.ndarray, transmission: np.ndarray) -> float:
    """Give the share of an item's mask over bag of a luminance below `DENSE_TRANSMISSION`.

    Args:
        mask_HW: The label's mask, bool; without a true pixel the share is 0.
        transmission: Of the bag under it, without any item, (H, W) or (H, W, C).

    Returns:
        A share, 0 to 1, rounded to six decimals.
    """
    under = luminance(transmission)[mask_HW]
    return round(float((under < DENSE_TRANSMISSION).mean()), 6) if under.size else 0.0


def occlusion_level(fraction: float) -> int:
    """Give the level of an occluded fraction: 1 below 0.1, 2 below 0.5, 3 from there on."""
    return 1 + sum(fraction >= edge for edge in _LEVEL_EDGES[1:-1])


def level_bounds(level: int) -> tuple[float, float]:
    """Give the fractions between which a level, 1 to 3, lies."""
    return _LEVEL_EDGES[level - 1], _LEVEL_EDGES[level]
