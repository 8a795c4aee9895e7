"""The validation pass: losses on held-out samples, and what happens to the bag outside the item."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rwsc.training.losses import Loss
from rwsc.training.step import Batch

PEAK = 255.0
"""Errors are given in 8-bit grey levels, as in Table 1 of the slides."""


@dataclass
class ValidationSums:
    """Sums over samples, gathered in parts by several workers; parts merge by addition."""

    samples: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    absolute_outside: float = 0.0
    squared_outside: float = 0.0
    values_outside: float = 0.0

    def add(self, other: "ValidationSums") -> None:
        """Add the sums of another part to these."""
        for name, value in other.losses.items():
            self.losses[name] = self.losses.get(name, 0.0) + value
        self.samples += other.samples
        self.absolute_outside += other.absolute_outside
        self.squared_outside += other.squared_outside
        self.values_outside += other.values_outside

    def to_vector(self) -> Tensor:
        """Lay the sums out as one float64 vector, losses in the order of their names."""
        parts = [self.losses[name] for name in sorted(self.losses)]
        outside = [self.absolute_outside, self.squared_outside, self.values_outside]
        return torch.tensor([self.samples, *outside, *parts], dtype=torch.float64)

    def with_vector(self, vector: Tensor) -> "ValidationSums":
        """Read sums back from a vector laid out by `to_vector` of sums with the same losses."""
        samples, absolute, squared, count, *parts = vector.tolist()
        losses = dict(zip(sorted(self.losses), parts, strict=True))
        return ValidationSums(samples, losses, absolute, squared, count)

    def metrics(self) -> dict[str, float]:
        """Turn sums into means: every loss, and MAE and PSNR (dB) outside the mask against the bag.

        A PSNR without any error is given as 100 dB, so that the numbers stay valid JSON.
        """
        values = {f"val_{name}": value / max(1.0, self.samples) for name, value in self.losses.items()}
        count = max(1.0, self.values_outside)
        mse = torch.tensor(self.squared_outside / count, dtype=torch.float64)
        psnr = float(10 * torch.log10(PEAK**2 / mse.clamp_min(PEAK**2 * 1e-10)))
        return {**values, "val_mae_outside": self.absolute_outside / count, "val_psnr_outside": psnr}


@torch.inference_mode()
def validate(model: nn.Module, loss: Loss, batch: Batch) -> ValidationSums:
    """Measure the network on one batch of held-out samples.

    Args:
        model: The network, not wrapped.
        loss: The losses that are trained.
        batch: Samples on the model's device.

    Returns:
        Sums that merge with those of other batches.
    """
    was_training = model.training
    model.eval()
    fused_BCHW = model(batch.item_BCHW, batch.bag_BCHW, batch.mask_B1HW)
    losses = loss(
        fused_BCHW,
        batch.item_BCHW,
        batch.bag_BCHW,
        batch.mask_B1HW,
        network=model,
        truth_BCHW=batch.truth_BCHW,
    )
    model.train(was_training)
    outside_BCHW = (batch.mask_B1HW == 0).expand_as(fused_BCHW)
    error = ((fused_BCHW - batch.bag_BCHW) * PEAK)[outside_BCHW].double()
    size = len(batch.bag_BCHW)
    return ValidationSums(
        samples=size,
        losses={name: float(value) * size for name, value in losses.items()},
        absolute_outside=float(error.abs().sum()),
        squared_outside=float((error**2).sum()),
        values_outside=float(error.numel()),
    )
