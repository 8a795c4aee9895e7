"""Find an item that lies alone on the belt: whatever attenuates more than noisy air."""

from collections.abc import Iterable

import cv2
import numpy as np

from rwsc.errors import SourceError
from rwsc.sources.schema import BBox

_BLUR_PX = 0.8
_AIR_BELOW = 0.03
_LEAST_THRESHOLD = 0.03
_MOST_THRESHOLD = 0.06
_NOISE_FACTOR = 4.0
_SURE_FACTOR = 3.0
_MIN_PART_SHARE = 0.1
_MOSTLY_INSIDE = 0.5
_BELT_LINE_OF_SIDE = 0.05
_ACROSS_SHARE = 0.85
_BOX_SLACK_PX = 2
_BLURRED_RIM_PX = 2
_EDGE_SHARE = 0.1


def mask_on_air(
    attenuation_HWC: np.ndarray, bbox_xywh: BBox | None = None, other_boxes: Iterable[BBox] = ()
) -> np.ndarray:
    """Outline an item on an empty belt by its attenuation; holes such as a trigger guard's stay holes.

    A pixel counts when it attenuates more than the noise of the air around it, and belongs to a part that
    holds some pixel well above it. Straight lines across the frame (edges and seams of the belt) are dropped,
    and so are parts far smaller than the largest.

    A box says which item is meant and does not cut it: the part with most in it is taken whole, and so are others that
    lie mostly in it. Only what another item's box holds and this one does not is left to that item.

    Args:
        attenuation_HWC: Attenuation of the scan in nepers, 0 for air.
        bbox_xywh: Where to look; None looks everywhere.
        other_boxes: Boxes of other items, likewise. One that holds the middle of this box annotates the same item.

    Returns:
        bool, (H, W), true on the item: at least one pixel.

    Raises:
        SourceError: Nothing there attenuates, or only the blur of what lies beside it.
    """
    seen_HW = cv2.GaussianBlur(attenuation_HWC.mean(axis=2), (0, 0), _BLUR_PX)
    threshold = _noise_threshold(seen_HW)
    matter_HW = _without_belt_lines(seen_HW > threshold)
    sure_HW = matter_HW & (seen_HW > _SURE_FACTOR * threshold)
    inside_HW = _inside(bbox_xywh, matter_HW.shape)
    found_HW = _without_blur(_large_parts(matter_HW & inside_HW, sure_HW & inside_HW), seen_HW)
    if not found_HW.any():
        raise SourceError(
            "nothing on the belt attenuates there but the blur of what lies beside it",
            remedy="look at the scan and at the object's box",
        )
    if bbox_xywh is None:
        return found_HW
    whole_HW = _meant_parts(_without_blur(matter_HW, seen_HW), found_HW, inside_HW)
    for other_xywh in other_boxes:
        if not _holds_middle(other_xywh, bbox_xywh):
            whole_HW &= inside_HW | ~_inside(other_xywh, matter_HW.shape)
    return whole_HW


def _large_parts(matter_HW: np.ndarray, sure_HW: np.ndarray) -> np.ndarray:
    """Take the parts that surely attenuate and are not far smaller than the largest of them."""
    _, label_HW, stats_N5, _ = cv2.connectedComponentsWithStats(matter_HW.astype(np.uint8), connectivity=8)
    is_kept_N = np.zeros(len(stats_N5), dtype=bool)
    is_kept_N[np.unique(label_HW[sure_HW])] = True
    if not is_kept_N.any():
        raise SourceError("nothing on the belt attenuates", remedy="look at the scan")
    area_N = stats_N5[:, cv2.CC_STAT_AREA]
    is_kept_N &= area_N >= _MIN_PART_SHARE * area_N[is_kept_N].max()
    return np.asarray(is_kept_N[label_HW])


def _meant_parts(matter_HW: np.ndarray, found_HW: np.ndarray, inside_HW: np.ndarray) -> np.ndarray:
    """Take whole the part with most in a box and those that lie mostly in it, not others of which it shows a corner.

    Args:
        matter_HW: True on all that attenuates.
        found_HW: True on what was found in the box; at least one pixel.
        inside_HW: True in the box.

    Returns:
        True on the parts.
    """
    num_parts, label_HW = cv2.connectedComponents(matter_HW.astype(np.uint8), connectivity=8)
    area_N = np.bincount(label_HW.ravel(), minlength=num_parts)
    found_N = np.bincount(label_HW[found_HW], minlength=num_parts)
    inside_N = np.bincount(label_HW[inside_HW], minlength=num_parts)
    is_meant_N = (found_N > 0) & (inside_N >= _MOSTLY_INSIDE * area_N)
    is_meant_N[found_N.argmax()] = True
    is_meant_N[0] = False  # what is not matter
    return np.asarray(is_meant_N[label_HW])


def _holds_middle(outer_xywh: BBox, inner_xywh: BBox) -> bool:
    return all(
        outer_xywh[axis]
        <= inner_xywh[axis] + inner_xywh[2 + axis] / 2
        <= outer_xywh[axis] + outer_xywh[2 + axis]
        for axis in (0, 1)
    )


def _without_blur(mask_HW: np.ndarray, seen_HW: np.ndarray) -> np.ndarray:
    """Drop what lies outside the edge of dense matter and is only its blur: far below what is next to it."""
    rim_HW = mask_HW & ~cv2.erode(mask_HW.astype(np.uint8), _disc(_BLURRED_RIM_PX)).astype(bool)
    densest_near_HW = cv2.dilate(seen_HW, _disc(_BLURRED_RIM_PX + 1))
    return mask_HW & ~(rim_HW & (seen_HW < _EDGE_SHARE * densest_near_HW))


def _disc(radius_px: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def _noise_threshold(seen_HW: np.ndarray) -> float:
    """Give the attenuation that noise of the air does not reach.

    Transmission stops at 1, so noise of air is one-sided; what lies below a few percent is taken for air.
    """
    air = seen_HW[seen_HW < _AIR_BELOW]
    spread = float(np.sqrt(np.mean(np.square(air)))) if air.size else 0.0
    return float(np.clip(_NOISE_FACTOR * spread, _LEAST_THRESHOLD, _MOST_THRESHOLD))


def _without_belt_lines(matter_HW: np.ndarray) -> np.ndarray:
    """Drop thin straight lines from one side of the frame to the other, but not the item that crosses them."""
    kept_HW = matter_HW
    thickest_px = max(3, round(_BELT_LINE_OF_SIDE * max(matter_HW.shape)))
    for axis, kernel_hw in ((1, (thickest_px, 1)), (0, (1, thickest_px))):
        is_across = matter_HW.mean(axis=axis, keepdims=True) > _ACROSS_SHARE
        thick_HW = cv2.morphologyEx(matter_HW.astype(np.uint8), cv2.MORPH_OPEN, np.ones(kernel_hw, np.uint8))
        kept_HW = np.where(is_across, kept_HW & (thick_HW > 0), kept_HW)
    return kept_HW


def _inside(bbox_xywh: BBox | None, shape_hw: tuple[int, ...]) -> np.ndarray:
    if bbox_xywh is None:
        return np.ones(shape_hw[:2], dtype=bool)
    x, y, w, h = bbox_xywh
    inside_HW = np.zeros(shape_hw[:2], dtype=bool)
    top, left = max(0, int(y) - _BOX_SLACK_PX), max(0, int(x) - _BOX_SLACK_PX)
    bottom, right = int(np.ceil(y + h)) + _BOX_SLACK_PX, int(np.ceil(x + w)) + _BOX_SLACK_PX
    inside_HW[top:bottom, left:right] = True
    return inside_HW
