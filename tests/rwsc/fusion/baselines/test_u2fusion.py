import torch
from torch.nn import functional as F

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.u2fusion import U2FusionNetwork


def test_layers_are_3x3_and_grow_by_44():
    network = U2FusionNetwork(BaselineConfig(method="u2fusion"))
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [
        (2, 44), (44, 44), (88, 44), (132, 44), (176, 44), (220, 44), (264, 128), (128, 64), (64, 32), (32, 1),
    ]  # fmt: skip
    assert {(c.kernel_size, c.padding, c.padding_mode) for c in convolutions} == {((3, 3), (1, 1), "reflect")}


def test_each_dense_layer_sees_all_before_it():
    """The same written out with tensors of weights, layer by layer."""
    torch.manual_seed(0)
    network = U2FusionNetwork(BaselineConfig(method="u2fusion", width_divisor=4))
    item, bag = torch.rand(1, 1, 9, 11), torch.rand(1, 1, 9, 11)

    def layer(x, convolution):
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, convolution.weight, convolution.bias)

    def leaky(x):
        return torch.where(x > 0, x, 0.2 * x)

    seen = [leaky(layer(torch.cat([item, bag], 1), network.first))]
    for convolution in network.dense:
        seen.append(leaky(layer(torch.cat(seen, 1), convolution)))
    x = torch.cat(seen, 1)
    for convolution in network.tail:
        x = leaky(layer(x, convolution))
    expected = 1 / (1 + torch.exp(-2 * layer(x, network.last)))  # tanh / 2 + 1/2
    torch.testing.assert_close(network.fuse_luma(item, bag), expected)
