"""Compare masks, and rank a score against what it should tell."""

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.stats import rankdata

from rwsc.sources.schema import BBox

_GRABCUT_MARGIN = 0.3
_GRABCUT_SWEEPS = 5


def iou(first_HW: np.ndarray, second_HW: np.ndarray) -> float:
    """Give the intersection of two masks over their union; 1 for two empty ones."""
    union = int(np.count_nonzero(first_HW | second_HW))
    return int(np.count_nonzero(first_HW & second_HW)) / union if union else 1.0


def area_under_roc(is_good: Sequence[bool], score: Sequence[float]) -> float | None:
    """Give the probability that a good one scores above a bad one, ties counting half.

    Args:
        is_good: What is true of each.
        score: What is to tell it, higher for good.

    Returns:
        0 to 1, 0.5 for a score that tells nothing; None without both good and bad ones.
    """
    good = np.asarray(is_good, dtype=bool)
    num_good, num_bad = int(good.sum()), int((~good).sum())
    if not num_good or not num_bad:
        return None
    rank_sum = float(rankdata(score)[good].sum())
    return (rank_sum - num_good * (num_good + 1) / 2) / (num_good * num_bad)


def grabcut_in_box(image: np.ndarray, bbox_xywh: BBox) -> np.ndarray:
    """Outline an item as OpenCV's GrabCut does from a rectangle alone: the yardstick for boxes.

    Args:
        image: uint8, (H, W, 3).
        bbox_xywh: The box.

    Returns:
        bool, (H, W); the whole box where the box fills the picture, so that there is nothing to tell it from.
    """
    height, width = image.shape[:2]
    x, y, w, h = bbox_xywh
    left, top = int(max(0, x - _GRABCUT_MARGIN * w)), int(max(0, y - _GRABCUT_MARGIN * h))
    right = int(min(width, x + (1 + _GRABCUT_MARGIN) * w))
    bottom = int(min(height, y + (1 + _GRABCUT_MARGIN) * h))
    part = np.ascontiguousarray(image[top:bottom, left:right])
    label_HW = np.zeros(part.shape[:2], dtype=np.uint8)
    rectangle = (int(x - left), int(y - top), int(w), int(h))
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(part, label_HW, rectangle, *models, _GRABCUT_SWEEPS, cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        label_HW[:] = cv2.GC_PR_FGD
    found_HW = np.zeros((height, width), dtype=bool)
    found_HW[top:bottom, left:right] = (label_HW == cv2.GC_FGD) | (label_HW == cv2.GC_PR_FGD)
    return found_HW
