"""Estimate what the bag attenuates under an item, from what lies around it."""

import cv2
import numpy as np

_SWEEPS = 8
_COARSEST_PX = 4
_RING_PX = 12
_NEIGHBOURS = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], dtype=np.float32)


def bag_under(attenuation_HWC: np.ndarray, hidden_HW: np.ndarray, *, neighbour_quantile: float) -> np.ndarray:
    r"""Continue the bag's attenuation smoothly below an item.

    The known surroundings are first capped, channel by channel, at a quantile of the ring next to the item: a
    metal neighbour must not be smeared under it. Then the hidden part is filled with the (approximately)
    harmonic function that meets them, :math:`\nabla^2 a = 0`.

    Args:
        attenuation_HWC: Attenuation of the scan around the item, float32, in nepers.
        hidden_HW: True where the item lies and close by it.
        neighbour_quantile: Where to cap, in (0, 1]; 1 caps at the densest neighbour.

    Returns:
        Attenuation of the bag alone, same shape; the scan's own, capped, where nothing is hidden; 0 where
        everything is.
    """
    ring_HW = dilate(hidden_HW, _RING_PX) & ~hidden_HW
    if not ring_HW.any():
        return np.zeros_like(attenuation_HWC)
    cap_C = np.quantile(attenuation_HWC[ring_HW], neighbour_quantile, axis=0).astype(np.float32)
    return fill_smoothly(np.minimum(attenuation_HWC, cap_C), ~hidden_HW)


def continuation_error(
    attenuation_HWC: np.ndarray, hidden_HW: np.ndarray, *, neighbour_quantile: float
) -> float:
    """Measure how well the bag can be continued here, where its truth can be seen: in a ring around the item.

    The ring is hidden too, and filled from further out.

    Args:
        attenuation_HWC: See `bag_under`.
        hidden_HW: See `bag_under`.
        neighbour_quantile: See `bag_under`.

    Returns:
        Mean absolute error in nepers over the ring and the channels; 0 where there is nothing around.
    """
    more_HW = dilate(hidden_HW, _RING_PX)
    ring_HW = more_HW & ~hidden_HW
    if not ring_HW.any() or more_HW.all():
        return 0.0
    filled_HWC = bag_under(attenuation_HWC, more_HW, neighbour_quantile=neighbour_quantile)
    return float(np.abs(filled_HWC - attenuation_HWC)[ring_HW].mean())


def fill_smoothly(values_HWC: np.ndarray, known_HW: np.ndarray) -> np.ndarray:
    """Fill the unknown part of a picture with a smooth function that meets the known part.

    Coarse to fine: each level starts from the one below, and a few Jacobi sweeps smooth it, so the cost is a
    few passes over the picture whatever the size of the gap.

    Args:
        values_HWC: float32; values at unknown places do not matter.
        known_HW: True where the values hold.

    Returns:
        float32, same shape, equal to the input where it is known, within its range elsewhere.
    """
    levels = [(np.where(known_HW[..., None], values_HWC, 0).astype(np.float32), known_HW)]
    while min(levels[-1][1].shape) > _COARSEST_PX and not levels[-1][1].all():
        levels.append(_halve(*levels[-1]))
    values_HWC, known_HW = levels.pop()
    mean_C = values_HWC[known_HW].mean(axis=0) if known_HW.any() else 0
    filled_HWC = np.where(known_HW[..., None], values_HWC, mean_C).astype(np.float32)
    for values_HWC, known_HW in reversed(levels):
        size_wh = known_HW.shape[::-1]
        start_HWC = cv2.resize(filled_HWC, size_wh, interpolation=cv2.INTER_LINEAR).reshape(values_HWC.shape)
        filled_HWC = _relax(np.where(known_HW[..., None], values_HWC, start_HWC), ~known_HW)
    return filled_HWC


def dilate(mask_HW: np.ndarray, radius_px: int) -> np.ndarray:
    """Grow a mask by a disc."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    return cv2.dilate(mask_HW.astype(np.uint8), disc) > 0


def _halve(values_HWC: np.ndarray, known_HW: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the known ones of each 2 x 2 pixels; a block is known where any of its pixels is."""
    height, width, channels = values_HWC.shape
    pad = ((0, height % 2), (0, width % 2))
    count_HW = np.pad(known_HW.astype(np.float32), pad)
    blocks_HW = (count_HW.shape[0] // 2, 2, count_HW.shape[1] // 2, 2)
    count_HW = count_HW.reshape(blocks_HW).sum(axis=(1, 3))
    total_HWC = np.pad(values_HWC, (*pad, (0, 0))).reshape(*blocks_HW, channels).sum(axis=(1, 3))
    return total_HWC / np.maximum(count_HW, 1)[..., None], count_HW > 0


def _relax(values_HWC: np.ndarray, unknown_HW: np.ndarray) -> np.ndarray:
    """Replace unknown pixels by the mean of their four neighbours, some times over."""
    for _ in range(_SWEEPS):
        mean_HWC = cv2.filter2D(values_HWC, -1, _NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
        values_HWC[unknown_HW] = mean_HWC.reshape(values_HWC.shape)[unknown_HW]
    return values_HWC
