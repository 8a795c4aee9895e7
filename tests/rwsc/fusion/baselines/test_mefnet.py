import numpy as np
import torch

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.mefnet import AdaptiveNorm, MefNetwork, lift


def make_network(seed=0):
    torch.manual_seed(seed)
    return MefNetwork(BaselineConfig(method="mefnet"))


def test_layers_are_dilated_and_have_no_bias_but_the_last():
    convolutions = [m for m in make_network().modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.dilation[0] for c in convolutions] == [1, 2, 4, 8, 16, 1, 1]
    assert [c.bias is None for c in convolutions] == [True] * 6 + [False]
    assert {c.out_channels for c in convolutions[:-1]} == {24}


def test_the_norm_begins_as_nothing():
    x = torch.randn(2, 3, 8, 9)
    norm = AdaptiveNorm(3)
    assert torch.equal(norm(x), x)
    norm.keep.data.zero_()
    norm.share.data.fill_(2)
    torch.testing.assert_close(norm(x).mean(dim=(2, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        norm(x).std(dim=(2, 3), correction=0), torch.full((2, 3), 2.0), atol=1e-3, rtol=0
    )


def test_every_pixel_lies_between_the_sources_and_their_order_does_not_matter():
    network, item, bag = make_network(), torch.rand(2, 1, 150, 170), torch.rand(2, 1, 150, 170)
    fused = network.fuse_luma(item, bag)
    assert (fused >= torch.minimum(item, bag) - 1e-6).all()
    assert (fused <= torch.maximum(item, bag) + 1e-6).all()
    torch.testing.assert_close(fused, network.fuse_luma(bag, item), atol=1e-4, rtol=0)


def test_weights_are_predicted_on_a_version_of_128_px():
    network, seen = make_network(), []
    network.layers.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    for hw in ((96, 96), (256, 320), (700, 300)):
        network.fuse_luma(torch.rand(1, 1, *hw), torch.rand(1, 1, *hw))
    assert seen == [(2, 1, 96, 96), (2, 1, 128, 160), (2, 1, 299, 128)]


def test_the_guided_filter_is_a_regression_in_each_window():
    """At one size, window by window with least squares; epsilon as a ridge on the slope."""
    generator = torch.Generator().manual_seed(0)
    guide, values = (torch.rand((1, 1, 7, 6), generator=generator) for _ in range(2))
    made = lift(values, guide, guide)[0, 0].numpy()
    guide, values = guide[0, 0].double().numpy(), values[0, 0].double().numpy()
    slopes, offsets = np.zeros_like(guide), np.zeros_like(guide)
    for row in range(7):
        for column in range(6):
            window = slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2)
            x, y = guide[window].ravel(), values[window].ravel()
            slopes[row, column] = np.cov(x, y, bias=True)[0, 1] / (x.var() + 1e-4)
            offsets[row, column] = y.mean() - slopes[row, column] * x.mean()
    np.testing.assert_allclose(made, slopes * guide + offsets, atol=2e-4)


def test_what_is_a_straight_function_of_the_guide_is_lifted_exactly():
    generator = torch.Generator().manual_seed(0)
    small, large = (
        torch.rand((1, 1, 16, 16), generator=generator),
        torch.rand((1, 1, 64, 48), generator=generator),
    )
    made = lift(3 * small - 1, small, large)
    assert (made - (3 * large - 1)).abs().max() < 0.05


def test_each_source_counts_by_the_weights_predicted_from_itself():
    network, item, bag = make_network(), torch.rand(1, 1, 40, 44), 0.5 + 0.2 * torch.rand(1, 1, 40, 44)
    item_weight, bag_weight = (lift(network.layers(x), x, x).abs() for x in (item, bag))
    expected = (item_weight * item + bag_weight * bag) / (item_weight + bag_weight)
    torch.testing.assert_close(network.fuse_luma(item, bag), expected, atol=1e-4, rtol=0)
