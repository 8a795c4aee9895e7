"""Train the outliner on phantoms: no real scan is used, so its weights carry no licence but rwsc's own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from rwsc.items.outliner_network import OutlinerNetwork
from rwsc.physics.phantom_scenes import draw_bags
from rwsc.training.outliner_samples import draw_sample

_WARM_UP_STEPS = 100
_LAST_RATE_SHARE = 0.01
_MAX_GRADIENT = 2.0
_WEIGHT_DECAY = 1e-4
_AVERAGE_STEPS = 500
_CROSS_ENTROPY_WEIGHT = 2.0
_EXPECTATION_WEIGHT = 0.3


@dataclass(frozen=True, kw_only=True)
class OutlinerRun:
    """How the outliner is trained; equal runs give equal weights on one kind of machine."""

    steps: int = 6000
    batch: int = 16
    learning_rate: float = 2e-3
    seed: int = 7
    num_bags: int = 500
    loader_workers: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class OutlinerProgress:
    """How a step went, on views that were never seen before."""

    step: int
    loss: float
    mean_iou: float
    share_of_good: float
    """Share of the masks with an IoU of 0.7 or more."""


class _Samples(Dataset[tuple[np.ndarray, np.ndarray]]):
    """Sample number n depends on n and the seed alone, so not on the number of loaders."""

    def __init__(self, run: OutlinerRun) -> None:
        self._run = run
        self._bags = draw_bags(run.seed, run.num_bags)

    def __len__(self) -> int:
        return self._run.steps * self._run.batch

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        return draw_sample(np.random.default_rng([self._run.seed, 1, number]), self._bags)


def train_outliner(run: OutlinerRun, tell: Callable[[OutlinerProgress], None]) -> OutlinerNetwork:
    """Train an outliner.

    Args:
        run: Settings.
        tell: Called after every step.

    Returns:
        The network with weights averaged over the last steps, ready for use.
    """
    torch.manual_seed(run.seed)
    network = OutlinerNetwork().train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(
        network,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(1 - 1 / _AVERAGE_STEPS),
        use_buffers=True,
    )
    optimizer = torch.optim.AdamW(network.parameters(), run.learning_rate, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate_share(step, run.steps))
    for step, (view_BCHW, mask_BHW) in enumerate(_batches(run), start=1):
        loss, iou_B = _loss(network, view_BCHW, mask_BHW)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _MAX_GRADIENT)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        tell(
            OutlinerProgress(
                step=step,
                loss=loss.item(),
                mean_iou=iou_B.mean().item(),
                share_of_good=(iou_B >= 0.7).float().mean().item(),
            )
        )
    return cast(OutlinerNetwork, average.module).eval()


def _batches(run: OutlinerRun) -> Iterator[tuple[Tensor, Tensor]]:
    loader = DataLoader(_Samples(run), batch_size=run.batch, num_workers=run.loader_workers)
    for view_BCHW, mask_BHW in loader:
        yield view_BCHW.contiguous(memory_format=torch.channels_last), mask_BHW


def _rate_share(step: int, steps: int) -> float:
    warm_up = min(1.0, (step + 1) / _WARM_UP_STEPS)
    return warm_up * (0.5 * (1 + float(np.cos(np.pi * step / steps))) + _LAST_RATE_SHARE)


def _loss(network: OutlinerNetwork, view_BCHW: Tensor, mask_BHW: Tensor) -> tuple[Tensor, Tensor]:
    """Give the loss, and the IoU of each mask: dice and cross entropy, and the expectation against the IoU."""
    logit_BHW, expectation_B = network(view_BCHW)
    share_BHW = logit_BHW.sigmoid()
    common_B = (share_BHW * mask_BHW).sum(dim=(1, 2))
    total_B = share_BHW.sum(dim=(1, 2)) + mask_BHW.sum(dim=(1, 2))
    dice = 1 - (2 * common_B + 1) / (total_B + 1)
    cross_entropy = F.binary_cross_entropy_with_logits(logit_BHW, mask_BHW)
    iou_B = _iou(logit_BHW.detach() > 0, mask_BHW > 0.5)
    expectation = F.binary_cross_entropy_with_logits(expectation_B, iou_B)
    return dice.mean() + _CROSS_ENTROPY_WEIGHT * cross_entropy + _EXPECTATION_WEIGHT * expectation, iou_B


def _iou(found_BHW: Tensor, true_BHW: Tensor) -> Tensor:
    common_B = (found_BHW & true_BHW).sum(dim=(1, 2)).float()
    return common_B / (found_BHW | true_BHW).sum(dim=(1, 2)).clamp(min=1)
