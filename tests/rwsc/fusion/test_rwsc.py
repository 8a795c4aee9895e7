import numpy as np
import pytest
import torch

from rwsc.errors import ConfigError, ResourceError, WeightsError
from rwsc.fusion.engine import Region
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.fusion.rwsc import RwscEngine


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(3)
    config = named_config("tiny")
    network = RwscNetwork(config)
    for parameter in network.parameters():  # away from the first weights, which may be zero in places
        parameter.data += 0.02 * torch.randn_like(parameter)
    return encode_weights(network, WeightsCard(network=config, code_version="0", data_licence="none"))


def make_region(seed=0, hw=(40, 56), channels=3):
    rng = np.random.default_rng(seed)
    alpha_HW = np.zeros(hw, np.float32)
    alpha_HW[10:30, 12:40] = 1
    item_HWC = 1 - alpha_HW[..., None] * (1 - rng.uniform(0.1, 0.9, (*hw, channels)).astype(np.float32))
    return Region(
        bag_HWC=rng.uniform(0.2, 1, (*hw, channels)).astype(np.float32), item_HWC=item_HWC, alpha_HW=alpha_HW
    )


def test_regions_come_back_in_their_own_sizes_and_order(weights):
    regions = [make_region(0), make_region(1, (33, 47)), make_region(2)]
    engine = RwscEngine(*weights)
    together = engine.fuse(regions)
    for region, fused in zip(regions, together, strict=True):
        assert fused.shape == region.bag_HWC.shape
        assert fused.dtype == np.float32
        np.testing.assert_array_equal(fused, engine.fuse([region])[0])


def test_a_gray_region_comes_back_gray(weights):
    region = make_region(channels=1)
    fused = RwscEngine(*weights).fuse([region])[0]
    assert fused.shape == region.bag_HWC.shape
    assert (fused > 0).all()
    assert (fused <= 1).all()


def test_two_energies_are_refused(weights):
    with pytest.raises(ConfigError, match="not scans of two energies"):
        RwscEngine(*weights).fuse([make_region(), make_region(channels=2)])


def test_a_second_engine_from_the_same_bytes_gives_the_same_bytes(weights):
    region = make_region()
    one, two = (RwscEngine(*weights).fuse([region])[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_the_engine_names_its_weights(weights):
    import hashlib

    assert RwscEngine(*weights).weights_sha256 == hashlib.sha256(weights[0]).hexdigest()


def test_weights_of_another_size_are_refused(weights):
    config = named_config("tiny", stage_channels=(8, 16, 32))
    _, card = encode_weights(
        RwscNetwork(config), WeightsCard(network=config, code_version="0", data_licence="none")
    )
    with pytest.raises(WeightsError):
        RwscEngine(weights[0], card)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_refused(weights):
    with pytest.raises(ResourceError, match="torch sees none"):
        RwscEngine(*weights, device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_and_cpu_agree(weights):
    regions = [make_region(seed) for seed in range(4)]
    on_cpu, on_gpu = RwscEngine(*weights).fuse(regions), RwscEngine(*weights, device="cuda").fuse(regions)
    for one, other in zip(on_cpu, on_gpu, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
