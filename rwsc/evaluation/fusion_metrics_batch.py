"""The fusion metrics of a batch of tensors at once, in float64 on any device.

They equal those of `rwsc.evaluation.fusion_metrics` to 1e-9, which a test holds them to; the definitions and their
traps are told there and in the modules it calls. On CPUs, scoring pictures one by one is faster.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rwsc.evaluation.fidelity import PEAK
from rwsc.evaluation.gradients import PREWITT, SOBEL, Border
from rwsc.evaluation.luma import WEIGHTS
from rwsc.evaluation.piella import C1, C2, WINDOW_PX, gaussian_window

_MARGIN_PX = WINDOW_PX // 2


class _Gradient(NamedTuple):
    x_N1HW: Tensor
    y_N1HW: Tensor

    def strength(self) -> Tensor:
        return (self.x_N1HW**2 + self.y_N1HW**2).sqrt()


class _Local(NamedTuple):
    levels: Tensor
    mean: Tensor
    variance: Tensor


def to_luma_batch(pictures_B3HW: Tensor) -> Tensor:
    """Turn colour pictures into rounded grey levels; see `rwsc.evaluation.luma.to_luma`.

    Args:
        pictures_B3HW: uint8.

    Returns:
        uint8, (B, 1, H, W).
    """
    weights_3 = torch.tensor(WEIGHTS, dtype=torch.float64, device=pictures_B3HW.device)
    levels_BHW = torch.einsum("bchw,c->bhw", pictures_B3HW.double(), weights_3) / 1000
    return levels_BHW.round()[:, None].to(torch.uint8)


@torch.inference_mode()
def fusion_scores_batch(
    item_BCHW: Tensor, bag_BCHW: Tensor, fused_BCHW: Tensor, *, region_B1HW: Tensor | None = None
) -> dict[str, Tensor]:
    """Score a batch of fusions.

    Args:
        item_BCHW: Items alone in their frames, uint8, with one channel or three; of three, the mean of the
            channels' scores is given.
        bag_BCHW: Bags alone, same shape.
        fused_BCHW: Both, same shape. A network's output is rounded to 8 bits first, as a file would.
        region_B1HW: bool, pixels that count, or None for all.

    Returns:
        float64 scores, (B,), by the names of `rwsc.evaluation.fusion_metrics.FusionScores`; NaN where one is not
        defined.

    Raises:
        ValueError: The tensors are not uint8, or not of one shape.
    """
    triple_BCHW = item_BCHW, bag_BCHW, fused_BCHW
    if any(each.dtype != torch.uint8 or each.shape != item_BCHW.shape for each in triple_BCHW):
        raise ValueError(
            "metrics compare 8-bit pictures of one shape, not "
            + ", ".join(f"{each.dtype} {tuple(each.shape)}" for each in triple_BCHW)
        )
    batch, channels = item_BCHW.shape[:2]
    # Every channel is a picture of its own, N of them.
    item_N1HW, bag_N1HW, fused_N1HW = (each.flatten(0, 1)[:, None].double() for each in triple_BCHW)
    if region_B1HW is None:
        region_N1HW = torch.ones_like(item_N1HW)
    else:
        region_N1HW = region_B1HW.double().repeat_interleave(channels, dim=0)
    scores_N = _scores(item_N1HW, bag_N1HW, fused_N1HW, region_N1HW)
    return {name: score_N.view(batch, channels).mean(dim=1) for name, score_N in scores_N.items()}


def _scores(
    item_N1HW: Tensor, bag_N1HW: Tensor, fused_N1HW: Tensor, region_N1HW: Tensor
) -> dict[str, Tensor]:
    triple = item_N1HW, bag_N1HW, fused_N1HW
    q_s, q_w = _fusion_quality(*triple, region_N1HW)
    edges = [_gradient(each, PREWITT, "zero").strength() for each in triple]
    _, q_w_edge = _fusion_quality(edges[0], edges[1], edges[2], region_N1HW)
    mse_item, mse_bag = (_mean((source - fused_N1HW) ** 2, region_N1HW) for source in triple[:2])
    psnr_item, psnr_bag = _psnr_db(mse_item), _psnr_db(mse_bag)
    return {
        "qabf_replicate": _qabf(*triple, region_N1HW, "replicate"),
        "qabf_zero": _qabf(*triple, region_N1HW, "zero"),
        "q_s": q_s,
        "q_w": q_w,
        "q_w_edge": q_w_edge,
        "q_e": q_w * q_w_edge,
        "ei": _mean(_gradient(fused_N1HW, SOBEL, "replicate").strength(), region_N1HW),
        "psnr_item": psnr_item,
        "psnr_bag": psnr_bag,
        "psnr_mean": (psnr_item + psnr_bag) / 2,
        "psnr_joint": _psnr_db((mse_item + mse_bag) / 2),
        "mae_item": _mean((item_N1HW - fused_N1HW).abs(), region_N1HW),
        "mae_bag": _mean((bag_N1HW - fused_N1HW).abs(), region_N1HW),
    }


def _psnr_db(mse_N: Tensor) -> Tensor:
    return 10 * torch.log10(PEAK**2 / mse_N)


def _mean(values_N1HW: Tensor, region_N1HW: Tensor) -> Tensor:
    return _sum(values_N1HW * region_N1HW) / _sum(region_N1HW)


def _sum(values_N1HW: Tensor) -> Tensor:
    return values_N1HW.sum(dim=(1, 2, 3))


def _gradient(pictures_N1HW: Tensor, along: tuple[float, float, float], border: Border) -> _Gradient:
    mode = "replicate" if border == "replicate" else "constant"
    padded = functional.pad(pictures_N1HW, (1, 1, 1, 1), mode=mode)
    before, at, after = along
    rows = before * padded[:, :, :-2] + at * padded[:, :, 1:-1] + after * padded[:, :, 2:]
    columns = before * padded[..., :-2] + at * padded[..., 1:-1] + after * padded[..., 2:]
    return _Gradient(x_N1HW=rows[..., :-2] - rows[..., 2:], y_N1HW=columns[:, :, 2:] - columns[:, :, :-2])


def _qabf(
    item_N1HW: Tensor, bag_N1HW: Tensor, fused_N1HW: Tensor, region_N1HW: Tensor, border: Border
) -> Tensor:
    fused = _gradient(fused_N1HW, SOBEL, border)
    kept_N, all_edges_N = [], []
    for source_N1HW in (item_N1HW, bag_N1HW):
        source = _gradient(source_N1HW, SOBEL, border)
        weight_N1HW = source.strength() * region_N1HW
        kept_N.append(_sum(_preserved(source, fused) * weight_N1HW))
        all_edges_N.append(_sum(weight_N1HW))
    return (kept_N[0] + kept_N[1]) / (all_edges_N[0] + all_edges_N[1])


def _preserved(source: _Gradient, fused: _Gradient) -> Tensor:
    first, second = source.strength(), fused.strength()
    stronger = torch.maximum(first, second)
    ratio = torch.where(stronger > 0, torch.minimum(first, second) / stronger, 1.0)
    agreement = 1 - (_direction(source) - _direction(fused)).abs() / (torch.pi / 2)
    return (0.9994 * torch.sigmoid(15 * (ratio - 0.5))) * (0.9879 * torch.sigmoid(22 * (agreement - 0.8)))


def _direction(edge: _Gradient) -> Tensor:
    return torch.where(edge.x_N1HW != 0, torch.atan(edge.y_N1HW / edge.x_N1HW), torch.pi / 2)


def _fusion_quality(
    item_N1HW: Tensor, bag_N1HW: Tensor, fused_N1HW: Tensor, region_N1HW: Tensor
) -> tuple[Tensor, Tensor]:
    if min(item_N1HW.shape[2:]) < WINDOW_PX:
        undefined_N = torch.full_like(item_N1HW[:, 0, 0, 0], torch.nan)
        return undefined_N, undefined_N
    item, bag, fused = _local(item_N1HW), _local(bag_N1HW), _local(fused_N1HW)
    total = item.variance + bag.variance
    trust = torch.where(total > 0, item.variance / total, 0.5)
    quality = trust * _ssim(item, fused) + (1 - trust) * _ssim(bag, fused)
    weight = torch.maximum(item.variance, bag.variance)
    inside = region_N1HW[:, :, _MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
    return _mean(quality, inside), _sum(quality * weight * inside) / _sum(weight * inside)


def _local(levels_N1HW: Tensor) -> _Local:
    mean = _windowed(levels_N1HW)
    variance = _windowed(levels_N1HW**2) - mean**2
    is_flat = _largest(levels_N1HW) == -_largest(-levels_N1HW)
    return _Local(levels_N1HW, mean, torch.where(is_flat, 0.0, variance.clamp_min(0.0)))


def _largest(values_N1HW: Tensor) -> Tensor:
    columns = functional.max_pool2d(values_N1HW, (WINDOW_PX, 1), stride=1)
    return functional.max_pool2d(columns, (1, WINDOW_PX), stride=1)


def _ssim(first: _Local, second: _Local) -> Tensor:
    product = first.mean * second.mean
    covariance = _windowed(first.levels * second.levels) - product
    above = (2 * product + C1) * (2 * covariance + C2)
    below = (first.mean**2 + second.mean**2 + C1) * (first.variance + second.variance + C2)
    return above / below


def _windowed(values_N1HW: Tensor) -> Tensor:
    window = torch.from_numpy(gaussian_window()).to(values_N1HW)
    return functional.conv2d(
        functional.conv2d(values_N1HW, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1)
    )
