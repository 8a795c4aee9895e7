"""Cut one item out of a scan: its own transmission and its soft coverage."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from rwsc.items.config import ItemsConfig
from rwsc.items.quality import Evidence, Quality, measure
from rwsc.items.unmix import bag_under, continuation_error, dilate
from rwsc.physics.transmission import from_attenuation
from rwsc.sources.schema import BBox

Method = Literal["given", "threshold", "mask_unmixed", "box_unmixed"]
"""given: alpha channel, or mask of an item alone on the belt; threshold: found on the belt by attenuation;
mask_unmixed: mask in a bag, the bag taken away; box_unmixed: the same with a mask found inside its box."""

_MIN_CONTEXT_PX = 16
_BOX_SLACK_PX = 2
_BOX_SLACK_SHARE = 0.03


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """An item cut out of a scan."""

    bbox_xywh: tuple[int, int, int, int]
    """Where the cut-out lies in the scan."""

    method: Method
    transmission_HWC: np.ndarray
    """The item's own transmission, float32 in (0, 1], 1 where its coverage is 0."""

    alpha_HW: np.ndarray
    """Coverage, float32 in [0, 1]."""

    bag_HWC: np.ndarray
    """Transmission of what lies under and around the cut-out, the item taken away; 1 where there was air only."""

    quality: Quality


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cut:
    """Where the item lies in its scan, and how that is known."""

    mask_HW: np.ndarray
    """True on the item; at least one pixel, of the scan's size."""

    method: Method
    alpha_HW: np.ndarray | None = None
    """Coverage as given, float32 in [0, 1], of which only parts that the cleaned mask holds are taken; None makes it
    from the mask."""

    others_HW: np.ndarray | None = None
    """True on other annotated items, which are not bag either."""

    bbox_xywh: BBox | None = None
    """Annotated box, where the mask was found by it; None where the mask needed none."""

    confidence: float = 1.0
    """How far the mask can be trusted."""


def extract_item(attenuation_HWC: np.ndarray, cut: Cut, config: ItemsConfig) -> Candidate:
    r"""Cut out the item under a mask.

    On air, the item's attenuation is the scan's. In a bag it is

    .. math:: t_f = \exp(-(a - a_b)), \qquad 0 \le a_b \le a

    with the scan's attenuation :math:`a` and the bag's, :math:`a_b`, continued from around the item. For
    pseudo-colour both hold per channel, which is an approximation; for two energies per energy, which beam hardening
    alone bends.

    Args:
        attenuation_HWC: Attenuation of the whole scan in nepers, float32.
        cut: Where the item lies.
        config: Settings.

    Returns:
        The cut-out with a rim's width of air around the cleaned mask, inside the picture.
    """
    mask_HW = clean_mask(
        cut.mask_HW, min_part_share=config.min_part_share, fill_holes_px=config.fill_holes_px
    )
    window, inner = _windows(mask_HW, config)
    scan_HWC, mask_HW_near = attenuation_HWC[window], mask_HW[window]
    taken_HW = mask_HW_near if cut.others_HW is None else mask_HW_near | cut.others_HW[window]
    hidden_HW = dilate(taken_HW, config.dilate_px)
    bag_HWC, error = np.zeros_like(scan_HWC), 0.0
    if cut.method.endswith("_unmixed"):
        bag_HWC = bag_under(scan_HWC, hidden_HW, neighbour_quantile=config.neighbour_quantile)
        bag_HWC = np.minimum(bag_HWC, scan_HWC)  # a part attenuates no more than the whole
        error = continuation_error(scan_HWC, hidden_HW, neighbour_quantile=config.neighbour_quantile)
    item_HWC = scan_HWC - bag_HWC
    alpha_HW = (
        soft_alpha(mask_HW_near, rim_px=config.rim_px)
        if cut.alpha_HW is None
        else _of_mask(cut.alpha_HW, mask_HW)[window]
    )
    transmission_HWC = np.where(alpha_HW[..., None] > 0, from_attenuation(item_HWC), np.float32(1))
    top, left = window[0].start + inner[0].start, window[1].start + inner[1].start
    alpha_HW = alpha_HW[inner]
    return Candidate(
        bbox_xywh=(left, top, alpha_HW.shape[1], alpha_HW.shape[0]),
        method=cut.method,
        transmission_HWC=transmission_HWC[inner],
        alpha_HW=alpha_HW,
        bag_HWC=from_attenuation(np.where(hidden_HW[..., None], bag_HWC, scan_HWC))[inner],
        quality=measure(
            Evidence(
                scan_HWC=scan_HWC,
                item_HWC=item_HWC,
                bag_HWC=bag_HWC,
                mask_HW=mask_HW_near,
                hidden_HW=hidden_HW,
                continuation_error=error,
                is_frame_HW=_frame(mask_HW.shape)[window],
                in_box_HW=_box_mask(cut.bbox_xywh, mask_HW.shape)[window],
            ),
            confidence=cut.confidence,
        ),
    )


