"""What differs between methods in training, behind one interface: what learns, by what loss and what step."""

import copy
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from rwsc.fusion.baselines.fusiongan import FusionGanNetwork
from rwsc.fusion.network.network import luma
from rwsc.fusion.networks import AnyNetwork
from rwsc.training.baselines.fusiongan import FusionGanMethod
from rwsc.training.baselines.mef_ssim import DeepFuseLoss, MefNetLoss
from rwsc.training.baselines.u2fusion import U2FusionLoss
from rwsc.training.losses import FusionLoss, Loss
from rwsc.training.settings import TrainConfig
from rwsc.training.step import Batch, train_step


class Method(Protocol):
    """A method in training."""

    @property
    def network(self) -> nn.Module:
        """What fuses, and is kept when training is done."""

    @property
    def learner(self) -> nn.Module:
        """The network and whatever else learns with it; what a checkpoint holds."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimiser of all that learns."""

    @property
    def loss(self) -> Loss:
        """By what held-out samples are judged."""

    def step(self, model: nn.Module, batch: Batch, *, number: int) -> dict[str, Tensor]:
        """Take one step.

        Args:
            model: The network, wrapped for several processes or not.
            batch: Samples on its device.
            number: Number of the step, from 0.

        Returns:
            Detached scalars: every loss, and ``grad_norm`` before clipping.
        """


class SingleMethod:
    """One network, one loss, one optimiser.

    Args:
        config: Settings of the run.
        network: The network.
        loss: What it is trained on.
        optimizer: Its optimiser.
        sees_luma: Whether the network is trained on luminance alone.
    """

    def __init__(
        self,
        config: TrainConfig,
        network: nn.Module,
        loss: Loss,
        optimizer: torch.optim.Optimizer,
        *,
        sees_luma: bool,
    ) -> None:
        self.network = self.learner = network
        self.loss, self.optimizer = loss, optimizer
        self._config, self._sees_luma = config, sees_luma

    def step(self, model: nn.Module, batch: Batch, *, number: int) -> dict[str, Tensor]:
        """Take one step down the gradient; see `Method.step`."""
        return train_step(
            model,
            self.optimizer,
            self.loss,
            _in_luma(batch) if self._sees_luma else batch,
            clip_norm=self._config.clip_norm,
            precision=self._config.precision,
        )


def open_method(config: TrainConfig, network: AnyNetwork) -> Method:
    """Make ready to train a network.

    Args:
        config: Settings of the run.
        network: The network that they ask for, on the device where it is trained.

    Returns:
        The method. What it adds to the network takes its first weights from torch's random stream.
    """
    return _METHODS[config.method](config, network)


def _adam(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=(0.9, config.adam_beta2))


def _open_rwsc(config: TrainConfig, network: AnyNetwork) -> Method:
    return SingleMethod(config, network, FusionLoss(config.loss), _adam(config, network), sees_luma=False)


def _open_u2fusion(config: TrainConfig, network: AnyNetwork) -> Method:
    optimizer = torch.optim.RMSprop(
        network.parameters(), lr=config.learning_rate, alpha=0.6, momentum=0.15
    )  # as published
    return SingleMethod(config, network, U2FusionLoss(), optimizer, sees_luma=True)


def _open_deepfuse(config: TrainConfig, network: AnyNetwork) -> Method:
    return SingleMethod(config, network, DeepFuseLoss(), _adam(config, network), sees_luma=True)


def _open_mefnet(config: TrainConfig, network: AnyNetwork) -> Method:
    return SingleMethod(config, network, MefNetLoss(), _adam(config, network), sees_luma=True)


def _open_fusiongan(config: TrainConfig, network: AnyNetwork) -> Method:
    assert isinstance(network, FusionGanNetwork)
    return FusionGanMethod(config, network)


_METHODS: dict[str, Callable[[TrainConfig, AnyNetwork], Method]] = {
    "rwsc": _open_rwsc,
    "u2fusion": _open_u2fusion,
    "fusiongan": _open_fusiongan,
    "fusiongan_swapped": _open_fusiongan,
    "deepfuse": _open_deepfuse,
    "mefnet": _open_mefnet,
}


def _in_luma(batch: Batch) -> Batch:
    gray = copy.copy(batch)
    gray.item_BCHW, gray.bag_BCHW = luma(batch.item_BCHW), luma(batch.bag_BCHW)
    return gray
