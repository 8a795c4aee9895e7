import numpy as np
import pytest
import torch

from rwsc.errors import ConfigError, ResourceError
from rwsc.fusion.baselines.config import BASELINE_NAMES, BaselineConfig
from rwsc.fusion.baselines.learned import LearnedBaseline
from rwsc.fusion.baselines.methods import build_baseline
from rwsc.fusion.baselines.weights import BaselineCard
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Region
from rwsc.fusion.network.weights import encode_weights


def make_weights(method):
    torch.manual_seed(0)
    config = BaselineConfig(method=method, width_divisor=4)
    card = BaselineCard(network=config, code_version="0", data_licence="academic")
    return encode_weights(build_baseline(config), card)


def make_region(seed=0, hw=(40, 56), channels=3):
    rng = np.random.default_rng(seed)
    alpha_HW = np.zeros(hw, np.float32)
    alpha_HW[10:30, 12:40] = 1
    item_HWC = 1 - alpha_HW[..., None] * (1 - rng.uniform(0.1, 0.9, (*hw, channels)).astype(np.float32))
    return Region(
        bag_HWC=rng.uniform(0.2, 1, (*hw, channels)).astype(np.float32), item_HWC=item_HWC, alpha_HW=alpha_HW
    )


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_regions_come_back_in_their_own_sizes_whatever_is_beside_them(method):
    weights = make_weights(method)
    engine = LearnedBaseline(method, *weights)
    regions = [make_region(0), make_region(1, (33, 47), 1), make_region(2)]
    for region, fused in zip(regions, engine.fuse(regions), strict=True):
        assert (fused.shape, fused.dtype) == (region.bag_HWC.shape, np.float32)
        assert fused.min() > 0
        assert fused.max() <= 1
        np.testing.assert_array_equal(fused, LearnedBaseline(method, *weights).fuse([region])[0])
    assert engine.name == method
    assert engine.weights_sha256 == engine.card.weights_sha256 != ""
    assert engine.licences == ["academic"]


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_a_gray_region_is_the_colour_region_of_equal_channels(method):
    gray = make_region(channels=1)
    in_colour = Region(
        bag_HWC=np.repeat(gray.bag_HWC, 3, 2), item_HWC=np.repeat(gray.item_HWC, 3, 2), alpha_HW=gray.alpha_HW
    )
    engine = LearnedBaseline(method, *make_weights(method))
    one, three = engine.fuse([gray, in_colour])
    np.testing.assert_allclose(np.repeat(one, 3, 2), three, atol=1e-4)


def test_in_a_bag_only_what_the_item_covers_changes():
    engine = LearnedBaseline("mefnet", *make_weights("mefnet"))
    bag = np.random.default_rng(0).integers(40, 250, (90, 80, 3), dtype=np.uint8)
    alpha_HW = np.zeros((20, 30), np.float32)
    alpha_HW[3:-3, 4:-4] = 1
    item = Insertion(
        transmission_HWC=np.full((20, 30, 3), 0.4, np.float32), alpha_HW=alpha_HW, x_px=25, y_px=31
    )
    made = fuse_in_rounds([bag], [np.full(3, 255.0)], [[item]], engine)[0]
    changed = (made != bag).any(axis=2)
    covered = np.zeros_like(changed)
    covered[31:51, 25:55] = alpha_HW > 0
    assert not changed[~covered].any()
    assert changed[covered].mean() > 0.9


def test_two_energies_are_refused():
    with pytest.raises(ConfigError, match="mefnet fuses gray and colour scans, not"):
        LearnedBaseline("mefnet", *make_weights("mefnet")).fuse([make_region(), make_region(channels=2)])


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ResourceError, match="torch sees none"):
        LearnedBaseline("mefnet", *make_weights("mefnet"), device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_gpu_and_cpu_agree(method):
    weights, regions = make_weights(method), [make_region()]
    on_cpu = LearnedBaseline(method, *weights).fuse(regions)[0]
    on_gpu = LearnedBaseline(method, *weights, device="cuda").fuse(regions)[0]
    np.testing.assert_allclose(on_cpu, on_gpu, atol=2e-3)