def clean_mask(mask_HW: np.ndarray, *, min_part_share: float, fill_holes_px: int) -> np.ndarray:
    """Drop specks of a mask and fill its pinholes.

    Args:
        mask_HW: True on the item; at least one pixel.
        min_part_share: Least area of a part that is kept, as a share of the largest part's.
        fill_holes_px: Largest hole that is filled, in pixels.

    Returns:
        A mask of the same size.
    """
    labels_HW, area_N = _parts(mask_HW, connectivity=8)
    area_N[0] = 0  # what is not the mask
    cleaned_HW = (area_N >= min_part_share * area_N.max())[labels_HW] & mask_HW
    labels_HW, area_N = _parts(~cleaned_HW, connectivity=4)
    is_hole_N = (area_N <= fill_holes_px) & (area_N > 0)
    for edge in (labels_HW[0], labels_HW[-1], labels_HW[:, 0], labels_HW[:, -1]):
        is_hole_N[edge] = False
    return cleaned_HW | is_hole_N[labels_HW]


def _of_mask(alpha_HW: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
    """Take the parts out of a coverage that a cleaned mask no longer holds."""
    labels_HW, area_N = _parts(alpha_HW > 0, connectivity=8)
    is_kept_N = np.zeros(len(area_N), dtype=bool)
    is_kept_N[labels_HW[mask_HW]] = True
    return np.where(is_kept_N[labels_HW], alpha_HW, np.float32(0))


def _parts(mask_HW: np.ndarray, *, connectivity: int) -> tuple[np.ndarray, np.ndarray]:
    _, labels_HW, stats_N5, _ = cv2.connectedComponentsWithStats(
        mask_HW.astype(np.uint8), connectivity=connectivity
    )
    return labels_HW, stats_N5[:, cv2.CC_STAT_AREA].copy()


def soft_alpha(mask_HW: np.ndarray, *, rim_px: float) -> np.ndarray:
    """Turn a mask into coverage that falls linearly across its edge, holes included.

    Args:
        mask_HW: True on the item.
        rim_px: Width of the fall, half of it on either side of the edge, in pixels.

    Returns:
        float32 in [0, 1].
    """
    # Padding keeps the picture's edge from counting as the mask's.
    padded = np.pad(mask_HW.astype(np.uint8), 1, mode="edge")
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    signed_px = np.where(padded > 0, inside - 0.5, 0.5 - outside)[1:-1, 1:-1]
    return np.clip(0.5 + signed_px / rim_px, 0, 1).astype(np.float32)


def _windows(mask_HW: np.ndarray, config: ItemsConfig) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Give the part of the scan to look at, and the part of that to keep."""
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    side_px = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    wide_px = config.dilate_px + max(_MIN_CONTEXT_PX, round(config.context * side_px))
    rim_px = int(np.ceil(config.rim_px / 2))
    outer, inner = [], []
    for found, length in ((rows, mask_HW.shape[0]), (columns, mask_HW.shape[1])):
        start = max(0, int(found[0]) - wide_px)
        outer.append(slice(start, min(length, int(found[-1]) + 1 + wide_px)))
        inner.append(
            slice(max(0, int(found[0]) - rim_px) - start, min(length, int(found[-1]) + 1 + rim_px) - start)
        )
    return (outer[0], outer[1]), (inner[0], inner[1])


def _frame(shape_hw: tuple[int, ...]) -> np.ndarray:
    is_frame_HW = np.zeros(shape_hw, dtype=bool)
    is_frame_HW[[0, -1]] = is_frame_HW[:, [0, -1]] = True
    return is_frame_HW


def _box_mask(bbox_xywh: BBox | None, shape_hw: tuple[int, ...]) -> np.ndarray:
    if bbox_xywh is None:
        return np.ones(shape_hw, dtype=bool)
    x, y, w, h = bbox_xywh
    slack_px = _BOX_SLACK_PX + _BOX_SLACK_SHARE * max(w, h)
    in_box_HW = np.zeros(shape_hw, dtype=bool)
    rows = slice(max(0, int(y - slack_px)), max(0, int(np.ceil(y + h + slack_px))))
    columns = slice(max(0, int(x - slack_px)), max(0, int(np.ceil(x + w + slack_px))))
    in_box_HW[rows, columns] = True
    return in_box_HW
