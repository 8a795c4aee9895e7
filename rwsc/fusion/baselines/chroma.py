"""The fixed rule by which every baseline carries colour: they fuse luminance alone."""

# B batch, H height, W width. Images are transmissions in [0, 1]; chroma is told as its distance from neutral.

import torch
from torch import Tensor

from rwsc.fusion.network.network import luma

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114


def with_chroma(fused_B1HW: Tensor, item_B3HW: Tensor, bag_B3HW: Tensor) -> Tensor:
    r"""Give fused luminance the chroma of both sources (YCbCr of Rec. 601), each weighted by its own strength.

    .. math:: c = \frac{c_1 |c_1| + c_2 |c_2|}{|c_1| + |c_2|}, \qquad c_i = C_i - \tau

    for Cb and Cr alike, neutral where both sources are.

    Args:
        fused_B1HW: Fused luminance, in [0, 1].
        item_B3HW: Item on air, in [0, 1], whose chroma counts.
        bag_B3HW: Bag, same shape.

    Returns:
        Colour image, clipped to [0, 1], (B, 3, H, W).
    """
    (item_blue, item_red), (bag_blue, bag_red) = _chroma(item_B3HW), _chroma(bag_B3HW)
    blue_B1HW = fused_B1HW + 2 * (1 - _BLUE) * _by_strength(item_blue, bag_blue)
    red_B1HW = fused_B1HW + 2 * (1 - _RED) * _by_strength(item_red, bag_red)
    green_B1HW = (fused_B1HW - _RED * red_B1HW - _BLUE * blue_B1HW) / _GREEN
    return torch.cat([red_B1HW, green_B1HW, blue_B1HW], dim=1).clamp(0, 1)


def _chroma(x_B3HW: Tensor) -> tuple[Tensor, Tensor]:
    """Give Cb and Cr, in [-0.5, 0.5], 0 for gray."""
    luma_B1HW = luma(x_B3HW)
    blue_B1HW = (x_B3HW[:, 2:] - luma_B1HW) / (2 * (1 - _BLUE))
    return blue_B1HW, (x_B3HW[:, :1] - luma_B1HW) / (2 * (1 - _RED))


def _by_strength(first_B1HW: Tensor, second_B1HW: Tensor) -> Tensor:
    total_B1HW = first_B1HW.abs() + second_B1HW.abs()
    weighted_B1HW = first_B1HW * first_B1HW.abs() + second_B1HW * second_B1HW.abs()
    return weighted_B1HW / total_B1HW.clamp_min(1e-6)
