"""Where in a scan an item could lie: the inside of its bags."""

import cv2
import numpy as np
from scipy.ndimage import find_objects

from rwsc.physics.transmission import to_attenuation

WORKING_PX = 200
"""Longer side of the picture that is looked at; a larger one is reduced first."""

_BLUR_PX = 1.0
_MIN_SPECK_OF_FRAME = 0.0006
_MIN_ATTENUATION = 0.02
_AIR_ATTENUATION = 0.007
_NOISE_PERCENTILE = 10
_MAX_NOISE_ATTENUATION = 0.012
_BELT_LINE_PX = 9
_BELT_LINE_SHARE = 0.9
_CLOSING_FRACTION = 0.02
_OPENING_FRACTION = 0.14
_RIM_FRACTION = 0.06
_RIM_PX = 3
_LOOP_MAX_FRACTION = 0.15
_MIN_PART_OF_LARGEST = 0.15
_MIN_PART_OF_FRAME = 0.004


def bag_region(transmission: np.ndarray) -> np.ndarray:
    """Find the inside of the bags of a scan.

    Matter is what attenuates; gaps in it are closed and holes filled, since pale clothing leaves parts of a
    bag as bright as air. Small parts are dropped, and protrusions thinner than about a fifth of their bag
    (handles, wheels, straps) are opened away, with the loops of air that straps enclose. A bag cut by the
    frame counts up to the frame; of several bags all big ones are kept. The work is done at a reduced scale,
    so the outline is good to a few pixels.

    Args:
        transmission: Share of photons that came through, 1 for air, (H, W) or (H, W, C).

    Returns:
        bool, (H, W), true inside; all false when there is no bag.
    """
    height, width = transmission.shape[:2]
    attenuation_HW = _reduced_attenuation(transmission)
    matter_HW = _without_specks(cv2.GaussianBlur(attenuation_HW, (0, 0), _BLUR_PX) > _MIN_ATTENUATION)
    matter_HW = _without_belt_lines(matter_HW)
    gap_px = _CLOSING_FRACTION * max(attenuation_HW.shape)
    matter_HW = cv2.morphologyEx(matter_HW, cv2.MORPH_CLOSE, _disc(gap_px))
    inside_HW = np.zeros_like(matter_HW)
    for part_HW in _big_parts(matter_HW):
        filled_HW = _fill_holes(part_HW, attenuation_HW)
        inside_HW |= _without_protrusions(filled_HW)
    # The blur before the threshold has moved the outline into the air.
    inside_HW = cv2.erode(inside_HW, np.ones((5, 5), np.uint8))
    return cv2.resize(inside_HW, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def _reduced_attenuation(transmission: np.ndarray) -> np.ndarray:
    """Give attenuation above that of noisy air, of all channels together, at the working scale."""
    seen = transmission.astype(np.float32, copy=False)
    if seen.ndim == 3:
        seen = cv2.transform(seen, np.full((1, seen.shape[2]), 1 / seen.shape[2], np.float32))
    height, width = seen.shape
    factor = min(1.0, WORKING_PX / max(height, width))
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    attenuation_HW = to_attenuation(cv2.resize(seen, size_wh, interpolation=cv2.INTER_AREA))
    # Transmission stops at 1, so noise in air shows as a little attenuation and never as a negative one.
    return attenuation_HW - min(np.percentile(attenuation_HW, _NOISE_PERCENTILE), _MAX_NOISE_ATTENUATION)


def _disc(radius_px: float) -> np.ndarray:
    side = 2 * max(1, round(radius_px)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def _without_specks(matter_HW: np.ndarray) -> np.ndarray:
    """Drop specks of noise, which closing would join to a bag that is not there."""
    _, label_HW = cv2.connectedComponents(matter_HW.astype(np.uint8), connectivity=8)
    return _keep(label_HW, np.bincount(label_HW.ravel()) >= _MIN_SPECK_OF_FRAME * matter_HW.size)


def _keep(label_HW: np.ndarray, is_kept: np.ndarray) -> np.ndarray:
    """Give the pixels of the labels to keep, never those of label 0."""
    kept = is_kept.astype(np.uint8)
    kept[0] = 0
    return kept.take(label_HW)


def _without_belt_lines(matter_HW: np.ndarray) -> np.ndarray:
    """Drop thin straight lines from one side of the frame to the other: the edges and seams of the belt."""
    kept_HW = matter_HW
    for axis, kernel_hw in ((1, (_BELT_LINE_PX + 1, 1)), (0, (1, _BELT_LINE_PX + 1))):
        is_across = matter_HW.mean(axis=axis, keepdims=True) > _BELT_LINE_SHARE
        if not is_across.any():
            continue
        thick_HW = cv2.morphologyEx(matter_HW, cv2.MORPH_OPEN, np.ones(kernel_hw, np.uint8))
        kept_HW = np.where(is_across, np.minimum(kept_HW, thick_HW), kept_HW)
    return kept_HW


def _big_parts(matter_HW: np.ndarray) -> list[np.ndarray]:
    _, label_HW = cv2.connectedComponents(matter_HW, connectivity=4)
    # The area of the box, not of the matter: a pale bag is little more than its outline.
    areas = [(y.stop - y.start) * (x.stop - x.start) for y, x in find_objects(label_HW)]
    least = max(_MIN_PART_OF_LARGEST * max(areas, default=0), _MIN_PART_OF_FRAME * matter_HW.size)
    return [(label_HW == part).astype(np.uint8) for part, area in enumerate(areas, 1) if area >= least]


def _fill_holes(part_HW: np.ndarray, attenuation_HW: np.ndarray) -> np.ndarray:
    """Fill the holes of one part, but neither loops of straps nor air between the part and the frame."""
    outside_HW, hole_label_HW, areas = _holes(part_HW)
    if not areas.size:
        return part_HW
    filled_HW = part_HW.copy()
    extent_px = np.sqrt(np.count_nonzero(part_HW) + areas.sum())
    near_outside_HW = _distance_to(outside_HW) <= _RIM_FRACTION * extent_px + _RIM_PX
    for hole, area in enumerate(areas, start=1):
        hole_HW = hole_label_HW == hole
        is_loop = area < _LOOP_MAX_FRACTION * extent_px**2 and near_outside_HW[hole_HW].any()
        is_air = np.median(attenuation_HW[hole_HW]) < _AIR_ATTENUATION
        if not (is_air and (is_loop or _touches_frame(hole_HW))):
            filled_HW[hole_HW] = 1
    return filled_HW


def _distance_to(part_HW: np.ndarray) -> np.ndarray:
    """Give each pixel's distance to a part, in pixels."""
    return cv2.distanceTransform(1 - part_HW, cv2.DIST_L2, cv2.DIST_MASK_5)


def _touches_frame(part_HW: np.ndarray) -> bool:
    return bool(part_HW[[0, -1]].any() or part_HW[:, [0, -1]].any())


def _holes(part_HW: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split what is not the part into the outside, labelled holes and the holes' areas.

    Along each side of the frame the part is taken to reach from its first to its last pixel there: the
    frame closes the bag that it cuts.
    """
    ringed_HW = cv2.copyMakeBorder(part_HW, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    for ring, edge in (
        (ringed_HW[0, 1:-1], part_HW[0]),
        (ringed_HW[-1, 1:-1], part_HW[-1]),
        (ringed_HW[1:-1, 0], part_HW[:, 0]),
        (ringed_HW[1:-1, -1], part_HW[:, -1]),
    ):
        touched = np.flatnonzero(edge)
        if touched.size:
            ring[touched[0] : touched[-1] + 1] = 1
    around_HW = cv2.copyMakeBorder(1 - ringed_HW, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, label_HW = cv2.connectedComponents(around_HW, connectivity=4)
    areas = np.bincount(label_HW.ravel())[2:]
    label_HW = label_HW[2:-2, 2:-2]
    # Label 1 holds the outermost ring, scanned first, thus the outside.
    return (label_HW == 1).astype(np.uint8), np.maximum(label_HW - 1, 0), areas


def _without_protrusions(filled_HW: np.ndarray) -> np.ndarray:
    """Open with a disc in proportion to the part; the frame's edge is no protrusion, so it is padded over."""
    radius_px = max(1, round(_OPENING_FRACTION * np.sqrt(np.count_nonzero(filled_HW))))
    left, top, width, height = cv2.boundingRect(filled_HW)
    # A pixel around it, so that only where the frame cuts the part its edge is repeated.
    rows = slice(max(0, top - 1), top + height + 1)
    columns = slice(max(0, left - 1), left + width + 1)
    padded_HW = cv2.copyMakeBorder(
        filled_HW[rows, columns], radius_px, radius_px, radius_px, radius_px, cv2.BORDER_REPLICATE
    )
    # Distances open with an exact disc, and faster than a kernel of its size.
    core_HW = cv2.distanceTransform(padded_HW, cv2.DIST_L2, cv2.DIST_MASK_5) > radius_px
    opened_HW = padded_HW & (_distance_to(core_HW.astype(np.uint8)) <= radius_px)
    body_HW = np.zeros_like(filled_HW)
    body_HW[rows, columns] = opened_HW[radius_px:-radius_px, radius_px:-radius_px]
    count, label_HW = cv2.connectedComponents(body_HW, connectivity=4)
    if count <= 2:
        return body_HW
    areas = np.bincount(label_HW.ravel())
    return _keep(label_HW, areas >= _MIN_PART_OF_LARGEST * areas[1:].max())
