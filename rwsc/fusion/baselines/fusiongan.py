"""FusionGAN: a generator held to the intensity of one source and the gradients of the other."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.luma_network import SLOPE, LumaNetwork, scaled

DEVIATIONS = (
    "FusionGAN: which source gives the intensity and which the gradients is our choice (item and bag; swapped: bag"
    " and item); trained on our pairs, crops and steps, discriminator sized to the crop; the kept checkpoint is"
    " the one of the least content loss; learning rate falling linearly to zero over the second half of the steps,"
    " gradients clipped."
)
"""How ours differs from the published method, for a table's caption."""

REACH_PX = 6
"""Pixels that the convolutions without padding take away on each side."""

_LAYERS = ((5, 256), (5, 128), (3, 64), (3, 32))
_CRITIC_LAYERS = (32, 64, 128, 256)


class FusionGanNetwork(LumaNetwork):
    """The generator; 925,633 parameters.

    It works on values in [-1, 1] and without padding. To keep the size, the sources' rim is repeated first; what
    lies `REACH_PX` from the rim does not see that.

    Args:
        config: Method, which says the roles, and width.

    Reference:
        Ma et al., FusionGAN: a generative adversarial network for infrared and visible image fusion, Information
        Fusion 2019.
    """

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        layers: list[nn.Module] = []
        num_in = 2
        for kernel, count in _LAYERS:
            num_out = scaled(count, config)
            layers += [
                spectral_norm(nn.Conv2d(num_in, num_out, kernel)),
                nn.BatchNorm2d(num_out),
                nn.LeakyReLU(SLOPE),
            ]
            num_in = num_out
        self.layers = nn.Sequential(*layers, nn.Conv2d(num_in, 1, kernel_size=1), nn.Tanh())

    def fuse_luma(self, item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
        """Fuse luminance; see `LumaNetwork.fuse_luma`."""
        pair_B2HW = 2 * torch.cat(self.roles(item_B1HW, bag_B1HW), dim=1) - 1
        return (self.layers(F.pad(pair_B2HW, (REACH_PX,) * 4, mode="replicate")) + 1) / 2

    def roles(self, item_B1HW: Tensor, bag_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Say which source gives the intensity and which the gradients.

        Args:
            item_B1HW: Luminance of the item on air.
            bag_B1HW: Luminance of the bag.

        Returns:
            The source of intensity, then that of gradients.
        """
        if self.config.method == "fusiongan_swapped":
            return bag_B1HW, item_B1HW
        return item_B1HW, bag_B1HW


class Discriminator(nn.Module):
    """Tells the source of gradients from what the generator makes; needed in training only.

    At the published 120 px it has 397,953 parameters.

    Args:
        side_px: Side of the square pictures it sees, at least 31.
        config: Width.

    Raises:
        ValueError: Pictures too small for four convolutions without padding.
    """

    def __init__(self, side_px: int, config: BaselineConfig) -> None:
        super().__init__()
        if side_px < 31:
            raise ValueError(f"the discriminator sees pictures of 31 px or more, not {side_px}")
        layers: list[nn.Module] = []
        num_in = 1
        for number, count in enumerate(_CRITIC_LAYERS):
            num_out = scaled(count, config)
            layers.append(nn.Conv2d(num_in, num_out, kernel_size=3, stride=2))
            if number:
                layers.append(nn.BatchNorm2d(num_out))
            layers.append(nn.LeakyReLU(SLOPE))
            num_in, side_px = num_out, (side_px - 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(num_in * side_px**2, 1))

    def forward(self, x_B1HW: Tensor) -> Tensor:
        """Give a score per picture, (B,), high for a source."""
        return self.layers(x_B1HW)[:, 0]
