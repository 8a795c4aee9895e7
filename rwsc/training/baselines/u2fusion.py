"""The loss of U2Fusion: likeness to both sources, weighted by how much there is to see in each."""

import torch
from torch import Tensor
from torch.nn import functional as F

from rwsc.training.baselines.loss import LumaLoss
from rwsc.training.baselines.windows import ssim

ERROR_WEIGHT = 20.0
"""Weight of the squared error beside structural similarity, as published."""

NUM_LEVELS = 5
"""Sizes of the picture at which information is measured, each half of the one before."""

TEMPERATURE = 120.0
"""Divides the information, in squared grey levels of 8 bits, before the softmax; ours. The difference of two sources
is as large in half of the crops of 96 px from phantoms, so that weights of 0.27 and 0.73 are common."""

_SMALLEST_PX = 3


class U2FusionLoss(LumaLoss):
    r"""Structural similarity and squared error to both sources.

    .. math:: L = \sum_i w_i (1 - \mathrm{SSIM}(F, I_i)) + 20 \sum_i w_i \langle (F - I_i)^2 \rangle,
        \qquad w = \mathrm{softmax}(g / c)

    The published :math:`g` is the mean squared response of a Laplacian on the features of a pretrained VGG-16. No
    weights are fetched here: `information` measures it on the picture itself, at five sizes.

    Reference:
        Xu et al., U2Fusion: a unified unsupervised image fusion network, TPAMI 2020.
    """

    def judge(self, fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> dict[str, Tensor]:
        """Judge fused luminance; see `LumaLoss.judge`. Part "item_share" is the item's mean weight, no loss."""
        share_B2 = shares(item_B1HW, bag_B1HW)
        sources = (item_B1HW, bag_B1HW)
        unlike_B2 = torch.stack([1 - ssim(fused_B1HW, source) for source in sources], dim=1)
        error_B2 = torch.stack(
            [(fused_B1HW - source).square().mean(dim=(1, 2, 3)) for source in sources], dim=1
        )
        similarity, error = ((share_B2 * part_B2).sum(dim=1).mean() for part_B2 in (unlike_B2, error_B2))
        return {
            "total": similarity + ERROR_WEIGHT * error,
            "similarity": similarity,
            "error": error,
            "item_share": share_B2[:, 0].mean(),
        }


def shares(item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
    """Weigh the sources by their information.

    Args:
        item_B1HW: Luminance of the item on air, in [0, 1].
        bag_B1HW: Luminance of the bag, in [0, 1].

    Returns:
        Weights that sum to 1, of item and bag, (B, 2).
    """
    found_B2 = torch.stack([information(item_B1HW), information(bag_B1HW)], dim=1)
    return torch.softmax(found_B2 / TEMPERATURE, dim=1)


def information(x_B1HW: Tensor) -> Tensor:
    """Measure how much there is to see: the mean squared Laplacian over a pyramid of the picture.

    Args:
        x_B1HW: Luminance, in [0, 1].

    Returns:
        Information in squared grey levels of 8 bits, (B,).
    """
    level_B1hw, found = 255 * x_B1HW, []
    for _ in range(NUM_LEVELS):
        found.append(_all_round(level_B1hw).square().mean(dim=(1, 2, 3)))
        if min(level_B1hw.shape[-2:]) < 2 * _SMALLEST_PX:
            break
        level_B1hw = F.avg_pool2d(level_B1hw, 2)
    return torch.stack(found).mean(dim=0)


def _all_round(x_B1HW: Tensor) -> Tensor:
    """Give the mean of the eight neighbours less the centre, repeating the rim."""
    padded_B1HW = F.pad(x_B1HW, (1, 1, 1, 1), mode="replicate")
    return (9 * F.avg_pool2d(padded_B1HW, 3, stride=1) - x_B1HW) / 8 - x_B1HW
