from importlib.resources import files

import pytest
import torch
from support.scenes import seen_scene

from rwsc.items.outliner import WEIGHTS, Outliner
from rwsc.items.outliner_network import OutlinerNetwork
from rwsc.items.outliner_weights import pack, unpack

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def state():
    torch.manual_seed(0)
    network = OutlinerNetwork()
    network.train()(torch.randn(4, 4, 64, 64))  # running means that are no round numbers
    return network.state_dict()


def test_every_weight_is_within_half_a_step_of_its_channel(state):
    back = unpack(pack(state))
    assert set(back) == set(state)
    for name, value in state.items():
        if value.dim() < 2:
            assert torch.equal(
                back[name], value.half().float() if value.is_floating_point() else value.float()
            )
            continue
        widest = value.abs().amax(dim=tuple(range(1, value.dim())), keepdim=True)
        assert ((back[name] - value).abs() <= widest / 127 * 0.5001).all()
        assert not torch.equal(back[name], value)


def test_a_channel_of_nothing_stays_nothing(state):
    state["stem.0.weight"][3] = 0
    assert (unpack(pack(state))["stem.0.weight"][3] == 0).all()


def test_the_packages_own_file_is_small_and_loads_whole():
    data = files("rwsc.items").joinpath(WEIGHTS).read_bytes()
    assert len(data) < 1_000_000
    OutlinerNetwork().load_state_dict(unpack(data))


def test_rounding_hardly_changes_an_answer():
    torch.manual_seed(0)
    state = unpack(files("rwsc.items").joinpath(WEIGHTS).read_bytes())
    fine = {
        name: value * (1 + 0.01 * torch.randn_like(value)) if value.dim() > 1 else value
        for name, value in state.items()
    }
    scene = seen_scene(1)
    answers = []
    for weights in (fine, unpack(pack(fine))):
        network = OutlinerNetwork()
        network.load_state_dict(weights)
        answers.append(Outliner(network).outline(scene.attenuation_HWC, scene.bbox_xywh))
    plain, packed = answers
    assert 0 < abs(plain.probability_HW - packed.probability_HW).mean() < 0.003
    assert packed.expected_iou == pytest.approx(plain.expected_iou, abs=0.01)
