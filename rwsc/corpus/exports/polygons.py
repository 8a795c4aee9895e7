"""A mask as one polygon, which is all that a line of YOLO's text can hold."""

import cv2
import numpy as np
from scipy.spatial.distance import cdist

MIN_CORNERS = 3


def one_polygon(mask_HW: np.ndarray) -> np.ndarray:
    """Draw a line around all parts and holes of a mask.

    Parts are joined, and holes are joined to what surrounds them, by bridges that are walked forth and back, as
    ultralytics joins the segments of COCO. Filled by the even-odd rule, as OpenCV's fillPoly does, the polygon gives
    every pixel of the mask, no pixel of a hole, and besides at most the bridges, which are one pixel wide.

    Args:
        mask_HW: True where the object is; not empty.

    Returns:
        Corners as (column, row) of pixels, (N, 2), at least `MIN_CORNERS`; one that is smaller repeats corners.
    """
    first, *others = sorted(_outlines(mask_HW), key=len, reverse=True)
    joined = first
    for outline in others:
        joined = _bridged(joined, outline)
    missing = max(0, MIN_CORNERS - len(joined))
    return np.vstack([joined, joined[-1:].repeat(missing, axis=0)])


def _outlines(mask_HW: np.ndarray) -> list[np.ndarray]:
    found, _ = cv2.findContours(mask_HW.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [outline[:, 0, :] for outline in found]


def _bridged(polygon_N2: np.ndarray, outline_M2: np.ndarray) -> np.ndarray:
    """Walk the polygon up to where the outline is nearest, over to it, around it, back, and on."""
    distances_NM = cdist(polygon_N2, outline_M2)
    start, goal = np.unravel_index(np.argmin(distances_NM), distances_NM.shape)
    around = np.roll(outline_M2, -int(goal), axis=0)
    return np.vstack([polygon_N2[: start + 1], around, around[:1], polygon_N2[start:]])
