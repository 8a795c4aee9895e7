import pytest
import torch
from support.samples import make_samples

from rwsc.errors import WeightsError
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.training.losses import FusionLoss, LossConfig
from rwsc.training.state import encode_state, restore_state
from rwsc.training.step import Batch, train_step
from rwsc.training.validation import validate


def make_training(seed=0, **changes):
    torch.manual_seed(seed)
    model = RwscNetwork(named_config("tiny", **changes))
    return model, torch.optim.Adam(model.parameters(), lr=1e-3)


def run(model, optimizer, steps):
    loss = FusionLoss(LossConfig())
    for number in range(steps):
        train_step(model, optimizer, loss, Batch(make_samples(seed=number)), clip_norm=1.0)


def test_stopping_and_going_on_equals_going_straight_on_bit_for_bit():
    straight, optimizer = make_training()
    run(straight, optimizer, 2)
    data = encode_state(straight, optimizer, step=2)
    run(straight, optimizer, 2)

    resumed, second = make_training(seed=99)
    assert restore_state(data, resumed, second) == 2
    run(resumed, second, 2)
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_the_network_alone_can_be_restored():
    model, optimizer = make_training()
    run(model, optimizer, 1)
    other, _ = make_training(seed=5)
    assert restore_state(encode_state(model, optimizer, step=1), other) == 1
    batch = Batch(make_samples())
    loss = FusionLoss(LossConfig())
    assert validate(model, loss, batch) == validate(other, loss, batch)


def test_a_state_is_no_pickle():
    model, optimizer = make_training()
    run(model, optimizer, 1)
    data = encode_state(model, optimizer, step=1)
    header_bytes = int.from_bytes(data[:8], "little")
    assert data[8 : 8 + header_bytes].startswith(b"{")


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:100], lambda data: b"\x80\x04" + data]
)
def test_a_damaged_state_is_refused(damage):
    model, optimizer = make_training()
    data = encode_state(model, optimizer, step=1)
    with pytest.raises(WeightsError, match="checkpoint does not fit"):
        restore_state(damage(data), model, optimizer)


def test_the_state_of_another_network_is_refused():
    model, optimizer = make_training()
    other, _ = make_training(stage_channels=(8, 16, 32))
    with pytest.raises(WeightsError, match="checkpoint does not fit"):
        restore_state(encode_state(model, optimizer, step=1), other)
