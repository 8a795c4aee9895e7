"""How FusionGAN learns: a content loss, and a discriminator that is trained in turn with the generator."""

import torch
from torch import Tensor, nn

from rwsc.fusion.baselines.fusiongan import REACH_PX, Discriminator, FusionGanNetwork
from rwsc.fusion.network.blocks import laplacian
from rwsc.fusion.network.network import luma
from rwsc.seeds import stream
from rwsc.training.baselines.loss import LumaLoss
from rwsc.training.settings import TrainConfig
from rwsc.training.step import Batch, autocast

GRADIENT_WEIGHT = 5.0
"""Weight of the gradients beside the intensity, as published."""

CONTENT_WEIGHT = 100.0
"""Weight of the content beside the discriminator's judgement, as published."""

DISCRIMINATOR_STEPS = 2
"""Steps of the discriminator for one of the generator, as published."""

_REAL_LABELS = (0.7, 1.2)
_FAKE_LABELS = (0.0, 0.3)


class ContentLoss(LumaLoss):
    r"""The intensity of one source and the gradients of the other, on values in [-1, 1].

    .. math:: L = \langle (F - I)^2 \rangle + 5 \langle (\nabla F - \nabla J)^2 \rangle

    with the Laplacian of four neighbours. A rim of `REACH_PX` does not count, where a network without padding has
    no output.

    Args:
        network: Its roles say which source gives what.
    """

    def __init__(self, network: FusionGanNetwork) -> None:
        self._roles = network.roles

    def judge(self, fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> dict[str, Tensor]:
        """Judge fused luminance; see `LumaLoss.judge`."""
        intensity_from, gradients_from = self._roles(item_B1HW, bag_B1HW)
        intensity = inner(2 * (fused_B1HW - intensity_from)).square().mean()
        gradient = inner(laplacian(2 * (fused_B1HW - gradients_from))).square().mean()
        return {
            "total": intensity + GRADIENT_WEIGHT * gradient,
            "intensity": intensity,
            "gradient": gradient,
        }


class FusionGanMethod:
    """A generator, and a discriminator that learns in turn with it and is thrown away in the end.

    One Adam holds the moments of both: a parameter without a gradient is left alone, so that it is two optimisers
    in one, and a checkpoint of it holds both.

    Args:
        config: Settings of the run; the gradient of each network is clipped by itself.
        network: The generator.

    Raises:
        ValueError: Crops too small for the discriminator.
    """

    def __init__(self, config: TrainConfig, network: FusionGanNetwork) -> None:
        self.network = network
        self.discriminator = Discriminator(config.sample.crop_px - 2 * REACH_PX, network.config)
        self.discriminator.to(next(network.parameters()).device)
        self.learner = nn.ModuleDict({"network": network, "discriminator": self.discriminator})
        self.optimizer = torch.optim.Adam(
            self.learner.parameters(), lr=config.learning_rate, betas=(0.9, config.adam_beta2)
        )
        self.loss = ContentLoss(network)
        self._config = config

    def step(self, model: nn.Module, batch: Batch, *, number: int) -> dict[str, Tensor]:
        """Take two steps of the discriminator and one of the generator.

        Args:
            model: The generator, wrapped or not.
            batch: Samples on the model's device.
            number: Number of the step, from 0; the soft labels follow from it and the run's seed alone.

        Returns:
            Detached scalars: "total" of the generator, "intensity", "gradient", "adversarial" and "discriminator"
            of its last step, and "grad_norm" of the generator before clipping.
        """
        item_B1HW, bag_B1HW = luma(batch.item_BCHW), luma(batch.bag_BCHW)
        labels = SoftLabels(self._config.seed, number, like=bag_B1HW)
        with autocast(bag_B1HW.device, self._config.precision):
            fused_B1HW = model(item_B1HW, bag_B1HW, batch.mask_B1HW)
        fused_B1HW = fused_B1HW.float()
        _, real_B1HW = self.network.roles(item_B1HW, bag_B1HW)
        for _ in range(DISCRIMINATOR_STEPS):
            judged = self._step_discriminator(real_B1HW, fused_B1HW.detach(), labels)
        losses = self.loss.judge(fused_B1HW, item_B1HW, bag_B1HW)
        self.discriminator.requires_grad_(False)
        adversarial = (self._score(fused_B1HW) - labels.draw(_REAL_LABELS)).square().mean()
        self.discriminator.requires_grad_(True)
        total = adversarial + CONTENT_WEIGHT * losses["total"]
        grad_norm = self._descend(total, self.network)
        found = {**losses, "total": total, "adversarial": adversarial, "discriminator": judged}
        return {**{name: value.detach() for name, value in found.items()}, "grad_norm": grad_norm}

    def _step_discriminator(self, real_B1HW: Tensor, fused_B1HW: Tensor, labels: "SoftLabels") -> Tensor:
        real_error_B = self._score(real_B1HW) - labels.draw(_REAL_LABELS)
        fake_error_B = self._score(fused_B1HW) - labels.draw(_FAKE_LABELS)
        loss = real_error_B.square().mean() + fake_error_B.square().mean()
        self._descend(loss, self.discriminator)
        return loss

    def _score(self, x_B1HW: Tensor) -> Tensor:
        with autocast(x_B1HW.device, self._config.precision):
            score_B = self.discriminator(2 * inner(x_B1HW) - 1)
        return score_B.float()

    def _descend(self, loss: Tensor, network: nn.Module) -> Tensor:
        """Take a step of one of the two networks and give the norm of its gradient."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(network.parameters(), self._config.clip_norm)
        self.optimizer.step()
        return grad_norm.detach()


class SoftLabels:
    """What the discriminator should say: numbers about 0 or 1, drawn for each picture.

    Args:
        seed: The run's seed.
        number: Number of the step.
        like: A tensor of as many pictures, on the device where labels are needed.
    """

    def __init__(self, seed: int, number: int, *, like: Tensor) -> None:
        self._rng, self._like = stream(seed, "fusiongan labels", number), like

    def draw(self, ends: tuple[float, float]) -> Tensor:
        """Draw labels between the ends, (B,)."""
        return torch.from_numpy(self._rng.uniform(*ends, len(self._like))).to(self._like)


def inner(x_BCHW: Tensor) -> Tensor:
    """Leave out a rim of `REACH_PX`."""
    return x_BCHW[..., REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]
