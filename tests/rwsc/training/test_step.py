import numpy as np
import pytest
import torch
from support.samples import make_samples

from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.training.losses import FusionLoss, LossConfig
from rwsc.training.step import Batch, learning_rate, train_step


def make_training(learning_rate=1e-3, **changes):
    torch.manual_seed(0)
    model = RwscNetwork(named_config("tiny", residual="none", **changes))
    return model, torch.optim.Adam(model.parameters(), lr=learning_rate)


def test_the_rate_is_constant_then_falls_in_a_straight_line_and_never_reaches_zero():
    rates = [learning_rate(step, steps=10, peak=1.0) for step in range(10)]
    assert rates == pytest.approx([1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_runs_have_a_rate_above_zero(steps):
    assert all(0 < learning_rate(step, steps=steps, peak=0.5) <= 0.5 for step in range(steps))


def test_losses_fall_over_a_few_steps():
    model, optimizer = make_training(3e-3)
    batch, loss = Batch(make_samples()), FusionLoss(LossConfig())
    totals = [float(train_step(model, optimizer, loss, batch, clip_norm=1.0)["total"]) for _ in range(30)]
    assert np.mean(totals[-3:]) < 0.6 * totals[0]


def test_the_norm_is_told_before_clipping_and_a_tiny_limit_holds_the_weights_still():
    model, optimizer = make_training()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    before = [parameter.clone() for parameter in model.parameters()]
    found = train_step(model, optimizer, FusionLoss(LossConfig()), Batch(make_samples()), clip_norm=1e-6)
    moved = torch.cat([(a - b).flatten() for a, b in zip(model.parameters(), before, strict=True)])
    assert float(found["grad_norm"]) > 1e-3
    assert 0 < float(moved.detach().norm()) < 2e-6


def test_bf16_steps_agree_with_float32_roughly():
    totals = []
    for precision in ("float32", "bf16"):
        model, optimizer = make_training()
        found = train_step(
            model,
            optimizer,
            FusionLoss(LossConfig()),
            Batch(make_samples()),
            clip_norm=1.0,
            precision=precision,
        )
        totals.append(float(found["total"]))
    assert totals[1] == pytest.approx(totals[0], rel=0.05)
    assert totals[1] != totals[0]
