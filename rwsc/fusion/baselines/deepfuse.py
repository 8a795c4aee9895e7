"""DeepFuse: features of both sources by shared layers, added, and an image reconstructed from the sum."""

import torch
from torch import Tensor, nn

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.luma_network import LumaNetwork, scaled

DEVIATIONS = (
    "DeepFuse: the network of the paper, trained on our pairs, crops and steps; leaky rectifier 0.01;"
    " the rim is repeated, since zeros would draw a frame round white air;"
    " since its loss knows no level, the output is stretched to the range of the two sources (the authors stretch"
    " to the whole range of 8 bits); learning rate falling linearly to zero over the second half of the steps,"
    " gradients clipped."
)
"""How ours differs from the published method, for a table's caption."""

_SLOPE = 0.01


class DeepFuseNetwork(LumaNetwork):
    """Two shared layers, a sum, three more; 88,961 parameters.

    In training the output is what the last convolution gives, of any level: the loss takes each window's mean
    away. In evaluation it is stretched linearly to the range of the two sources.

    Args:
        config: Method and width.

    Reference:
        Prabhakar et al., DeepFuse: a deep unsupervised approach for exposure fusion with extreme exposure image
        pairs, ICCV 2017.
    """

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        few, many = scaled(16, config), scaled(32, config)
        self.encoder = nn.Sequential(
            _conv(1, few, kernel=5), nn.LeakyReLU(_SLOPE), _conv(few, many, kernel=7), nn.LeakyReLU(_SLOPE)
        )
        self.decoder = nn.Sequential(
            _conv(many, many, kernel=7),
            nn.LeakyReLU(_SLOPE),
            _conv(many, few, kernel=5),
            nn.LeakyReLU(_SLOPE),
            _conv(few, 1, kernel=5),
        )

    def fuse_luma(self, item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
        """Fuse luminance; see `LumaNetwork.fuse_luma`. In training the result may leave [0, 1]."""
        fused_B1HW = self.decoder(self.encoder(item_B1HW) + self.encoder(bag_B1HW))
        if self.training:
            return fused_B1HW
        sources_B2HW = torch.cat([item_B1HW, bag_B1HW], dim=1)
        return _stretch(fused_B1HW, *_range(sources_B2HW))


def _conv(num_in: int, num_out: int, *, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(num_in, num_out, kernel_size=kernel, padding=kernel // 2, padding_mode="replicate")


def _range(x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Give the smallest and the largest value of each image, (B, 1, 1, 1)."""
    return x_BCHW.amin(dim=(1, 2, 3), keepdim=True), x_BCHW.amax(dim=(1, 2, 3), keepdim=True)


def _stretch(x_B1HW: Tensor, least_B111: Tensor, most_B111: Tensor) -> Tensor:
    own_least_B111, own_most_B111 = _range(x_B1HW)
    share_B1HW = (x_B1HW - own_least_B111) / (own_most_B111 - own_least_B111).clamp_min(1e-6)
    return least_B111 + share_B1HW * (most_B111 - least_B111)
