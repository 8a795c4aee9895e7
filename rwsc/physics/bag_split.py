"""A bag region taken apart into single bags."""

import cv2
import numpy as np

_WHOLE_SOLIDITY = 0.9
_NECK_LEVELS = (0.15, 0.25, 0.35, 0.42, 0.5)
"""Half the width of a neck, as a share of that of its bag: two bags that touch are joined by less than half."""

_MIN_WIDTH_OF_LARGEST = 0.2
_MIN_AREA_OF_LARGEST = 0.08


def split_region(region_HW: np.ndarray) -> list[np.ndarray]:
    """Take a region apart into single bags.

    Parts that do not touch are bags of their own. A part is cut further where it has a neck less than half as
    wide as what lies on either side: that is where two bags touch. What is small or thin beside the largest
    bag (edges of the belt, stray straps) is dropped.

    Args:
        region_HW: True inside the bags.

    Returns:
        A mask per bag, in no order that means anything.
    """
    count, label_HW = cv2.connectedComponents(region_HW.astype(np.uint8), connectivity=4)
    parts = [piece for part in range(1, count) for piece in _split_at_necks(label_HW == part)]
    if len(parts) < 2:
        return parts
    areas = [np.count_nonzero(part_HW) for part_HW in parts]
    widths = [float(_distance_to_edge(part_HW, mode="constant").max()) for part_HW in parts]
    return [
        part_HW
        for part_HW, area, half_width in zip(parts, areas, widths, strict=True)
        if area >= _MIN_AREA_OF_LARGEST * max(areas) and half_width >= _MIN_WIDTH_OF_LARGEST * max(widths)
    ]


def _split_at_necks(part_HW: np.ndarray) -> list[np.ndarray]:
    if _solidity(part_HW) >= _WHOLE_SOLIDITY:
        return [part_HW]
    # The frame cuts bags, so its edge is no outline: the distance counts on beyond it.
    distance_HW = _distance_to_edge(part_HW, mode="edge")
    best: list[int] = []
    best_label_HW = None
    for share in _NECK_LEVELS:
        level = share * distance_HW.max()
        _, label_HW = cv2.connectedComponents((distance_HW > level).astype(np.uint8), connectivity=4)
        least = max(level / _NECK_LEVELS[-1], _MIN_WIDTH_OF_LARGEST * distance_HW.max())
        wide = np.unique(label_HW[distance_HW >= least]).tolist()
        if len(wide) > max(1, len(best)):
            best, best_label_HW = wide, label_HW
    if best_label_HW is None:
        return [part_HW]
    is_core_HW = np.isin(best_label_HW, best)
    _, nearest_HW = cv2.distanceTransformWithLabels(
        (~is_core_HW).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP
    )
    pieces = [part_HW & (nearest_HW == number) for number in range(1, int(nearest_HW.max()) + 1)]
    areas = [np.count_nonzero(piece_HW) for piece_HW in pieces]
    # A bag does not fall apart because of a bulge that would be dropped: it would lose that piece.
    is_split = sum(area >= _MIN_AREA_OF_LARGEST * max(areas) for area in areas) > 1
    return pieces if is_split else [part_HW]


def _solidity(part_HW: np.ndarray) -> float:
    """Give the share of its convex hull that a part fills."""
    outlines, _ = cv2.findContours(part_HW.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = max(outlines, key=cv2.contourArea)
    hull_area = cv2.contourArea(cv2.convexHull(outline))
    return cv2.contourArea(outline) / hull_area if hull_area else 1.0


def _distance_to_edge(part_HW: np.ndarray, *, mode: str) -> np.ndarray:
    margin = max(1, max(part_HW.shape) // 8) if mode == "edge" else 1
    padded_HW = np.pad(part_HW.astype(np.uint8), margin, mode=mode)  # type: ignore[call-overload]
    distance_HW = cv2.distanceTransform(padded_HW, cv2.DIST_L2, 3)
    return np.ascontiguousarray(distance_HW[margin:-margin, margin:-margin])
