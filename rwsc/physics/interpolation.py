"""Read pictures between their pixels."""

import cv2
import numpy as np

_MOST_SIDE = 2**15 - 2
"""Longest side that OpenCV maps to."""

_ROW = 2**14


def read_between(picture: np.ndarray, x_HW: np.ndarray, y_HW: np.ndarray) -> np.ndarray:
    """Read a picture linearly between its pixels; outside it, that of its edge.

    OpenCV refuses to map to 32,767 or more rows or columns; here there may be some 500 million in all.

    Args:
        picture: float32, (h, w) or (h, w, C), no side longer than 32,766.
        x_HW: Column of each place to read at, float32.
        y_HW: Row of each place.

    Returns:
        float32, (H, W) or (H, W, C).
    """
    if max(x_HW.shape) <= _MOST_SIDE:
        return _mapped(picture, x_HW, y_HW)
    read = _mapped(picture, _in_rows(x_HW), _in_rows(y_HW))
    return read.reshape(-1, *picture.shape[2:])[: x_HW.size].reshape(*x_HW.shape, *picture.shape[2:])


def _in_rows(place_HW: np.ndarray) -> np.ndarray:
    """Lay places out in rows that OpenCV takes, the last one filled up."""
    return np.pad(place_HW.ravel(), (0, -place_HW.size % _ROW)).reshape(-1, _ROW)


def _mapped(picture: np.ndarray, x_HW: np.ndarray, y_HW: np.ndarray) -> np.ndarray:
    return cv2.remap(picture, x_HW, y_HW, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
