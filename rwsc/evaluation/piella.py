"""Q_S, Q_W and Q_E: how alike a fusion is to its sources, window by window (Piella and Heijmans, 2003)."""

from typing import NamedTuple

import cv2
import numpy as np

from rwsc.evaluation.gradients import PREWITT, Border, gradient
from rwsc.evaluation.regions import mean_over

WINDOW_PX = 11
SIGMA_PX = 1.5
"""Side and spread of the Gaussian window of the SSIM index."""

C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2

_MARGIN_PX = WINDOW_PX // 2
_OFFSETS_PX = np.arange(WINDOW_PX) - _MARGIN_PX


class FusionQuality(NamedTuple):
    """Likeness of a fusion to its sources, -1 to 1, NaN where it is not defined."""

    plain: float
    """Q_S: the mean over windows."""

    weighted: float
    """Q_W: windows count by the larger variance of the sources."""


class _Local(NamedTuple):
    levels_HW: np.ndarray
    mean_HW: np.ndarray
    variance_HW: np.ndarray


def gaussian_window() -> np.ndarray:
    """Give the window along one axis; its sum is 1."""
    weights = np.exp(-(_OFFSETS_PX**2) / (2 * SIGMA_PX**2))
    return weights / weights.sum()


def fusion_quality(
    item_HW: np.ndarray, bag_HW: np.ndarray, fused_HW: np.ndarray, *, region_HW: np.ndarray | None = None
) -> FusionQuality:
    r"""Compare a fusion with its sources by SSIM, trusting in each window the source that varies more.

    .. math:: Q = \lambda\,\mathrm{SSIM}(A, F) + (1 - \lambda)\,\mathrm{SSIM}(B, F),
        \qquad \lambda = s_A / (s_A + s_B)

    with s the local variance and :math:`\lambda = 1/2` where both are zero. Q_S is the mean of Q, and Q_W its
    mean with weights :math:`\max(s_A, s_B)`. The order of the sources does not matter. Some public code lets
    windows where both sources are flat weigh 1/2; here, as in the definition, they weigh nothing.

    Args:
        item_HW: Grey levels 0 to 255 of one source, or its edge map.
        bag_HW: That of the other.
        fused_HW: That of the fusion.
        region_HW: Pixels whose windows count, or None for all. Only windows that lie in the picture as a whole
            are looked at.

    Returns:
        Both; NaN without a window, and the weighted one also where both sources are flat in every window.
    """
    if min(item_HW.shape) < WINDOW_PX:
        return FusionQuality(float("nan"), float("nan"))
    item, bag, fused = (_local(picture_HW) for picture_HW in (item_HW, bag_HW, fused_HW))
    total_HW = item.variance_HW + bag.variance_HW
    trust_HW = np.full_like(total_HW, 0.5)
    np.divide(item.variance_HW, total_HW, out=trust_HW, where=total_HW > 0)
    quality_HW = trust_HW * _ssim(item, fused) + (1 - trust_HW) * _ssim(bag, fused)
    weight_HW = np.maximum(item.variance_HW, bag.variance_HW)
    region_HW = None if region_HW is None else _inside(region_HW)
    weight = mean_over(weight_HW, region_HW)
    return FusionQuality(
        plain=mean_over(quality_HW, region_HW),
        weighted=mean_over(quality_HW * weight_HW, region_HW) / weight if weight else float("nan"),
    )


def edge_map(picture_HW: np.ndarray, *, border: Border = "zero") -> np.ndarray:
    """Give the length of the Prewitt gradient, of which Q_E takes a second Q_W.

    Args:
        picture_HW: Grey levels 0 to 255.
        border: What lies outside the picture; published code takes ``zero``.

    Returns:
        float64, (H, W); the kernel is not normalised, so values reach 1,082.
    """
    return gradient(picture_HW, along=PREWITT, border=border).strength()


def _local(picture_HW: np.ndarray) -> _Local:
    levels_HW = picture_HW.astype(np.float64)
    mean_HW = _windowed(levels_HW)
    variance_HW = _windowed(levels_HW**2) - mean_HW**2
    # In a flat window the difference is rounding noise, whose ratio to other noise would decide on trust.
    window = np.ones((WINDOW_PX, WINDOW_PX), np.uint8)
    is_flat_HW = _inside(cv2.dilate(levels_HW, window) == cv2.erode(levels_HW, window))
    return _Local(levels_HW, mean_HW, np.where(is_flat_HW, 0.0, np.maximum(variance_HW, 0.0)))


def _ssim(first: _Local, second: _Local) -> np.ndarray:
    product_HW = first.mean_HW * second.mean_HW
    covariance_HW = _windowed(first.levels_HW * second.levels_HW) - product_HW
    above_HW = (2 * product_HW + C1) * (2 * covariance_HW + C2)
    below_HW = (first.mean_HW**2 + second.mean_HW**2 + C1) * (first.variance_HW + second.variance_HW + C2)
    return above_HW / below_HW


def _windowed(values_HW: np.ndarray) -> np.ndarray:
    window = gaussian_window()
    return _inside(cv2.sepFilter2D(values_HW, cv2.CV_64F, window, window))


def _inside(values_HW: np.ndarray) -> np.ndarray:
    """Keep the centres of windows that lie in the picture as a whole."""
    return values_HW[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
