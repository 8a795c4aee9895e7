"""Statistics over the weighted pixels of an image, of which the losses are made."""

# B batch, C channels, H height, W width. Images are transmissions: 1 is air, 0 lets nothing through.

import torch
from torch import Tensor
from torch.nn import functional as F

from rwsc.fusion.network.network import luma

WINDOW_PX = 11
WINDOW_SIGMA_PX = 1.5
"""The Gaussian window of local means, as in structural similarity; the slides give none."""

MIN_VARIANCE = 1e-6
"""Below this variance a correlation is noise and counts as 0, without a gradient."""

_SATURATION_FLOOR = 1e-3


def overlap(bag_BCHW: Tensor, mask_B1HW: Tensor, *, air_threshold: float) -> Tensor:
    """Find where the item meets bag that is not air.

    Args:
        bag_BCHW: Transmission of the bag.
        mask_B1HW: Soft mask of the item, in [0, 1].
        air_threshold: Luminance at and above which a pixel of the bag counts as air.

    Returns:
        The mask's own value where the bag is darker than air, else 0, (B, 1, H, W).
    """
    return mask_B1HW * (luma(bag_BCHW) < air_threshold)


def local_mean(x_B1HW: Tensor) -> Tensor:
    """Average over a Gaussian window of `WINDOW_PX` pixels, repeating the rim.

    Args:
        x_B1HW: Images of one channel, of any size.

    Returns:
        Local means, of the same shape.
    """
    reach_px = WINDOW_PX // 2
    offset_px = torch.arange(-reach_px, reach_px + 1, device=x_B1HW.device, dtype=x_B1HW.dtype)
    window = torch.exp(-0.5 * (offset_px / WINDOW_SIGMA_PX).square())
    window = window / window.sum()
    padded_B1HW = F.pad(x_B1HW, (reach_px,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded_B1HW, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))


def saturation(x_BCHW: Tensor) -> Tensor:
    """Give the saturation of the hue-saturation-value model.

    Args:
        x_BCHW: Colour images in [0, 1]; of one channel the saturation is 0.

    Returns:
        Spread of the channels over the largest, in [0, 1], (B, 1, H, W); 0 for gray and towards black.
    """
    largest_B1HW = x_BCHW.amax(dim=1, keepdim=True)
    spread_B1HW = largest_B1HW - x_BCHW.amin(dim=1, keepdim=True)
    return spread_B1HW / largest_B1HW.clamp_min(_SATURATION_FLOOR)


def correlation(first_B1HW: Tensor, second_B1HW: Tensor, *, weight_B1HW: Tensor) -> Tensor:
    """Give Pearson's correlation over the weighted pixels of each image.

    Args:
        first_B1HW: One quantity.
        second_B1HW: The other.
        weight_B1HW: Weight of each pixel, at least 0; may be zero everywhere.

    Returns:
        Correlations in [-1, 1], (B,); 0 and without a gradient where either varies less than `MIN_VARIANCE`.
    """
    first_B1HW = first_B1HW - weighted_mean(first_B1HW, weight_B1HW).view(-1, 1, 1, 1)
    second_B1HW = second_B1HW - weighted_mean(second_B1HW, weight_B1HW).view(-1, 1, 1, 1)
    covariance_B = weighted_mean(first_B1HW * second_B1HW, weight_B1HW)
    first_variance_B = weighted_mean(first_B1HW.square(), weight_B1HW)
    second_variance_B = weighted_mean(second_B1HW.square(), weight_B1HW)
    varies_B = (first_variance_B >= MIN_VARIANCE) & (second_variance_B >= MIN_VARIANCE)
    # Where nothing varies the root is taken of 1: its gradient at 0 is infinite, and no zero mends that.
    product_B = torch.where(varies_B, first_variance_B * second_variance_B, 1.0)
    return torch.where(varies_B, covariance_B * torch.rsqrt(product_B), 0.0)


def weighted_mean(x_BCHW: Tensor, weight_B1HW: Tensor) -> Tensor:
    """Average over the channels and the weighted pixels of each image.

    Args:
        x_BCHW: Any quantity.
        weight_B1HW: Weight of each pixel, at least 0.

    Returns:
        Means, (B,); 0 where the weights are all zero.
    """
    total_B = (x_BCHW.mean(dim=1, keepdim=True) * weight_B1HW).sum(dim=(1, 2, 3))
    return total_B / weight_B1HW.sum(dim=(1, 2, 3)).clamp_min(1e-6)
