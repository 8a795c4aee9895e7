import torch

from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.precision import deviations
from rwsc.fusion.network.weights import decode_weights
from rwsc.runs.weights import read_weights


def test_float32_is_exact_to_a_hundredth_of_a_grey_level_and_bf16_is_coarser():
    network, _ = decode_weights(*read_weights("default"))
    single, mixed = deviations(network, batch=2, side_px=64)
    assert (single.precision, mixed.precision) == ("float32", "bf16")
    assert single.largest < 0.01
    assert single.largest < mixed.mean < mixed.largest < 16
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_the_same_network_always_deviates_alike():
    torch.manual_seed(0)
    network = RwscNetwork(named_config("tiny", residual="none"))
    assert deviations(network, batch=1, side_px=32) == deviations(network, batch=1, side_px=32)
