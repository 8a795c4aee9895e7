import torch

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.deepfuse import DeepFuseNetwork


def make_network():
    torch.manual_seed(0)
    return DeepFuseNetwork(BaselineConfig(method="deepfuse"))


def test_layers_are_those_of_the_paper():
    convolutions = [m for m in make_network().modules() if isinstance(m, torch.nn.Conv2d)]
    assert [(c.kernel_size[0], c.in_channels, c.out_channels) for c in convolutions] == [
        (5, 1, 16), (7, 16, 32), (7, 32, 32), (5, 32, 16), (5, 16, 1),
    ]  # fmt: skip


def test_the_sources_are_treated_alike_and_their_features_added():
    network, item, bag = make_network(), torch.rand(1, 1, 20, 22), torch.rand(1, 1, 20, 22)
    assert torch.equal(network.fuse_luma(item, bag), network.fuse_luma(bag, item))
    one, other = network.encoder(item), network.encoder(bag)
    assert torch.equal(network.fuse_luma(item, bag), network.decoder(one + other))


def test_in_evaluation_the_result_spans_the_range_of_the_sources():
    network = make_network().eval()
    item, bag = 0.3 + 0.4 * torch.rand(2, 1, 20, 22), 0.2 + 0.7 * torch.rand(2, 1, 20, 22)
    item[1], bag[1] = 0.5 * item[1], 0.5 * bag[1]
    fused = network.fuse_luma(item, bag)
    both = torch.cat([item, bag], dim=1)
    torch.testing.assert_close(fused.amin(dim=(1, 2, 3)), both.amin(dim=(1, 2, 3)))
    torch.testing.assert_close(fused.amax(dim=(1, 2, 3)), both.amax(dim=(1, 2, 3)))
    raw = network.train().fuse_luma(item, bag)
    ratio = (fused[0] - fused[0].mean()) / (raw[0] - raw[0].mean())
    assert ratio.std() < 1e-3 * ratio.mean()  # a straight line, upwards


def test_air_all_round_draws_no_frame():
    item, bag = torch.ones(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    bag[..., 30:34, 30:34] = 0.3
    rim = make_network().train().fuse_luma(item, bag)[..., :8, :].detach()
    assert float(rim.max() - rim.min()) < 1e-5


def test_flat_sources_stay_finite():
    flat = torch.ones(1, 1, 64, 64)
    assert torch.isfinite(make_network().eval().fuse_luma(flat, flat)).all()
