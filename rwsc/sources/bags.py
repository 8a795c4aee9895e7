"""The bags of a scan: one, several on a conveyor frame, or none."""

import cv2
import numpy as np

from rwsc.physics.bag_region import bag_region
from rwsc.physics.transmission import to_attenuation, to_transmission
from rwsc.sources.schema import Bag

_WORKING_PX = 224
"""Longer side of the picture that is looked at; measured to find the conveyor frames that 320 px find."""

_WHOLE_SOLIDITY = 0.9
_NECK_LEVELS = (0.15, 0.25, 0.35, 0.42, 0.5)
"""Half the width of a neck, as a share of that of its bag: two bags that touch are joined by less than half."""

_MIN_WIDTH_OF_LARGEST = 0.2
_MIN_AREA_OF_LARGEST = 0.08


def find_bags(image: np.ndarray, air_level: np.ndarray) -> list[Bag]:
    """Find the bags of a scan, and take apart those that touch.

    Args:
        image: Grey levels, uint8 or uint16, (H, W) or (H, W, C).
        air_level: Grey level of air, (C,).

    Returns:
        Bags, largest first; empty where there is nothing but belt. Boxes are good to a few pixels.
    """
    height, width = image.shape[:2]
    factor = min(1.0, _WORKING_PX / max(height, width))
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    transmission = to_transmission(small, air_level)
    attenuation_HW = to_attenuation(transmission)
    if attenuation_HW.ndim == 3:
        attenuation_HW = attenuation_HW.mean(axis=2)
    bags = [
        _bag(part_HW, attenuation_HW, (height, width)) for part_HW in split_region(bag_region(transmission))
    ]
    return sorted(bags, key=lambda bag: (-bag.area_px, bag.bbox_xywh))


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
    margin = max(part_HW.shape) // 8 if mode == "edge" else 1
    padded_HW = np.pad(part_HW.astype(np.uint8), margin, mode=mode)  # type: ignore[call-overload]
    distance_HW = cv2.distanceTransform(padded_HW, cv2.DIST_L2, 3)
    return np.ascontiguousarray(distance_HW[margin:-margin, margin:-margin])


def _bag(part_HW: np.ndarray, attenuation_HW: np.ndarray, size_hw: tuple[int, int]) -> Bag:
    """Describe a bag in the pixels of the whole picture."""
    height, width = size_hw
    per_y, per_x = height / part_HW.shape[0], width / part_HW.shape[1]
    rows, columns = np.flatnonzero(part_HW.any(axis=1)), np.flatnonzero(part_HW.any(axis=0))
    x0, x1 = round(columns[0] * per_x), round((columns[-1] + 1) * per_x)
    y0, y1 = round(rows[0] * per_y), round((rows[-1] + 1) * per_y)
    return Bag(
        bbox_xywh=[float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
        area_px=round(np.count_nonzero(part_HW) * per_x * per_y),
        mean_attenuation=float(np.float32(attenuation_HW[part_HW].mean())),
    )
