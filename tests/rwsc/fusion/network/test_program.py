import io

import pytest
import torch

from rwsc.fusion.network.config import NetworkConfig
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.program import draw_inputs, export_program, largest_difference

SMALL = {"stage_channels": (4, 8), "hidden_channels": 4}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = RwscNetwork(NetworkConfig(**SMALL, residual="none", pixel_channels=4))
    return network.eval()


@pytest.fixture(scope="module")
def program(network):
    return export_program(network)


def test_a_program_gives_what_its_network_gives(network, program):
    assert largest_difference(network, program) < 1e-6


def test_another_networks_program_is_told_apart(program):
    torch.manual_seed(1)
    other = RwscNetwork(NetworkConfig(**SMALL, residual="none", pixel_channels=4)).eval()
    assert largest_difference(other, program) > 0.01


def test_sizes_that_the_network_would_pad_are_refused(program):
    module = torch.export.load(io.BytesIO(program)).module()
    assert module(*draw_inputs(1, 34, 30)).shape == (1, 3, 34, 30)
    with pytest.raises((RuntimeError, AssertionError)):
        module(*draw_inputs(1, 33, 30))


def test_inputs_are_pairs_on_air_with_part_of_them_covered():
    item_BCHW, bag_BCHW, mask_B1HW = draw_inputs(2, 40, 50)
    assert torch.equal(item_BCHW, draw_inputs(2, 40, 50)[0])
    assert 0.05 < mask_B1HW.mean() < 0.8
    assert (item_BCHW[(mask_B1HW == 0).expand_as(item_BCHW)] == 1).all()
    for each in (item_BCHW, bag_BCHW):
        assert 0 < each.min() < each.max() <= 1
