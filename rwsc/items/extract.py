"""Cut one item out of a scan: its own transmission, its soft coverage, and how good they are."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from rwsc.items.config import ItemsConfig
from rwsc.items.unmix import bag_under, dilate
from rwsc.physics.transmission import from_attenuation, to_attenuation, to_transmission

Method = Literal["mask", "mask_unmixed"]

_MIN_CONTEXT_PX = 16
_RIM_BAND_PX = 3
_LOST_BELOW = 0.25
_AIR_BELOW = 0.1


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

    quality: Quality


def extract_item(
    image: np.ndarray,
    mask_HW: np.ndarray,
    *,
    air_level: np.ndarray,
    on_air: bool,
    others_HW: np.ndarray | None = None,
    config: ItemsConfig,
) -> Candidate:
    r"""Cut out the item under a mask.

    On air, the item's transmission is the image over the air level. In a bag it is

    .. math:: t_f = \exp(-\max(a - a_b, 0))

    with the scan's attenuation :math:`a` and the bag's, :math:`a_b`, continued from around the item. For
    pseudo-colour both hold per channel, which is an approximation.

    Args:
        image: Grey levels, uint8 or uint16, (H, W) or (H, W, C).
        mask_HW: True on the item; at least one pixel.
        air_level: Grey level of air per channel.
        on_air: Whether the item lies alone on the belt.
        others_HW: True on other annotated items, which are not bag either.
        config: Settings.

    Returns:
        The cut-out with a rim's width of air around the cleaned mask, inside the picture.
    """
    mask_HW = clean_mask(mask_HW, min_part_share=config.min_part_share, fill_holes_px=config.fill_holes_px)
    window, inner = _windows(mask_HW, config)
    image_HWC = image[window].reshape(*mask_HW[window].shape, -1)
    mask_HW_near = mask_HW[window]
    scan_HWC = to_attenuation(to_transmission(image_HWC, air_level))
    hidden_HW = dilate(
        mask_HW_near if others_HW is None else mask_HW_near | others_HW[window], config.dilate_px
    )
    bag_HWC = (
        np.zeros_like(scan_HWC)
        if on_air
        else bag_under(scan_HWC, hidden_HW, neighbour_quantile=config.neighbour_quantile)
    )
    item_HWC = np.maximum(scan_HWC - bag_HWC, 0)
    alpha_HW = soft_alpha(mask_HW_near, rim_px=config.rim_px)
    transmission_HWC = np.where(alpha_HW[..., None] > 0, from_attenuation(item_HWC), np.float32(1))
    top, left = window[0].start + inner[0].start, window[1].start + inner[1].start
    alpha_HW = alpha_HW[inner]
    return Candidate(
        bbox_xywh=(left, top, alpha_HW.shape[1], alpha_HW.shape[0]),
        method="mask" if on_air else "mask_unmixed",
        transmission_HWC=transmission_HWC[inner],
        alpha_HW=alpha_HW,
        quality=_measure(mask_HW, window, scan_HWC, item_HWC, hidden_HW),
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


def gate(quality: Quality, config: ItemsConfig) -> str | None:
    """Say why a cut-out is not good enough, or None where it is.

    Args:
        quality: Its measures.
        config: The limits.

    Returns:
        A reason that names value and limit.
    """
    q = quality
    checks = [
        (q.side_px < config.min_side_px, f"too small: {q.side_px} px across, least is {config.min_side_px}"),
        (q.area_px < config.min_area_px, f"too small: {q.area_px} pixels, least is {config.min_area_px}"),
        (
            q.frame_share > config.max_frame_share,
            f"cut off by the picture's edge: {q.frame_share:.0%} of its outline,"
            f" most is {config.max_frame_share:.0%}",
        ),
        (
            q.mean_attenuation < config.min_attenuation,
            f"no contrast: attenuation {q.mean_attenuation:.3f}, least is {config.min_attenuation}",
        ),
        (
            q.rim_contrast < config.min_rim_contrast,
            f"no outline: contrast {q.rim_contrast:.3f} at the rim, least is {config.min_rim_contrast}",
        ),
        (
            q.lost_share > config.max_lost_share,
            f"lost in its bag: {q.lost_share:.0%} of it cannot be told apart,"
            f" most is {config.max_lost_share:.0%}",
        ),
    ]
    return next((reason for fails, reason in checks if fails), None)


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


def _measure(
    mask_HW: np.ndarray,
    window: tuple[slice, slice],
    scan_HWC: np.ndarray,
    item_HWC: np.ndarray,
    hidden_HW: np.ndarray,
) -> Quality:
    near_HW = mask_HW[window]
    item_HW = item_HWC.mean(axis=2)
    rows, columns = np.flatnonzero(near_HW.any(axis=1)), np.flatnonzero(near_HW.any(axis=0))
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    area_px = int(near_HW.sum())
    strongest = int(item_HWC[near_HW].mean(axis=0).argmax())
    is_lost_N = item_HWC[near_HW][:, strongest] < _LOST_BELOW * scan_HWC[near_HW][:, strongest]
    return Quality(
        area_px=area_px,
        side_px=min(height, width),
        fill_ratio=area_px / (height * width),
        frame_share=_frame_share(mask_HW, window, item_HW),
        mean_attenuation=float(item_HW[near_HW].mean()),
        rim_contrast=_rim_contrast(near_HW, scan_HWC.mean(axis=2), hidden_HW),
        lost_share=float(is_lost_N.mean()),
    )


def _frame_share(mask_HW: np.ndarray, window: tuple[slice, slice], item_HW: np.ndarray) -> float:
    """Measure how much of the outline the picture cuts; over air a loose mask may reach the edge unharmed."""
    inside_HW = cv2.erode(np.pad(mask_HW, 1).astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    outline_HW = mask_HW & ~inside_HW
    on_frame_HW = np.zeros_like(mask_HW)
    on_frame_HW[[0, -1]] = on_frame_HW[:, [0, -1]] = True
    cut_HW = (outline_HW & on_frame_HW)[window] & (item_HW > _AIR_BELOW)
    return int(cut_HW.sum()) / int(outline_HW.sum())


def _rim_contrast(mask_HW: np.ndarray, scan_HW: np.ndarray, hidden_HW: np.ndarray) -> float:
    inside_HW = mask_HW & dilate(~mask_HW, _RIM_BAND_PX)
    around_HW = dilate(hidden_HW, _RIM_BAND_PX) & ~hidden_HW
    if not inside_HW.any() or not around_HW.any():
        return float(scan_HW[mask_HW].mean())
    return float(scan_HW[inside_HW].mean() - scan_HW[around_HW].mean())
