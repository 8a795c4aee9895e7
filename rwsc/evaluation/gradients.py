"""Gradients of pictures as the fusion metrics take them: kernels not normalised, the border stated."""

from typing import Literal, NamedTuple

import cv2
import numpy as np

Border = Literal["replicate", "zero"]
"""What lies outside the picture: its own outermost pixels again, or black, which makes a light frame an edge."""

SOBEL = (1.0, 2.0, 1.0)
PREWITT = (1.0, 1.0, 1.0)
"""Weights along an edge; across it they are -1, 0, 1."""

_BORDERS: dict[Border, int] = {"replicate": cv2.BORDER_REPLICATE, "zero": cv2.BORDER_CONSTANT}


class Gradient(NamedTuple):
    """Differences of grey levels at every pixel, float64."""

    x_HW: np.ndarray
    """Left minus right."""

    y_HW: np.ndarray
    """Bottom minus top."""

    def strength(self) -> np.ndarray:
        """Give the length of the gradient, (H, W)."""
        return np.sqrt(self.x_HW**2 + self.y_HW**2)


def gradient(picture_HW: np.ndarray, *, along: tuple[float, float, float], border: Border) -> Gradient:
    """Differentiate a picture with a 3 x 3 kernel.

    Args:
        picture_HW: Grey levels 0 to 255.
        along: Weights along an edge, `SOBEL` or `PREWITT`.
        border: What lies outside the picture.

    Returns:
        The gradient, exact for integer grey levels.

    Raises:
        ValueError: There is no such border.
    """
    if border not in _BORDERS:
        raise ValueError(f"the border must be one of {', '.join(_BORDERS)}, not {border!r}")
    levels_HW = picture_HW.astype(np.float64)
    smooth, across = np.array(along), np.array((1.0, 0.0, -1.0))
    return Gradient(
        x_HW=cv2.sepFilter2D(levels_HW, cv2.CV_64F, across, smooth, borderType=_BORDERS[border]),
        y_HW=cv2.sepFilter2D(levels_HW, cv2.CV_64F, smooth, -across, borderType=_BORDERS[border]),
    )
