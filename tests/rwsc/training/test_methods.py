import numpy as np
import pytest
import torch
from pydantic import ValidationError
from support.samples import make_samples

from rwsc.fusion.baselines.config import BASELINE_NAMES
from rwsc.fusion.engines import LEARNED
from rwsc.fusion.networks import build_network
from rwsc.training.methods import open_method
from rwsc.training.settings import TrainConfig
from rwsc.training.state import encode_state, restore_state
from rwsc.training.step import Batch
from rwsc.training.validation import validate

SIDE_PX = 48


def make_config(method, **changes):
    network = {} if method == "rwsc" else {"width_divisor": 4}
    values = {"learning_rate": 1e-3, "network": network, "sample": {"crop_px": SIDE_PX}}
    return TrainConfig(output="run", phantoms=1, method=method, **{**values, **changes})


def make_method(method, seed=0, **changes):
    config = make_config(method, **changes)
    torch.manual_seed(seed)
    return open_method(config, build_network(config.network_config()))


def make_batch(seed=0):
    return Batch(make_samples(seed=seed, side=SIDE_PX))


def run(method, numbers):
    return [method.step(method.network, make_batch(number), number=number) for number in numbers]


@pytest.mark.parametrize("name", BASELINE_NAMES)
def test_one_pair_is_learnt(name):
    """Each loss falls on the sample that is shown again and again."""
    method, batch = make_method(name), Batch(make_samples(number=2, side=SIDE_PX))
    part = "intensity" if name.startswith("fusiongan") else "total"
    found = [float(method.step(method.network, batch, number=number)[part]) for number in range(25)]
    assert np.mean(found[-3:]) < 0.9 * found[0]


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_going_on_from_a_checkpoint_equals_going_straight_on_bit_for_bit(name, precision):
    straight = make_method(name, precision=precision)
    run(straight, range(2))
    data = encode_state(straight.learner, straight.optimizer, step=2)
    last = run(straight, range(2, 4))[-1]

    resumed = make_method(name, seed=99, precision=precision)
    resumed.optimizer.param_groups[0]["lr"] = 1e-3
    assert restore_state(data, resumed.learner, resumed.optimizer) == 2
    again = run(resumed, range(2, 4))[-1]
    assert {key: float(value) for key, value in last.items()} == {
        key: float(value) for key, value in again.items()
    }
    for key, value in straight.learner.state_dict().items():
        assert torch.equal(value, resumed.learner.state_dict()[key]), key


@pytest.mark.parametrize("name", ["fusiongan", "fusiongan_swapped"])
def test_a_checkpoint_of_a_gan_holds_both_networks_and_their_moments(name):
    method = make_method(name)
    run(method, range(1))
    learnt = set(method.optimizer.state)
    assert set(method.network.parameters()) < learnt == set(method.learner.parameters())
    only_generator = encode_state(method.network, method.optimizer, step=1)
    assert len(encode_state(method.learner, method.optimizer, step=1)) > len(only_generator)


@pytest.mark.parametrize("name", LEARNED)
def test_held_out_samples_are_judged_in_colour_and_change_nothing(name):
    method, batch = make_method(name), make_batch()
    before = {key: value.clone() for key, value in method.learner.state_dict().items()}
    metrics = validate(method.network, method.loss, batch).metrics()
    assert metrics == validate(method.network, method.loss, batch).metrics()
    assert np.isfinite(list(metrics.values())).all()
    assert {"val_total", "val_mae_outside", "val_psnr_outside"} <= set(metrics)
    assert method.network.training
    for key, value in method.learner.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_u2fusion_learns_by_rmsprop_as_published_the_others_by_adam():
    for name in BASELINE_NAMES:
        optimizer = make_method(name).optimizer
        if name == "u2fusion":
            assert isinstance(optimizer, torch.optim.RMSprop)
            assert (optimizer.defaults["alpha"], optimizer.defaults["momentum"]) == (0.6, 0.15)
        else:
            assert isinstance(optimizer, torch.optim.Adam)


def test_baselines_learn_at_the_published_rate_unless_another_is_given():
    assert TrainConfig(output="run").learning_rate == 2e-4
    for name in BASELINE_NAMES:
        assert TrainConfig(output="run", method=name).learning_rate == 1e-4
        assert TrainConfig(output="run", method=name, learning_rate=3e-3).learning_rate == 3e-3
        config = make_config(name)
        assert TrainConfig(**config.model_dump()) == config


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"method": "deepfuze"}, "method\n  Input should be 'rwsc', 'u2fusion', .* or 'mefnet'"),
        ({"method": "fusiongan", "workers": 2}, "workers 2: fusiongan .* trains on one worker"),
        ({"method": "fusiongan_swapped", "sample": {"crop_px": 42}}, "crop_px 42: .* needs 43 or more"),
        (
            {"method": "u2fusion", "network": {"edge_attention": False}},
            "edge_attention; settings there are width_divisor .type",
        ),
        ({"method": "u2fusion", "network": {"method": "mefnet"}}, "unknown setting network.method"),
        ({"method": "u2fusion", "network": {"width_divisor": 3}}, "width_divisor"),
        ({"method": "mefnet", "phantoms": 2, "loss": {"truth": 1}}, "mefnet knows no truth"),
        ({"network": {"width_divisor": 2}}, "unknown setting network.width_divisor"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_the_method_are_refused(values, match):
    with pytest.raises(ValidationError, match=match):
        TrainConfig(output="run", **values)


def test_the_smallest_crop_of_a_gan_can_be_trained_on():
    method = make_method("fusiongan", sample={"crop_px": 43})
    method.step(method.network, Batch(make_samples(side=43)), number=0)


def test_a_baseline_learns_on_luminance_and_rwsc_on_colour():
    seen = []
    for name in ("mefnet", "rwsc"):
        method = make_method(name)
        method.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
        method.step(method.network, make_batch(), number=0)
    assert seen == [1, 3]


@pytest.mark.parametrize("name", [name for name in LEARNED if name != "u2fusion"])
def test_adam_remembers_gradients_for_as_long_as_is_asked(name):
    """A large gradient, then small ones: what forgets it sooner takes longer steps sooner."""

    def step_sizes(adam_beta2):
        optimizer = make_method(name, adam_beta2=adam_beta2).optimizer
        parameter = optimizer.param_groups[0]["params"][0]
        for size in (1.0, *[1e-2] * 40):
            before = parameter.detach().clone()
            parameter.grad = torch.full_like(parameter, size)
            optimizer.step()
        return float((parameter.detach() - before).abs().mean())

    assert step_sizes(0.9) > 2 * step_sizes(0.999)


def test_a_method_without_adam_takes_no_beta():
    with pytest.raises(ValidationError, match=r"adam_beta2 0\.98: u2fusion learns with RMSProp"):
        make_config("u2fusion", adam_beta2=0.98)
