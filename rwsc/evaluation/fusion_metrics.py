"""Every fusion metric of one item, one bag and their fusion.

They are the metrics by name that the paper's tables have. Which code the paper took them from is not known, and public
ones differ: each module says which form it computes.
"""

from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

import numpy as np

from rwsc.evaluation.edge_intensity import edge_intensity
from rwsc.evaluation.edge_transfer import qabf
from rwsc.evaluation.fidelity import mean_absolute_error, mean_squared_error, psnr_db
from rwsc.evaluation.luma import to_luma
from rwsc.evaluation.piella import edge_map, fusion_quality

Channels = Literal["luma", "rgb"]
"""Scores of the rounded grey levels, or the mean of the scores of red, green and blue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FusionScores:
    """What the metrics say of one fusion; NaN where one is not defined, infinite for a PSNR without error."""

    qabf_replicate: float
    """Q^AB/F with outermost pixels repeated outside, our headline."""

    qabf_zero: float
    """Q^AB/F with black outside, as published code has it."""

    q_s: float
    """Piella's index, all windows alike."""

    q_w: float
    """Piella's index, windows weighted by variance."""

    q_w_edge: float
    """The same of the edge maps."""

    q_e: float
    """Edge-dependent index, q_w times q_w_edge; of colour, the mean of the channels' products."""

    ei: float
    """Edge intensity of the fusion."""

    psnr_item: float
    """PSNR against the item, dB."""

    psnr_bag: float
    """PSNR against the bag, dB."""

    psnr_mean: float
    """Mean of these two, dB, our headline."""

    psnr_joint: float
    """PSNR of the mean of both squared errors, dB; nothing beats the plain average in it."""

    mae_item: float
    """Mean absolute error against the item, grey levels."""

    mae_bag: float
    """Mean absolute error against the bag, grey levels."""


class BagFidelity(NamedTuple):
    """How well a fusion keeps the bag outside the item."""

    mae: float
    """Mean absolute error over pixels and channels, grey levels."""

    psnr: float
    """PSNR over pixels and channels, dB."""


def fusion_scores(
    item: np.ndarray,
    bag: np.ndarray,
    fused: np.ndarray,
    *,
    channels: Channels,
    region_HW: np.ndarray | None = None,
) -> FusionScores:
    """Score a fusion.

    Args:
        item: The item alone in the frame, uint8, (H, W) or (H, W, 3).
        bag: The bag alone, same shape.
        fused: Both, same shape.
        channels: What is scored of colour pictures.
        region_HW: Pixels that count, see `rwsc.evaluation.regions`, or None for all.

    Returns:
        All scores. Of colour channels the mean is not defined where one of them is not.

    Raises:
        ValueError: The pictures are not uint8 or not of one shape, the region has another size, or grey pictures
            are to be scored in colour.
    """
    _check(item, bag, fused, region_HW)
    if channels == "luma":
        return _channel_scores(to_luma(item), to_luma(bag), to_luma(fused), region_HW)
    if channels != "rgb" or item.ndim != 3:
        raise ValueError(f"pictures of shape {item.shape} have no channels {channels!r}")
    parts = [
        asdict(_channel_scores(item[..., place], bag[..., place], fused[..., place], region_HW))
        for place in range(item.shape[2])
    ]
    return FusionScores(**{name: sum(part[name] for part in parts) / len(parts) for name in parts[0]})


def bag_fidelity(bag: np.ndarray, fused: np.ndarray, *, mask_HW: np.ndarray) -> BagFidelity:
    """Compare a fusion with its bag where the item is not (Table 1 of the slides).

    Args:
        bag: uint8, (H, W) or (H, W, 3).
        fused: uint8, same shape.
        mask_HW: True where the item is.

    Returns:
        Both measures; NaN where the mask leaves nothing.

    Raises:
        ValueError: The pictures are not uint8 or not of one shape, or the mask has another size.
    """
    _check(bag, bag, fused, mask_HW)
    mse = mean_squared_error(bag, fused, region_HW=~mask_HW)
    return BagFidelity(mean_absolute_error(bag, fused, region_HW=~mask_HW), psnr_db(mse))


def _channel_scores(
    item_HW: np.ndarray, bag_HW: np.ndarray, fused_HW: np.ndarray, region_HW: np.ndarray | None
) -> FusionScores:
    triple = item_HW, bag_HW, fused_HW
    quality = fusion_quality(*triple, region_HW=region_HW)
    of_edges = fusion_quality(*(edge_map(picture_HW) for picture_HW in triple), region_HW=region_HW)
    mse_item, mse_bag = (mean_squared_error(source, fused_HW, region_HW=region_HW) for source in triple[:2])
    psnr_item, psnr_bag = psnr_db(mse_item), psnr_db(mse_bag)
    return FusionScores(
        qabf_replicate=qabf(*triple, border="replicate", region_HW=region_HW),
        qabf_zero=qabf(*triple, border="zero", region_HW=region_HW),
        q_s=quality.plain,
        q_w=quality.weighted,
        q_w_edge=of_edges.weighted,
        q_e=quality.weighted * of_edges.weighted,
        ei=edge_intensity(fused_HW, region_HW=region_HW),
        psnr_item=psnr_item,
        psnr_bag=psnr_bag,
        psnr_mean=(psnr_item + psnr_bag) / 2,
        psnr_joint=psnr_db((mse_item + mse_bag) / 2),
        mae_item=mean_absolute_error(item_HW, fused_HW, region_HW=region_HW),
        mae_bag=mean_absolute_error(bag_HW, fused_HW, region_HW=region_HW),
    )


def _check(item: np.ndarray, bag: np.ndarray, fused: np.ndarray, region_HW: np.ndarray | None) -> None:
    for picture in (item, bag, fused):
        if picture.dtype != np.uint8 or picture.shape != item.shape or picture.shape[2:] not in ((), (3,)):
            raise ValueError(
                "metrics compare 8-bit pictures of one shape, not "
                + ", ".join(f"{each.dtype} {each.shape}" for each in (item, bag, fused))
            )
    if region_HW is not None and (region_HW.dtype != bool or region_HW.shape != item.shape[:2]):
        raise ValueError(f"a region {region_HW.dtype} {region_HW.shape} on pictures of {item.shape[:2]}")
