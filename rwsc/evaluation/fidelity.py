"""MAE, MSE and PSNR of 8-bit pictures, from exact sums."""

import math

import numpy as np

PEAK = 255
"""White; errors are in 8-bit grey levels."""


def mean_absolute_error(
    first: np.ndarray, second: np.ndarray, *, region_HW: np.ndarray | None = None
) -> float:
    """Give the mean distance of grey levels over pixels and channels.

    Args:
        first: uint8, (H, W) or (H, W, C).
        second: uint8, same shape.
        region_HW: Pixels that count, or None for all.

    Returns:
        0 to 255; NaN without a pixel.
    """
    return _mean(np.abs(_difference(first, second, region_HW)))


def mean_squared_error(
    first: np.ndarray, second: np.ndarray, *, region_HW: np.ndarray | None = None
) -> float:
    """Give the mean squared distance of grey levels; see `mean_absolute_error`."""
    return _mean(np.square(_difference(first, second, region_HW)))


def psnr_db(mse: float) -> float:
    r"""Turn a mean squared error into a peak signal to noise ratio.

    .. math:: PSNR = 10 \log_{10}(255^2 / MSE)

    Args:
        mse: In squared 8-bit grey levels.

    Returns:
        Decibels; infinite without an error, NaN for NaN.
    """
    return 10 * math.log10(PEAK**2 / mse) if mse else math.inf


def _difference(first: np.ndarray, second: np.ndarray, region_HW: np.ndarray | None) -> np.ndarray:
    if region_HW is not None:
        first, second = first[region_HW], second[region_HW]
    return first.astype(np.int32) - second.astype(np.int32)


def _mean(values: np.ndarray) -> float:
    return int(values.sum(dtype=np.int64)) / values.size if values.size else math.nan
