import pytest
import torch

from rwsc.fusion.baselines.config import BASELINE_NAMES, BaselineConfig
from rwsc.fusion.baselines.luma_network import LumaNetwork
from rwsc.fusion.baselines.methods import build_baseline
from rwsc.fusion.network.network import luma


def make_network(method, width_divisor=4, seed=0):
    torch.manual_seed(seed)
    return build_baseline(BaselineConfig(method=method, width_divisor=width_divisor)).eval()


def sources(channels=3, hw=(37, 52), number=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    item, bag = (torch.rand((number, channels, *hw), generator=generator) for _ in range(2))
    return item, bag, torch.zeros((number, 1, *hw))


@pytest.mark.parametrize("method", BASELINE_NAMES)
@pytest.mark.parametrize("hw", [(16, 16), (37, 52), (200, 150)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_comes_back_in_range_gray_or_in_colour(method, hw, channels):
    item, bag, mask = sources(channels, hw)
    fused = make_network(method)(item, bag, mask)
    assert fused.shape == bag.shape
    assert fused.min() >= 0
    assert fused.max() <= 1


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_pictures_of_a_batch_do_not_see_each_other(method):
    network, (item, bag, mask) = make_network(method), sources()
    together = network(item, bag, mask)
    alone = torch.cat([network(item[i : i + 1], bag[i : i + 1], mask[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_the_mask_is_not_looked_at(method):
    network, (item, bag, mask) = make_network(method), sources()
    assert torch.equal(network(item, bag, mask), network(item, bag, 1 - mask))


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_colour_is_a_rule_about_the_same_luminance(method):
    network, (item, bag, mask) = make_network(method), sources()
    item, bag = (0.45 + 0.1 * x for x in (item, bag))  # pale, so that nothing is clipped
    in_colour, gray = network(item, bag, mask), network(luma(item), luma(bag), mask)
    inside = (in_colour > 0).all(dim=1, keepdim=True) & (in_colour < 1).all(dim=1, keepdim=True)
    assert inside.float().mean() > 0.9
    torch.testing.assert_close(luma(in_colour)[inside], gray[inside], atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_both_sources_reach_the_result_and_every_parameter_gets_a_gradient(method):
    network = make_network(method).train()
    for name, parameter in network.named_parameters():  # MEFNet's norm has no share in the beginning
        if name.endswith("share"):
            parameter.data += 0.1
    item, bag, mask = sources(1)
    item.requires_grad_()
    bag.requires_grad_()
    weights = torch.rand(bag.shape, generator=torch.Generator().manual_seed(4))
    (network(item, bag, mask) * weights).sum().backward()
    assert item.grad.abs().max() > 0
    assert bag.grad.abs().max() > 0
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    "shapes",
    [((1, 3, 20, 20), (1, 3, 20, 21)), ((1, 2, 20, 20), (1, 2, 20, 20)), ((3, 20, 20), (3, 20, 20))],
)
def test_shapes_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="of one shape"):
        make_network("deepfuse")(torch.rand(shapes[0]), torch.rand(shapes[1]), torch.zeros(1))


def test_a_network_of_no_method_fuses_nothing():
    with pytest.raises(TypeError, match="fuse_luma"):
        LumaNetwork(BaselineConfig(method="mefnet"))
