"""U2Fusion: densely connected layers over the concatenated pair, held to both sources by their information."""

import torch
from torch import Tensor, nn

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.luma_network import SLOPE, LumaNetwork, scaled

DEVIATIONS = (
    "U2Fusion: trained on our pairs, crops and steps, one task, hence without elastic weight consolidation;"
    " information weights from a pyramid of the picture itself with a temperature measured on phantoms, since"
    " no VGG-16 weights are fetched; learning rate falling linearly to zero over the second half of the steps,"
    " gradients clipped."
)
"""How ours differs from the published method, for a table's caption."""

_GROWTH = 44
_NUM_DENSE = 5
_TAIL = (128, 64, 32)


class U2FusionNetwork(LumaNetwork):
    """A convolution, five densely connected ones, and four that narrow to one channel; 659,217 parameters.

    Args:
        config: Method and width.

    Reference:
        Xu et al., U2Fusion: a unified unsupervised image fusion network, TPAMI 2020.
    """

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        growth = scaled(_GROWTH, config)
        self.first = _conv(2, growth)
        self.dense = nn.ModuleList(_conv(growth * (1 + number), growth) for number in range(_NUM_DENSE))
        counts = [growth * (1 + _NUM_DENSE), *(scaled(count, config) for count in _TAIL)]
        self.tail = nn.ModuleList(_conv(counts[i], counts[i + 1]) for i in range(len(_TAIL)))
        self.last = _conv(counts[-1], 1)

    def fuse_luma(self, item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
        """Fuse luminance; see `LumaNetwork.fuse_luma`."""
        features_BCHW = _leaky(self.first(torch.cat([item_B1HW, bag_B1HW], dim=1)))
        for layer in self.dense:
            features_BCHW = torch.cat([features_BCHW, _leaky(layer(features_BCHW))], dim=1)
        for layer in self.tail:
            features_BCHW = _leaky(layer(features_BCHW))
        return torch.tanh(self.last(features_BCHW)) / 2 + 0.5


def _conv(num_in: int, num_out: int) -> nn.Conv2d:
    return nn.Conv2d(num_in, num_out, kernel_size=3, padding=1, padding_mode="reflect")


def _leaky(x_BCHW: Tensor) -> Tensor:
    return nn.functional.leaky_relu(x_BCHW, SLOPE)
