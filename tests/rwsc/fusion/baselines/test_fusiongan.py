import pytest
import torch
from torch.nn import functional as F

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.fusiongan import REACH_PX, Discriminator, FusionGanNetwork


def make_network(method="fusiongan", divisor=4):
    torch.manual_seed(0)
    return FusionGanNetwork(BaselineConfig(method=method, width_divisor=divisor))


def test_layers_are_those_published():
    convolutions = [m for m in make_network(divisor=1).modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(c.kernel_size[0], c.in_channels, c.out_channels, c.padding) for c in convolutions] == [
        (5, 2, 256, (0, 0)), (5, 256, 128, (0, 0)), (3, 128, 64, (0, 0)), (3, 64, 32, (0, 0)), (1, 32, 1, (0, 0)),
    ]  # fmt: skip


def test_inside_the_result_is_that_without_padding():
    network = make_network().eval()
    item, bag = torch.rand(1, 1, 30, 31), torch.rand(1, 1, 30, 31)
    bare = (network.layers(2 * torch.cat([item, bag], 1) - 1) + 1) / 2
    assert bare.shape[-2:] == (30 - 2 * REACH_PX, 31 - 2 * REACH_PX)
    padded = network.fuse_luma(item, bag)
    inside = padded[..., REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
    torch.testing.assert_close(inside, bare)


def test_swapped_means_the_other_way_round():
    item, bag = torch.rand(1, 1, 30, 31), torch.rand(1, 1, 30, 31)
    network, swapped = make_network().eval(), make_network("fusiongan_swapped").eval()
    assert torch.equal(network.fuse_luma(item, bag), swapped.fuse_luma(bag, item))
    assert network.roles(item, bag)[0] is item
    assert swapped.roles(item, bag)[0] is bag


def test_all_wide_layers_have_unit_spectral_norm():
    network = make_network().train()
    for _ in range(30):  # the power iteration settles
        network.fuse_luma(torch.rand(2, 1, 20, 20), torch.rand(2, 1, 20, 20))
    network.eval()
    weights = [m.weight for m in network.layers if isinstance(m, torch.nn.Conv2d)]
    norms = [float(torch.linalg.matrix_norm(w.detach().flatten(1), ord=2)) for w in weights[:-1]]
    assert norms == pytest.approx([1] * 4, abs=0.02)


def test_the_discriminator_is_the_published_one_at_120_px():
    critic = Discriminator(120, BaselineConfig(method="fusiongan"))
    assert sum(parameter.numel() for parameter in critic.parameters()) == 397_953
    assert critic(torch.rand(3, 1, 120, 120)).shape == (3,)
    assert critic.layers[-1].in_features == 6 * 6 * 256
    assert F.conv2d(torch.rand(1, 1, 120, 120), critic.layers[0].weight, stride=2).shape[-1] == 59


@pytest.mark.parametrize("side_px", [31, 32, 84, 121])
def test_the_discriminator_fits_the_crop(side_px):
    assert Discriminator(side_px, BaselineConfig(method="fusiongan"))(
        torch.rand(2, 1, side_px, side_px)
    ).shape == (2,)


def test_pictures_too_small_for_it_are_refused():
    with pytest.raises(ValueError, match="31 px or more, not 30"):
        Discriminator(30, BaselineConfig(method="fusiongan"))
