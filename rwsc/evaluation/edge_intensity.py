"""EI: how strong the edges of a picture are."""

import numpy as np

from rwsc.evaluation.gradients import SOBEL, Border, gradient
from rwsc.evaluation.regions import mean_over


def edge_intensity(
    picture_HW: np.ndarray, *, border: Border = "replicate", region_HW: np.ndarray | None = None
) -> float:
    r"""Give the mean length of the Sobel gradient.

    .. math:: EI = \mathrm{mean} \sqrt{g_x^2 + g_y^2}

    The kernel is not normalised. Noise raises it, so more is not better.

    Args:
        picture_HW: Grey levels 0 to 255.
        border: What lies outside the picture; with ``zero``, a light frame counts as an edge.
        region_HW: Pixels to average over, or None for all; gradients are those of the whole picture.

    Returns:
        0 and above; NaN without a pixel.
    """
    return mean_over(gradient(picture_HW, along=SOBEL, border=border).strength(), region_HW)
