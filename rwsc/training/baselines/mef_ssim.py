"""Structural similarity of a fused image to several exposures (MEF-SSIM), as DeepFuse and MEFNet train on it."""

import torch
from torch import Tensor

from rwsc.training.baselines.loss import LumaLoss
from rwsc.training.baselines.windows import covariance_over, flat_window, gaussian_window, mean_over

CONTRAST = 0.03**2
LEVEL = 0.01**2
"""The constants of structural similarity for values in [0, 1]."""

WELL_EXPOSED = 0.5
EXPOSURE_SIGMA = 0.2
"""Level that MEFNet takes for well exposed, and how far from it a level still counts."""

_DEEPFUSE_WINDOW = flat_window(8)
_MEFNET_WINDOW = gaussian_window(11, 11 / 6)


class DeepFuseLoss(LumaLoss):
    r"""One less MEF-SSIM without its luminance term.

    .. math:: L = 1 - \Big\langle \frac{2 \sigma_{\hat y f} + C}{\sigma_{\hat y}^2 + \sigma_f^2 + C} \Big\rangle

    In each window the target :math:`\hat y` has the larger contrast of the two sources and the structure of their
    sum, each with its mean taken away. The level of the result does not matter. Windows are 8 x 8 pixels.

    Reference:
        Prabhakar et al., DeepFuse, ICCV 2017.
    """

    def judge(self, fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> dict[str, Tensor]:
        """Judge fused luminance; see `LumaLoss.judge`."""
        return {"total": 1 - self.score(fused_B1HW, item_B1HW, bag_B1HW).mean()}

    def score(self, fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
        """Give the score of each image, at most 1, (B,); see `LumaLoss.judge` for the arguments."""
        window, sum_B1HW = _DEEPFUSE_WINDOW, item_B1HW + bag_B1HW
        variance = torch.maximum(
            covariance_over(item_B1HW, item_B1HW, window), covariance_over(bag_B1HW, bag_B1HW, window)
        )
        # The target is the sum, scaled from its own contrast to the larger one of the sources.
        scale = (variance / covariance_over(sum_B1HW, sum_B1HW, window).clamp_min(1e-8)).sqrt()
        covariance = scale * covariance_over(sum_B1HW, fused_B1HW, window)
        fused_variance = covariance_over(fused_B1HW, fused_B1HW, window)
        similarity = (2 * covariance + CONTRAST) / (variance + fused_variance + CONTRAST)
        return similarity.mean(dim=(1, 2, 3))


class MefNetLoss(LumaLoss):
    r"""One less MEF-SSIM with luminance, on one scale.

    .. math:: L = 1 - \langle l \rangle \langle cs \rangle

    The contrast and structure cs compare with whichever source varies most in the window; the luminance l with the
    mean of the sources' levels, weighted by how near the picture's and the window's level lie to `WELL_EXPOSED`,
    which holds a white background for over-exposed. Windows are Gaussian, 11 pixels wide.

    Reference:
        Ma et al., Deep guided learning for fast multi-exposure image fusion, TIP 2020.
    """

    def judge(self, fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> dict[str, Tensor]:
        """Judge fused luminance; see `LumaLoss.judge`."""
        levels_B, structures_B = self.scores(fused_B1HW, item_B1HW, bag_B1HW)
        return {
            "total": 1 - (levels_B * structures_B).mean(),
            "luminance": 1 - levels_B.mean(),
            "structure": 1 - structures_B.mean(),
        }

    def scores(self, fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Give the scores of each image.

        Args:
            fused_B1HW: Fused luminance.
            item_B1HW: Luminance of the item on air.
            bag_B1HW: Luminance of the bag.

        Returns:
            Those of luminance and of structure, each at most 1, (B,).
        """
        level = _mean_level(item_B1HW, bag_B1HW)
        fused_level = mean_over(fused_B1HW, _MEFNET_WINDOW)
        levels = (2 * level * fused_level + LEVEL) / (level**2 + fused_level**2 + LEVEL)
        structures = _structure(fused_B1HW, item_B1HW, bag_B1HW)
        return levels.mean(dim=(1, 2, 3)), structures.mean(dim=(1, 2, 3))


def _mean_level(item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
    item_level, bag_level = mean_over(item_B1HW, _MEFNET_WINDOW), mean_over(bag_B1HW, _MEFNET_WINDOW)
    item_weight = _exposure(item_B1HW.mean(dim=(2, 3), keepdim=True)) * _exposure(item_level)
    bag_weight = _exposure(bag_B1HW.mean(dim=(2, 3), keepdim=True)) * _exposure(bag_level)
    return (item_weight * item_level + bag_weight * bag_level) / (item_weight + bag_weight)


def _exposure(level: Tensor) -> Tensor:
    return torch.exp(-0.5 * ((level - WELL_EXPOSED) / EXPOSURE_SIGMA).square())


def _structure(fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
    window = _MEFNET_WINDOW
    item_variance = covariance_over(item_B1HW, item_B1HW, window)
    bag_variance = covariance_over(bag_B1HW, bag_B1HW, window)
    covariance = torch.where(
        item_variance > bag_variance,
        covariance_over(item_B1HW, fused_B1HW, window),
        covariance_over(bag_B1HW, fused_B1HW, window),
    )
    variance = torch.maximum(item_variance, bag_variance)
    fused_variance = covariance_over(fused_B1HW, fused_B1HW, window)
    return (2 * covariance + CONTRAST) / (variance + fused_variance + CONTRAST)
