import numpy as np
import pytest
import torch
from support.samples import make_samples

from rwsc.fusion.baselines.fusiongan import REACH_PX
from rwsc.fusion.network.network import luma
from rwsc.fusion.networks import build_network
from rwsc.training.baselines.fusiongan import ContentLoss, FusionGanMethod, SoftLabels
from rwsc.training.settings import TrainConfig
from rwsc.training.step import Batch

SIDE_PX = 48


def make_method(method="fusiongan", seed=0, **changes):
    values = {"learning_rate": 1e-3, "network": {"width_divisor": 4}, "sample": {"crop_px": SIDE_PX}}
    config = TrainConfig(output="run", phantoms=1, method=method, seed=seed, **{**values, **changes})
    torch.manual_seed(seed)
    return FusionGanMethod(config, build_network(config.network_config()))


def make_batch(seed=0):
    return Batch(make_samples(seed=seed, side=SIDE_PX))


def images():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand((2, 1, 20, 22), generator=generator) for _ in range(3)]


@pytest.mark.parametrize("method", ["fusiongan", "fusiongan_swapped"])
def test_the_content_loss_is_its_formula_on_values_from_minus_one_to_one(method):
    fused, item, bag = images()
    intensity, gradient = (item, bag) if method == "fusiongan" else (bag, item)
    f, i, g = ((2 * x - 1).double().numpy()[:, 0] for x in (fused, intensity, gradient))
    squares, edges = [], []
    for index in range(2):
        for y in range(REACH_PX, 20 - REACH_PX):
            for x in range(REACH_PX, 22 - REACH_PX):
                squares.append((f[index, y, x] - i[index, y, x]) ** 2)
                laplacians = [
                    p[index, y - 1, x]
                    + p[index, y + 1, x]
                    + p[index, y, x - 1]
                    + p[index, y, x + 1]
                    - 4 * p[index, y, x]
                    for p in (f, g)
                ]
                edges.append((laplacians[0] - laplacians[1]) ** 2)
    found = ContentLoss(make_method(method).network).judge(fused, item, bag)
    assert float(found["intensity"]) == pytest.approx(np.mean(squares), rel=1e-4)
    assert float(found["gradient"]) == pytest.approx(np.mean(edges), rel=1e-4)
    assert float(found["total"]) == pytest.approx(np.mean(squares) + 5 * np.mean(edges), rel=1e-4)


def test_soft_labels_follow_from_seed_and_step_and_stay_between_their_ends():
    like = torch.zeros(5000)
    one, same, other = (SoftLabels(1, step, like=like).draw((0.7, 1.2)) for step in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert 0.7 <= float(one.min()) < 0.71
    assert 1.19 < float(one.max()) <= 1.2


def test_a_step_moves_both_networks_by_losses_of_their_own():
    method = make_method()
    before = {name: value.clone() for name, value in method.learner.named_parameters()}
    found = method.step(method.network, make_batch(), number=0)
    assert set(found) == {"total", "intensity", "gradient", "adversarial", "discriminator", "grad_norm"}
    expected = found["adversarial"] + 100 * (found["intensity"] + 5 * found["gradient"])
    assert float(found["total"]) == pytest.approx(float(expected), rel=1e-5)
    for name, value in method.learner.named_parameters():
        assert not torch.equal(value, before[name]), name
        assert value.requires_grad, name


def test_the_discriminator_steps_twice_for_one_step_of_the_generator():
    method = make_method()
    for number in range(3):
        method.step(method.network, make_batch(), number=number)
    steps = {
        name: {int(method.optimizer.state[p]["step"]) for p in getattr(method, name).parameters()}
        for name in ("network", "discriminator")
    }
    assert steps == {"network": {3}, "discriminator": {6}}


def test_the_discriminator_learns_to_tell_the_bag_from_what_is_fused():
    method, batch = make_method(), make_batch()
    found = [method.step(method.network, batch, number=number)["discriminator"] for number in range(12)]
    assert float(torch.stack(found[-3:]).mean()) < 0.7 * float(found[0])
    with torch.no_grad():
        bag, fused = luma(batch.bag_BCHW), method.network(batch.item_BCHW, batch.bag_BCHW, batch.mask_B1HW)
        rim = slice(REACH_PX, -REACH_PX)
        real, fake = (method.discriminator(2 * luma(x)[..., rim, rim] - 1).mean() for x in (bag, fused))
    assert real > fake + 0.05


def test_the_generator_learns_from_the_discriminator_as_well():
    """With one and the same content the generator's gradient changes with the discriminator."""
    norms = []
    for scale in (1, 50):
        method = make_method()
        method.discriminator.layers[-1].weight.data *= scale
        norms.append(float(method.step(method.network, make_batch(), number=0)["grad_norm"]))
    assert norms[0] != pytest.approx(norms[1], rel=1e-3)
