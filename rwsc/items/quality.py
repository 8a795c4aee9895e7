"""How good a cut-out is, measured, and whether that is good enough."""

from dataclasses import dataclass

import cv2
import numpy as np

from rwsc.items.config import ItemsConfig
from rwsc.items.unmix import dilate

_RIM_BAND_PX = 3
_RING_PX = 8
_LOST_BELOW = 0.25
_AIR_BELOW = 0.1
_LEAST_ATTENUATION = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """Measures of a cut-out by which it is kept or not."""

    area_px: int
    """Pixels of the mask."""

    side_px: int
    """Smaller of the mask's width and height."""

    fill_ratio: float
    """Share of its own tight box that the mask fills."""

    frame_share: float
    """Share of the mask's outline that lies on the picture's edge and attenuates there."""

    mean_attenuation: float
    """Mean attenuation of the item alone over its mask and the channels, in nepers."""

    rim_contrast: float
    """Attenuation of the scan just inside the mask less that around it, in nepers."""

    lost_share: float
    """Share of the mask with under a quarter of the scan's attenuation, in the item's strongest channel."""

    num_pieces: int
    """Parts of the mask that do not touch."""

    outside_box_share: float
    """Share of the mask that lies outside the annotated box, by more than a pixel or two."""

    bag_attenuation: float
    """Density under the item: mean attenuation of the bag as estimated, in nepers."""

    clutter: float
    """Standard deviation of the scan's attenuation around the item, in nepers; 0 on air."""

    residual_bag: float
    """How much bag may be left in the item, or taken too much: the error of continuing the bag where it can be
    seen, close to the item, as a share of the item's mean attenuation; 0 on air."""

    confidence: float
    """From 0 to 1: how far a mask that was found can be trusted; 1 for one that was given."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evidence:
    """What a cut-out is measured by: the same window of the scan seen in several ways."""

    scan_HWC: np.ndarray
    """Attenuation of the scan."""

    item_HWC: np.ndarray
    """Attenuation of the item alone."""

    bag_HWC: np.ndarray
    """Attenuation of the bag alone, as estimated."""

    mask_HW: np.ndarray
    """True on the item; at least one pixel."""

    hidden_HW: np.ndarray
    """True on this item, on other items, and close by them."""

    continuation_error: float
    """What `rwsc.items.unmix.continuation_error` gave, in nepers; 0 where no bag was taken away."""

    is_frame_HW: np.ndarray
    """True on the edge of the picture."""

    in_box_HW: np.ndarray
    """True inside the annotated box and a little around it."""


def gate(quality: Quality, config: ItemsConfig) -> str | None:
    """Say why a cut-out is not good enough, or None where it is.

    Args:
        quality: Its measures.
        config: The limits.

    Returns:
        A reason that names value and limit.
    """
    return next(
        filter(None, (check(quality, config) for check in (_size, _truncation, _outline, _bag))), None
    )


def _size(q: Quality, limits: ItemsConfig) -> str | None:
    if q.side_px < limits.min_side_px:
        return f"too small: {q.side_px} px across, least is {limits.min_side_px}"
    if q.area_px < limits.min_area_px:
        return f"too small: {q.area_px} pixels, least is {limits.min_area_px}"
    return None


def _truncation(q: Quality, limits: ItemsConfig) -> str | None:
    if q.frame_share > limits.max_frame_share:
        return (
            f"cut off by the picture's edge: {q.frame_share:.0%} of its outline,"
            f" most is {limits.max_frame_share:.0%}"
        )
    if q.outside_box_share > limits.max_outside_box_share:
        return (
            f"cut off by its box: {q.outside_box_share:.0%} of it lies outside,"
            f" most is {limits.max_outside_box_share:.0%}"
        )
    return None


def _outline(q: Quality, limits: ItemsConfig) -> str | None:
    if q.num_pieces > limits.max_pieces:
        return f"several pieces: {q.num_pieces}, most is {limits.max_pieces}"
    if q.mean_attenuation < limits.min_attenuation:
        return f"no contrast: attenuation {q.mean_attenuation:.3f}, least is {limits.min_attenuation}"
    if q.rim_contrast < limits.min_rim_contrast:
        return f"no outline: contrast {q.rim_contrast:.3f} at the rim, least is {limits.min_rim_contrast}"
    if q.confidence < limits.min_confidence:
        return f"doubtful outline: confidence {q.confidence:.2f}, least is {limits.min_confidence}"
    return None


def _bag(q: Quality, limits: ItemsConfig) -> str | None:
    if q.lost_share > limits.max_lost_share:
        return f"lost in its bag: {q.lost_share:.0%} of it cannot be told apart, most is {limits.max_lost_share:.0%}"
    if q.clutter > limits.max_clutter:
        return f"clutter: attenuation around it varies by {q.clutter:.2f}, most is {limits.max_clutter}"
    if q.residual_bag > limits.max_residual_bag:
        return (
            f"residual bag: what lies under it is known to {q.residual_bag:.0%} of its own attenuation,"
            f" most is {limits.max_residual_bag:.0%}"
        )
    return None


def measure(evidence: Evidence, *, confidence: float) -> Quality:
    """Measure a cut-out.

    Args:
        evidence: What it is measured by.
        confidence: How far its mask can be trusted, handed on.

    Returns:
        The measures.
    """
    mask_HW, item_HW = evidence.mask_HW, evidence.item_HWC.mean(axis=2)
    scan_HW = evidence.scan_HWC.mean(axis=2)
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    area_px, own_attenuation = int(mask_HW.sum()), float(item_HW[mask_HW].mean())
    ring_HW = dilate(evidence.hidden_HW, _RING_PX) & ~evidence.hidden_HW
    is_unmixed = bool(evidence.bag_HWC.any())
    return Quality(
        area_px=area_px,
        side_px=min(height, width),
        fill_ratio=area_px / (height * width),
        frame_share=_frame_share(mask_HW, evidence.is_frame_HW, item_HW),
        mean_attenuation=own_attenuation,
        rim_contrast=_rim_contrast(mask_HW, scan_HW, evidence.hidden_HW),
        lost_share=_lost_share(evidence),
        num_pieces=cv2.connectedComponents(mask_HW.astype(np.uint8), connectivity=8)[0] - 1,
        outside_box_share=float((mask_HW & ~evidence.in_box_HW).sum()) / area_px,
        bag_attenuation=float(evidence.bag_HWC[mask_HW].mean()),
        clutter=float(scan_HW[ring_HW].std()) if is_unmixed and ring_HW.any() else 0.0,
        residual_bag=evidence.continuation_error / max(own_attenuation, _LEAST_ATTENUATION),
        confidence=confidence,
    )


def _lost_share(evidence: Evidence) -> float:
    own_NC, scan_NC = evidence.item_HWC[evidence.mask_HW], evidence.scan_HWC[evidence.mask_HW]
    strongest = int(own_NC.mean(axis=0).argmax())
    return float((own_NC[:, strongest] < _LOST_BELOW * scan_NC[:, strongest]).mean())


def _frame_share(mask_HW: np.ndarray, is_frame_HW: np.ndarray, item_HW: np.ndarray) -> float:
    """Measure how much of the outline the picture cuts; over air a loose mask may reach the edge unharmed."""
    inside_HW = cv2.erode(np.pad(mask_HW, 1).astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    outline_HW = mask_HW & ~inside_HW
    cut_HW = outline_HW & is_frame_HW & (item_HW > _AIR_BELOW)
    return int(cut_HW.sum()) / int(outline_HW.sum())


def _rim_contrast(mask_HW: np.ndarray, scan_HW: np.ndarray, hidden_HW: np.ndarray) -> float:
    inside_HW = mask_HW & dilate(~mask_HW, _RIM_BAND_PX)
    around_HW = dilate(hidden_HW, _RIM_BAND_PX) & ~hidden_HW
    if not inside_HW.any() or not around_HW.any():
        return float(scan_HW[mask_HW].mean())
    return float(scan_HW[inside_HW].mean() - scan_HW[around_HW].mean())
