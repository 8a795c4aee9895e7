"""Where a mask fits into a region, exactly."""

import cv2
import numpy as np


def shrink(region_HW: np.ndarray, margin_px: int) -> np.ndarray:
    """Keep the pixels of a region further than a margin from its edge; the frame is an edge too.

    Args:
        region_HW: bool.
        margin_px: Distance to keep, 0 or more.

    Returns:
        bool, same shape, always a new array.
    """
    y, x = np.ogrid[-margin_px : margin_px + 1, -margin_px : margin_px + 1]
    disc = (x**2 + y**2 <= margin_px**2).astype(np.uint8)
    region_u8 = region_HW.astype(np.uint8)
    return cv2.erode(region_u8, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)


def longest_side(region_HW: np.ndarray) -> int:
    """Longest side of the box around the region's largest connected part, in pixels; 0 for an empty one."""
    outlines, _ = cv2.findContours(region_HW.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return 0
    _, _, width, height = cv2.boundingRect(max(outlines, key=cv2.contourArea))
    return max(width, height)


def feasible_offsets(region_HW: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
    """Find every place where a mask lies inside a region as a whole.

    Args:
        region_HW: bool, (H, W).
        mask_HW: bool, (h, w), with at least one true pixel.

    Returns:
        int64, (N, 2): the y and x of the mask's top-left corner, in row-major order.
    """
    rows, columns = (np.flatnonzero(region_HW.any(axis=axis)) for axis in (1, 0))
    height, width = mask_HW.shape
    if not rows.size or np.ptp(rows) + 1 < height or np.ptp(columns) + 1 < width:
        return np.empty((0, 2), dtype=np.int64)
    # Whole columns and rows outside the region can hold no part of a canvas that is tight around its mask.
    box_HW = region_HW[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # Counts of mask pixels outside the region: whole numbers, so half a pixel is far above rounding errors.
    num_outside_HW = cv2.matchTemplate((~box_HW).astype(np.float32), mask_HW.astype(np.float32), cv2.TM_CCORR)
    return np.argwhere(num_outside_HW < 0.5) + np.array([rows[0], columns[0]])
