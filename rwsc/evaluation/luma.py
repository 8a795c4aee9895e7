"""Grey levels of colour pictures, for metrics that are defined on one channel."""

import numpy as np

WEIGHTS = (299, 587, 114)
"""Shares of red, green and blue in thousandths."""


def to_luma(picture: np.ndarray) -> np.ndarray:
    r"""Turn a picture into grey levels, rounded to integers, halves to the even one.

    .. math:: Y = \mathrm{round}((299 R + 587 G + 114 B) / 1000)

    Rounding matters: on unrounded levels the direction of an edge is decided by noise of the last bit wherever
    the horizontal gradient is zero.

    Args:
        picture: uint8, (H, W), which stays as it is, or (H, W, 3).

    Returns:
        uint8, (H, W).
    """
    if picture.ndim == 2:
        return picture
    return np.rint(picture.astype(np.int32) @ np.array(WEIGHTS, np.int32) / 1000).astype(np.uint8)
