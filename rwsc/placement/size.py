"""How large an item lies in a bag: by millimetres, by the sizes of real ones, or by its own pixels."""

import math

import cv2
import numpy as np

from rwsc.placement.config import PlacementConfig
from rwsc.placement.placed import Placeable
from rwsc.placement.priors import draw_relative_size


def physical_scale(
    mm_per_px: dict[str, float], item: tuple[str | None, str | None], bag: tuple[str | None, str | None]
) -> float | None:
    """Give the scale at which an item keeps its size in millimetres.

    Args:
        mm_per_px: Millimetres per pixel by scanner or dataset.
        item: Scanner and dataset of the scan that the item comes from.
        bag: Scanner and dataset of the bag's scan.

    Returns:
        Length in the bag's pixels over length in the item's; None where either pitch is unknown.
    """
    own, other = _pitch(mm_per_px, *item), _pitch(mm_per_px, *bag)
    return None if own is None or other is None else own / other


def draw_scale(
    share: float,
    item: Placeable,
    bag_wh: tuple[float, float],
    config: PlacementConfig,
    physical: float | None,
) -> float | str:
    """Draw an item's scale from the best that is known of its size.

    Args:
        share: A random number in [0, 1).
        item: The item.
        bag_wh: Width and height of the bag, in pixels.
        config: Settings of placement.
        physical: Scale at which it keeps its size in millimetres; None where that is unknown.

    Returns:
        Length over its own pixels; or why it has none in this bag.
    """
    if physical is not None:
        scale = physical * (1 + config.magnification_spread * (2 * share - 1))
        if not 1 / config.max_resample <= scale <= config.max_resample:
            return f"mm_per_px scales it by {scale:.2g}, max_resample is {config.max_resample:g}"
        return scale
    priors = config.learned
    if priors is not None:
        wanted_px = draw_relative_size(priors, item.label, share) * math.hypot(*bag_wh)
        scale = wanted_px / math.hypot(*_sides(item.alpha_HW))
        return min(max(scale, 1 / config.max_resample), config.max_resample)
    longest_px, own_px = config.max_item_fraction * max(bag_wh), max(_sides(item.alpha_HW))
    low, high = config.scale_min, min(config.scale_max, longest_px / own_px)
    if high < low:
        return f"{own_px * low:.0f} px long at its smallest, the bag takes {longest_px:.0f} px"
    return low + share * (high - low)


def _pitch(mm_per_px: dict[str, float], scanner: str | None, dataset: str | None) -> float | None:
    return mm_per_px.get(scanner or "", mm_per_px.get(dataset or ""))


def _sides(alpha_HW: np.ndarray) -> tuple[int, int]:
    _, _, width, height = cv2.boundingRect((alpha_HW > 0).view(np.uint8))
    return width, height
