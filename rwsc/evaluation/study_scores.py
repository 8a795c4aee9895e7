"""What is measured of one fusion in a study: of the whole frame, of the item's box and mask, and off the item."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rwsc.evaluation.fusion_metrics import FusionScores, bag_fidelity, fusion_scores
from rwsc.evaluation.regions import Region, region_of
from rwsc.fusion.engine import Region as FusionRegion
from rwsc.training.losses import FusionLoss, LossConfig
from rwsc.training.samples import DrawsSamples, Sample

REGIONS: tuple[Region, ...] = ("box", "frame", "mask")

_SHOWN = {"q_e": "q_e", "qabf_replicate": "qabf", "psnr_mean": "psnr", "ei": "ei"}
_LOSSES = ("ll", "csd", "recon")
_PEAK = 255


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pair:
    """An item and a bag on one frame, to be fused by every arm."""

    sample: Sample
    """What networks see: transmissions, float32."""

    item_HWC: np.ndarray
    """The item on air, uint8, 255 for air."""

    bag_HWC: np.ndarray
    """The bag, alike."""

    mask_HW: np.ndarray
    """True where the item covers at least half of a pixel."""

    @property
    def region(self) -> FusionRegion:
        """The pair as engines without training see it."""
        item_HWC, bag_HWC = (
            np.ascontiguousarray(each.transpose(1, 2, 0))
            for each in (self.sample.item_CHW, self.sample.bag_CHW)
        )
        return FusionRegion(bag_HWC=bag_HWC, item_HWC=item_HWC, alpha_HW=self.sample.mask_1HW[0])


def draw_pairs(source: DrawsSamples, count: int) -> list[Pair]:
    """Draw the first pairs of a source: a pure function of its seed and settings.

    Args:
        source: Where pairs come from; none of it was trained on.
        count: Pairs to draw.

    Returns:
        The pairs.
    """
    return [_pair(source.draw(index)) for index in range(count)]


def to_8bit(transmission_CHW: np.ndarray) -> np.ndarray:
    """Round transmissions to grey levels as a file would hold them.

    Args:
        transmission_CHW: In [0, 1].

    Returns:
        uint8, (H, W, C), 255 for air.
    """
    levels_CHW = np.rint(np.clip(transmission_CHW, 0, 1) * np.float32(_PEAK))
    return np.ascontiguousarray(levels_CHW.transpose(1, 2, 0)).astype(np.uint8)


def score_pair(pair: Pair, fused_CHW: np.ndarray) -> dict[str, float]:
    """Measure a fusion.

    Args:
        pair: What was fused.
        fused_CHW: The method's own output over the frame, float32 in [0, 1]; nothing is pasted.

    Returns:
        By region, such as ``box.q_e`` (grey levels); ``outside.mae`` and ``outside.psnr`` against the bag where the
        mask is empty (all channels); and the training losses LL, CSD and reconstruction of the default settings.
    """
    fused_HWC = to_8bit(fused_CHW)
    scores: dict[str, float] = {}
    for kind in REGIONS:
        found = fusion_scores(
            pair.item_HWC,
            pair.bag_HWC,
            fused_HWC,
            channels="luma",
            region_HW=region_of(pair.mask_HW, kind),
        )
        scores |= {f"{kind}.{name}": value for name, value in _shown(found).items()}
    covered_HW = pair.sample.mask_1HW[0] > 0
    outside = bag_fidelity(pair.bag_HWC, fused_HWC, mask_HW=covered_HW)
    return {**scores, "outside.mae": outside.mae, "outside.psnr": outside.psnr, **_losses(pair, fused_CHW)}


def encode_scores(rows: Sequence[Mapping[str, float]]) -> list[dict[str, float | str | None]]:
    """Put what JSON can hold in the place of what it cannot: None for undefined, "inf" for infinite."""
    return [{name: _encoded(value) for name, value in row.items()} for row in rows]


def decode_scores(rows: Sequence[Mapping[str, float | str | None]]) -> list[dict[str, float]]:
    """Read back what `encode_scores` gave."""
    return [
        {name: math.nan if value is None else float(value) for name, value in row.items()} for row in rows
    ]


def _pair(sample: Sample) -> Pair:
    return Pair(
        sample=sample,
        item_HWC=to_8bit(sample.item_CHW),
        bag_HWC=to_8bit(sample.bag_CHW),
        mask_HW=sample.mask_1HW[0] >= 0.5,
    )


def _shown(scores: FusionScores) -> dict[str, float]:
    return {short: getattr(scores, name) for name, short in _SHOWN.items()}


def _losses(pair: Pair, fused_CHW: np.ndarray) -> dict[str, float]:
    sample = pair.sample
    fused_BCHW, item_BCHW, bag_BCHW, mask_B1HW = (
        torch.from_numpy(np.ascontiguousarray(each))[None]
        for each in (fused_CHW, sample.item_CHW, sample.bag_CHW, sample.mask_1HW)
    )
    with torch.inference_mode():
        found = FusionLoss(LossConfig())(fused_BCHW, item_BCHW, bag_BCHW, mask_B1HW)
    return {f"loss.{name}": float(found[name]) for name in _LOSSES}


def _encoded(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
