"""How far results in float32 and in bfloat16 are from those in float64."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.program import draw_inputs

GREY_LEVELS = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """Distance of one precision's results from those of float64, in grey levels of 8 bits."""

    precision: str
    mean: float
    largest: float


def deviations(network: RwscNetwork, *, batch: int = 8, side_px: int = 128) -> list[Deviation]:
    """Fuse the same made-up pairs in float64, float32 and mixed bfloat16.

    Args:
        network: The network, on the CPU.
        batch: Number of pairs.
        side_px: Height and width.

    Returns:
        Deviations of float32 and of bf16 (bfloat16 autocast, as in training) from float64.
    """
    inputs = draw_inputs(batch, side_px, side_px)
    network = network.eval()
    found = []
    with torch.inference_mode():
        exact_BCHW = network.double()(*(each.double() for each in inputs))
        network.float()
        for precision in ("float32", "bf16"):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
                found.append(_deviation(precision, network(*inputs), exact_BCHW))
    return found


def _deviation(precision: str, fused_BCHW: Tensor, exact_BCHW: Tensor) -> Deviation:
    apart = (fused_BCHW.double() - exact_BCHW).abs() * GREY_LEVELS
    return Deviation(precision=precision, mean=float(apart.mean()), largest=float(apart.max()))
