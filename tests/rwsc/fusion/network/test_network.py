import pytest
import torch
from torch import nn

from rwsc.fusion.network.blocks import laplacian_sharpen
from rwsc.fusion.network.config import NetworkConfig, named_config
from rwsc.fusion.network.network import RwscNetwork, luma

# float32 through a few dozen layers.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def scene(seed=0, size=(48, 48), batch=2):
    """A bag of coloured layers, and an item on air with a soft mask."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    bag = 0.3 + 0.7 * torch.rand((batch, 3, height, width), generator=generator)
    mask = torch.zeros(batch, 1, height, width)
    mask[..., height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = 1
    mask = nn.functional.avg_pool2d(mask, 3, stride=1, padding=1)
    item = 1 - mask * (1 - 0.2 - 0.6 * torch.rand((batch, 3, height, width), generator=generator))
    return item, bag, mask


def make_network(seed=0, *, is_trained=True, **changes):
    torch.manual_seed(seed)
    network = RwscNetwork(named_config("tiny", **changes))
    if is_trained:  # away from the layers that start at zero
        for parameter in network.parameters():
            parameter.data += 0.03 * torch.randn_like(parameter)
    return network.eval()


def air(like):
    return torch.ones_like(like)


@torch.inference_mode()
def run(network, *inputs):
    return network(*inputs)


@pytest.mark.parametrize(("size", "least", "most"), [("tiny", 0.3e6, 0.5e6), ("base", 11e6, 13e6)])
def test_parameter_counts(size, least, most):
    with torch.device("meta"):
        network = RwscNetwork(named_config(size))
    assert least < sum(parameter.numel() for parameter in network.parameters()) < most


def test_a_fresh_network_gives_the_product_of_transmissions():
    item, bag, mask = scene()
    torch.testing.assert_close(run(make_network(is_trained=False), item, bag, mask), item * bag)


def test_the_pixels_branch_starts_from_the_same_network():
    plain, more = (make_network(is_trained=False, pixel_channels=count) for count in (0, 8))
    torch.testing.assert_close(run(more, *scene()), run(plain, *scene()))
    kept = more.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in plain.state_dict().items())
    assert {name.split(".")[0] for name in kept.keys() - plain.state_dict().keys()} == {"pixels"}


def test_a_fresh_network_leaves_a_bag_without_an_item_as_it_is():
    _, bag, mask = scene()
    fresh = make_network(is_trained=False)
    torch.testing.assert_close(run(fresh, air(bag), bag, torch.zeros_like(mask)), bag)


def test_air_has_no_features():
    network = make_network()
    for is_item in (True, False):
        features = network.encode(torch.ones(1, 3, 32, 40), is_item=is_item)
        assert [tuple(feature.shape[1:]) for feature in features] == [(16, 32, 40), (32, 16, 20), (64, 8, 10)]
        assert all((feature == 0).all() for feature in features)


def test_both_encoders_begin_with_the_same_stage_and_then_part():
    network, (item, _, _) = make_network(), scene()
    as_item, as_bag = network.encode(item, is_item=True), network.encode(item, is_item=False)
    torch.testing.assert_close(as_item[0], as_bag[0])
    assert (as_item[1] - as_bag[1]).abs().max() > 1e-3


@pytest.mark.parametrize("residual", ["tip", "none"])
@pytest.mark.parametrize("size", [(48, 48), (33, 47), (5, 7), (1, 1)])
def test_any_size_goes_in_and_comes_out(size, residual):
    inputs = scene(size=size)
    fused = run(make_network(residual=residual), *inputs)
    assert fused.shape == inputs[1].shape
    assert torch.isfinite(fused).all()
    assert fused.min() >= 0
    assert fused.max() <= 1


def test_an_odd_size_is_the_padded_size_cropped():
    network = make_network()
    item, bag, mask = scene(size=(45, 46))
    padded = [nn.functional.pad(x, (0, 2, 0, 3), mode="replicate") for x in (item, bag, mask)]
    torch.testing.assert_close(run(network, item, bag, mask), run(network, *padded)[..., :45, :46], **CLOSE)


def test_one_sample_gives_the_same_alone_and_in_a_batch():
    network, inputs = make_network(), scene(batch=3)
    together = run(network, *inputs)
    for index in range(3):
        alone = run(network, *(x[index : index + 1] for x in inputs))
        torch.testing.assert_close(alone, together[index : index + 1], **CLOSE)


def test_the_same_seed_gives_the_same_network():
    first, second, other = make_network(1), make_network(1), make_network(2)
    for one, two in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first.head.weight, other.head.weight)


@pytest.mark.parametrize("residual", ["tip", "none"])
@pytest.mark.parametrize("level", [0.0, 1.0], ids=["empty", "full"])
def test_an_empty_or_full_mask_gives_finite_values_and_gradients(level, residual):
    network = make_network(residual=residual)
    item, bag, mask = scene()
    network(item, bag, torch.full_like(mask, level)).mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize("source", [0.0, 1.0], ids=["black", "air"])
def test_black_and_air_give_finite_values_and_gradients(source):
    network = make_network()
    item, bag, mask = scene()
    fused = network(torch.full_like(item, source), torch.full_like(bag, source), mask)
    fused.mean().backward()
    assert torch.isfinite(fused).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_every_parameter_learns():
    for changes in (
        {},
        {"residual": "none"},
        {"rwsc": "pooled_only"},
        {"copy_sources": False},
        {"pixel_channels": 8},
    ):
        network = make_network(**changes)
        network(*scene()).square().mean().backward()
        still = [name for name, value in network.named_parameters() if not value.grad.abs().any()]
        assert still == [], changes


@pytest.mark.parametrize("limit", [0.5, 1.5])
def test_the_residual_stays_within_its_limit(limit):
    network = make_network(residual_limit=limit)
    nn.init.constant_(network.head.bias, 100.0)
    item, bag, mask = scene()
    dark = 0.2 * bag
    ratio = run(network, item, dark, mask) / (item * dark)
    torch.testing.assert_close(ratio, torch.full_like(ratio, limit).exp(), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    "changes",
    [
        {"edge_attention": False},
        {"ea_kernel": 7},
        {"ea_sign": "flipped"},
        {"ea_residual": True},
        {"ea_temperature": 0.1},
        {"rwsc": "pooled_only"},
        {"residual": "none"},
        {"sharpen_strength": 0.3},
        {"sharpen": "inputs", "sharpen_strength": 0.3},
        {"sharpen": "edge_branch", "sharpen_strength": 0.3},
    ],
    ids=str,
)
def test_each_switch_changes_the_result_and_no_tensor(changes):
    # The same weights under another switch: whatever differs is the switch's doing.
    plain, inputs = make_network(), scene()
    switched = make_network(**changes)
    switched.load_state_dict(plain.state_dict())
    assert (run(switched, *inputs) - run(plain, *inputs)).abs().max() > 1e-4


@pytest.mark.parametrize(
    "changes", [{"style_source": "item"}, {"style_source": "bag"}, {"copy_sources": False}], ids=str
)
def test_switches_that_change_what_is_wired_change_tensors(changes):
    plain, switched = make_network(), make_network(**changes)
    assert run(switched, *scene()).shape == run(plain, *scene()).shape
    shapes = [{name: value.shape for name, value in net.state_dict().items()} for net in (plain, switched)]
    assert shapes[0] != shapes[1]


def test_sharpening_the_output_is_sharpening_the_result():
    plain, inputs = make_network(), scene()
    sharp = make_network(sharpen="output", sharpen_strength=0.2)
    torch.testing.assert_close(run(sharp, *inputs), laplacian_sharpen(run(plain, *inputs), strength=0.2))


def test_sharpening_at_strength_zero_is_none_wherever_it_acts():
    inputs = scene()
    expected = run(make_network(sharpen="none"), *inputs)
    for place in ("inputs", "output", "edge_branch"):
        torch.testing.assert_close(run(make_network(sharpen=place), *inputs), expected)


def test_a_boolean_mask_is_read_as_zeros_and_ones():
    network, (item, bag, mask) = make_network(), scene()
    hard = mask > 0.5
    torch.testing.assert_close(run(network, item, bag, hard), run(network, item, bag, hard.float()))


def test_the_network_has_as_many_scales_as_its_settings():
    torch.manual_seed(0)
    network = RwscNetwork(NetworkConfig(stage_channels=(4, 6, 8, 10), hidden_channels=4))
    assert network.stride_px == 8
    assert run(network, *scene(size=(20, 30))).shape == (2, 3, 20, 30)


def test_shapes_that_do_not_fit_are_refused():
    network, (item, bag, mask) = make_network(), scene()
    with pytest.raises(ValueError, match=r"a bag is \(B, 3, H, W\), not \(2, 1, 48, 48\)"):
        network(item, bag[:, :1], mask)
    with pytest.raises(ValueError, match="item and bag differ in shape"):
        network(item[..., :-1], bag, mask)
    with pytest.raises(ValueError, match=r"the mask is \(2, 3, 48, 48\), the images need \(2, 1, 48, 48\)"):
        network(item, bag, item)


def test_luma_weighs_the_channels_to_one():
    rgb = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]]).view(4, 3, 1, 1)
    torch.testing.assert_close(luma(rgb).flatten(), torch.tensor([0.299, 0.587, 0.114, 0.5]))
    gray = torch.rand(2, 1, 3, 3)
    assert torch.equal(luma(gray), gray)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_agrees_with_the_cpu():
    network, inputs = make_network(), scene()
    expected = run(network, *inputs)
    found = run(network.cuda(), *(x.cuda() for x in inputs)).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=2e-3)  # TF32 convolutions
