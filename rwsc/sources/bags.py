"""The bags of a scan: one, several on a conveyor frame, or none."""

import cv2
import numpy as np

from rwsc.physics.bag_region import WORKING_PX, bag_region
from rwsc.physics.bag_split import split_region
from rwsc.physics.transmission import to_attenuation, to_transmission
from rwsc.sources.schema import Bag


def find_bags(image: np.ndarray, air_level: np.ndarray) -> list[Bag]:
    """Find the bags of a scan, and take apart those that touch.

    Args:
        image: Grey levels, uint8 or uint16, (H, W) or (H, W, C).
        air_level: Grey level of air, (C,).

    Returns:
        Bags, largest first; empty where there is nothing but belt. Boxes are good to a few pixels.
    """
    height, width = image.shape[:2]
    factor = min(1.0, WORKING_PX / max(height, width))
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
