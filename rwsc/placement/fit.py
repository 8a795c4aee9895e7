"""Where a mask fits into a region as a whole, pixel by pixel or on a grid of square cells."""

import cv2
import numpy as np

_MOST_ERODED_PX = 6
"""Largest margin that is eroded away, which is quicker for small ones; its cost grows with the margin's square."""


def shrink(region_HW: np.ndarray, margin_px: int) -> np.ndarray:
    """Keep the pixels of a region further than a margin from its edge; the frame is an edge too.

    Args:
        region_HW: bool.
        margin_px: Distance to keep, 0 or more.

    Returns:
        bool, same shape, always a new array.
    """
    region_u8 = region_HW.astype(np.uint8)
    if margin_px > _MOST_ERODED_PX:
        distance_HW = cv2.distanceTransform(np.pad(region_u8, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return distance_HW[1:-1, 1:-1] > margin_px
    y, x = np.ogrid[-margin_px : margin_px + 1, -margin_px : margin_px + 1]
    disc = (x**2 + y**2 <= margin_px**2).astype(np.uint8)
    return cv2.erode(region_u8, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)


def whole_cells(region_HW: np.ndarray, cell_px: int) -> np.ndarray:
    """Give the cells of a grid that lie inside a region as a whole.

    Args:
        region_HW: bool, (H, W).
        cell_px: Side of a cell, in pixels.

    Returns:
        bool, (H // cell_px, W // cell_px); what is left over at the right and the bottom has no cell.
    """
    rows, columns = (side // cell_px for side in region_HW.shape)
    cells = region_HW[: rows * cell_px, : columns * cell_px].reshape(rows, cell_px, columns, cell_px)
    return np.asarray(cells.all(axis=(1, 3)))


def covered_share(mask_HW: np.ndarray, cell_px: int, shift_yx: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Give the share of every cell of a grid that a mask covers.

    Args:
        mask_HW: bool, (h, w).
        cell_px: Side of a cell, in pixels.
        shift_yx: Rows and columns by which the mask lies below and right of the grid's first corner, each less
            than `cell_px`.

    Returns:
        float32 in [0, 1], as many cells as the shifted mask touches.
    """
    (top, left), (height, width) = shift_yx, mask_HW.shape
    rows, columns = -(-(top + height) // cell_px), -(-(left + width) // cell_px)
    whole_HW = np.zeros((rows * cell_px, columns * cell_px), dtype=np.float32)
    whole_HW[top : top + height, left : left + width] = mask_HW
    return cv2.resize(whole_HW, (columns, rows), interpolation=cv2.INTER_AREA)


def slide(map_HW: np.ndarray, kernel_HW: np.ndarray) -> np.ndarray:
    """Sum a map under a kernel at every place where all of the kernel's canvas lies on the map.

    Args:
        map_HW: (H, W).
        kernel_HW: (h, w).

    Returns:
        float32, (H - h + 1, W - w + 1); without elements where the kernel is larger than the map.
    """
    room = tuple(max(0, side - own + 1) for side, own in zip(map_HW.shape, kernel_HW.shape, strict=True))
    if 0 in room:
        return np.zeros(room, dtype=np.float32)
    return cv2.matchTemplate(map_HW.astype(np.float32), kernel_HW.astype(np.float32), cv2.TM_CCORR)


def fits(region_HW: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
    """Say for every place whether a mask put there lies inside a region as a whole.

    Args:
        region_HW: bool, (H, W).
        mask_HW: bool, (h, w), with at least one true pixel.

    Returns:
        bool, (H - h + 1, W - w + 1), for every place of the mask's top left corner.
    """
    # Counts of mask pixels outside the region: whole numbers, so half a pixel is far above rounding errors.
    return slide(~region_HW, mask_HW) < 0.5
