"""MEFNet: a weight map per source from a small version, lifted to full size by a guided filter."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.luma_network import SLOPE, LumaNetwork, scaled

DEVIATIONS = (
    "MEFNet: trained on our pairs, crops and steps, several pairs per step; the small version is never larger than"
    " the picture, hence the picture itself at crops up to 128 px; learning rate falling linearly to zero over the"
    " second half of the steps, gradients clipped."
)
"""How ours differs from the published method, for a table's caption."""

LOW_PX = 128
"""Shorter side of the version that the weights are predicted on, in pixels."""

_WIDTH = 24
_DILATIONS = (1, 2, 4, 8, 16, 1)
_RADIUS_PX = 1
_GUIDE_EPSILON = 1e-4
_WEIGHT_FLOOR = 1e-8


class AdaptiveNorm(nn.Module):
    r"""A learnt mix of the features as they are and normalised.

    .. math:: y = w_0 x + w_1 \mathrm{IN}(x), \qquad w_0 = 1, w_1 = 0 \text{ at first}

    Args:
        channels: Channels of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.keep = nn.Parameter(torch.tensor(1.0))
        self.share = nn.Parameter(torch.tensor(0.0))
        self.norm = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Give the mix, of the same shape."""
        return self.keep * x_BCHW + self.share * self.norm(x_BCHW)


class MefNetwork(LumaNetwork):
    """Dilated convolutions that see one source at a time, and a mean by their weights; 26,461 parameters.

    Every pixel of the result lies between those of the two sources.

    Args:
        config: Method and width.

    Reference:
        Ma et al., Deep guided learning for fast multi-exposure image fusion, TIP 2020.
    """

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        width, layers = scaled(_WIDTH, config), []
        for number, dilation in enumerate(_DILATIONS):
            num_in = width if number else 1
            layers += [
                nn.Conv2d(num_in, width, kernel_size=3, padding=dilation, dilation=dilation, bias=False),
                AdaptiveNorm(width),
                nn.LeakyReLU(SLOPE),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, kernel_size=1))

    def fuse_luma(self, item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
        """Fuse luminance; see `LumaNetwork.fuse_luma`."""
        both_S1HW = torch.cat([item_B1HW, bag_B1HW])  # sources lie on the batch axis: each is seen by itself
        low_S1hw = _shrink(both_S1HW)
        weight_S1HW = lift(self.layers(low_S1hw), low_S1hw, both_S1HW).abs() + _WEIGHT_FLOOR
        item_weight_B1HW, bag_weight_B1HW = weight_S1HW.chunk(2)
        sum_B1HW = item_weight_B1HW * item_B1HW + bag_weight_B1HW * bag_B1HW
        return (sum_B1HW / (item_weight_B1HW + bag_weight_B1HW)).clamp(0, 1)


def lift(low_B1hw: Tensor, low_guide_B1hw: Tensor, guide_B1HW: Tensor) -> Tensor:
    r"""Bring a small map to full size along the edges of a guide (fast guided filter).

    .. math:: q = \bar A \, I + \bar b, \qquad A = \frac{\mathrm{cov}(I, p)}{\mathrm{var}(I) + e},
        \quad b = \langle p \rangle - A \langle I \rangle

    with means over windows of three pixels of the small guide, A and b interpolated.

    Args:
        low_B1hw: The map :math:`p`.
        low_guide_B1hw: The guide at the map's size.
        guide_B1HW: The guide :math:`I` at full size.

    Returns:
        The map at full size.
    """
    low_B1hw, guide = low_B1hw.float(), low_guide_B1hw.float()
    mean_guide, mean_map = _box_mean(guide), _box_mean(low_B1hw)
    covariance = _box_mean(guide * low_B1hw) - mean_guide * mean_map
    variance = _box_mean(guide * guide) - mean_guide * mean_guide
    slope = covariance / (variance + _GUIDE_EPSILON)
    lines = torch.cat([slope, mean_map - slope * mean_guide], dim=1)
    size = guide_B1HW.shape[-2:]
    slope_B1HW, offset_B1HW = F.interpolate(lines, size=size, mode="bilinear", align_corners=True).split(1, 1)
    return slope_B1HW * guide_B1HW + offset_B1HW


def _box_mean(x_B1hw: Tensor) -> Tensor:
    return F.avg_pool2d(x_B1hw, 2 * _RADIUS_PX + 1, stride=1, padding=_RADIUS_PX, count_include_pad=False)


def _shrink(x_B1HW: Tensor) -> Tensor:
    height, width = x_B1HW.shape[-2:]
    scale = LOW_PX / min(height, width)
    if scale >= 1:
        return x_B1HW
    size = (round(scale * height), round(scale * width))
    return F.interpolate(x_B1HW, size=size, mode="bilinear", align_corners=False, antialias=True)
