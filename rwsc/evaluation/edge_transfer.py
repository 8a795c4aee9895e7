"""Q^AB/F: how much of the edges of two pictures arrived in their fusion (Xydeas and Petrovic, 2000)."""

import numpy as np

from rwsc.evaluation.gradients import SOBEL, Border, Gradient, gradient

MAX_QABF = 0.9994 / (1 + np.exp(-15 * 0.5)) * 0.9879 / (1 + np.exp(-22 * 0.2))
"""What a fusion gets that has every edge of both, 0.97479."""


def qabf(
    item_HW: np.ndarray,
    bag_HW: np.ndarray,
    fused_HW: np.ndarray,
    *,
    border: Border = "replicate",
    region_HW: np.ndarray | None = None,
) -> float:
    r"""Give the share of edges kept, weighted by their strength.

    .. math:: Q^{AB/F} = \frac{\sum Q^{AF} g_A + Q^{BF} g_B}{\sum g_A + g_B}

    It is a ratio of sums over pixels. The order of the two sources does not matter.

    Args:
        item_HW: Grey levels 0 to 255 of one source; whole numbers, see `rwsc.evaluation.luma`.
        bag_HW: Those of the other.
        fused_HW: Those of the fusion.
        border: What lies outside. Published code takes ``zero``; on light pictures the frame is then the
            strongest edge, which every fusion keeps.
        region_HW: Pixels to sum over, or None for all; gradients are those of the whole pictures.

    Returns:
        0 to `MAX_QABF`; NaN where no source has an edge.
    """
    fused = gradient(fused_HW, along=SOBEL, border=border)
    kept, all_edges = 0.0, 0.0
    for source_HW in (item_HW, bag_HW):
        source = gradient(source_HW, along=SOBEL, border=border)
        strength_HW = source.strength()
        if region_HW is not None:
            strength_HW = strength_HW * region_HW
        kept += float((_preserved(source, fused) * strength_HW).sum())
        all_edges += float(strength_HW.sum())
    return kept / all_edges if all_edges else float("nan")


def _preserved(source: Gradient, fused: Gradient) -> np.ndarray:
    """Give Q of every pixel: its strength and its direction, each through a logistic curve."""
    first_HW, second_HW = source.strength(), fused.strength()
    stronger_HW = np.maximum(first_HW, second_HW)
    ratio_HW = np.ones_like(stronger_HW)
    np.divide(np.minimum(first_HW, second_HW), stronger_HW, out=ratio_HW, where=stronger_HW > 0)
    agreement_HW = 1 - np.abs(_direction(source) - _direction(fused)) / (np.pi / 2)
    of_strength_HW = 0.9994 / (1 + np.exp(-15 * (ratio_HW - 0.5)))
    of_direction_HW = 0.9879 / (1 + np.exp(-22 * (agreement_HW - 0.8)))
    return of_strength_HW * of_direction_HW


def _direction(edge: Gradient) -> np.ndarray:
    """Give arctan(y / x), as published: +pi/2 wherever x is 0, and angles half a turn apart are far apart."""
    slope_HW = np.full_like(edge.x_HW, np.inf)
    np.divide(edge.y_HW, edge.x_HW, out=slope_HW, where=edge.x_HW != 0)
    return np.arctan(slope_HW)
