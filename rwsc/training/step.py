"""One optimisation step, and the schedule it follows."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from rwsc.training.losses import Loss
from rwsc.training.samples import Sample


class Batch:
    """Samples stacked into tensors on one device."""

    def __init__(self, samples: Sequence[Sample], device: torch.device | str = "cpu") -> None:
        """Stack the samples; they must share one size, and know the truth all or none."""
        self.item_BCHW = _stack([sample.item_CHW for sample in samples], device)
        self.bag_BCHW = _stack([sample.bag_CHW for sample in samples], device)
        self.mask_B1HW = _stack([sample.mask_1HW for sample in samples], device)
        truths = [sample.truth_CHW for sample in samples if sample.truth_CHW is not None]
        self.truth_BCHW = _stack(truths, device) if truths else None


def _stack(arrays: list[np.ndarray], device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device, non_blocking=True)


def learning_rate(step: int, *, steps: int, peak: float) -> float:
    """Give the learning rate of a step: constant for the first half, then falling linearly towards zero.

    Args:
        step: Steps done before this one, from 0.
        steps: Steps of the whole run.
        peak: Rate of the first half.

    Returns:
        A rate above zero.
    """
    left = (steps - step) / max(1, steps - steps // 2)
    return peak * min(1.0, left)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Open mixed precision for the network's forward pass, or nothing for float32."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    batch: Batch,
    *,
    clip_norm: float,
    precision: str = "float32",
) -> dict[str, Tensor]:
    """Take one step down the gradient.

    Args:
        model: The fusion network, wrapped for several processes or not.
        optimizer: Its optimiser, with the step's learning rate already set.
        loss: The total loss and its parts.
        batch: Samples on the model's device.
        clip_norm: Largest norm of the gradient.
        precision: ``float32`` or ``bf16``.

    Returns:
        Detached scalar tensors: every loss and ``grad_norm`` before clipping.
    """
    optimizer.zero_grad(set_to_none=True)
    with autocast(batch.bag_BCHW.device, precision):
        fused_BCHW = model(batch.item_BCHW, batch.bag_BCHW, batch.mask_B1HW)
    losses = loss(
        fused_BCHW.float(),
        batch.item_BCHW,
        batch.bag_BCHW,
        batch.mask_B1HW,
        network=model,
        truth_BCHW=batch.truth_BCHW,
    )
    losses["total"].backward()
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return {**{name: value.detach() for name, value in losses.items()}, "grad_norm": grad_norm.detach()}
