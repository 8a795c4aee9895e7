"""Moments over small windows, of which structural similarity and its relatives are made."""

# B batch, C channels, H height, W width; h and w are those of the windows that lie wholly inside.

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_window(size_px: int, sigma_px: float) -> Tensor:
    """Make the profile of a square Gaussian window.

    Args:
        size_px: Its side, in pixels.
        sigma_px: Its standard deviation, in pixels.

    Returns:
        Weights that sum to 1, (size_px,).
    """
    offset_px = torch.arange(size_px) - (size_px - 1) / 2
    profile = torch.exp(-0.5 * (offset_px / sigma_px).square())
    return profile / profile.sum()


def flat_window(size_px: int) -> Tensor:
    """Make the profile of a square window that weighs all its pixels alike, (size_px,)."""
    return torch.full((size_px,), 1 / size_px)


SSIM_WINDOW = gaussian_window(11, 1.5)
"""The window of structural similarity."""


def mean_over(x_B1HW: Tensor, window: Tensor) -> Tensor:
    """Average over every window that lies wholly inside the image.

    Args:
        x_B1HW: Images of one channel.
        window: Profile of the window, applied along both axes.

    Returns:
        Means, (B, 1, h, w).
    """
    window = window.to(x_B1HW)
    return F.conv2d(F.conv2d(x_B1HW, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))


def covariance_over(first_B1HW: Tensor, second_B1HW: Tensor, window: Tensor) -> Tensor:
    """Give the covariance of two images over every window; of an image with itself it is at least 0.

    Args:
        first_B1HW: One image.
        second_B1HW: The other, or the same.
        window: See `mean_over`.

    Returns:
        Covariances, (B, 1, h, w).
    """
    product_of_means = mean_over(first_B1HW, window) * mean_over(second_B1HW, window)
    covariance_B1hw = mean_over(first_B1HW * second_B1HW, window) - product_of_means
    return covariance_B1hw.clamp_min(0) if first_B1HW is second_B1HW else covariance_B1hw


def ssim(first_B1HW: Tensor, second_B1HW: Tensor) -> Tensor:
    """Give the structural similarity of images in [0, 1].

    Args:
        first_B1HW: One image.
        second_B1HW: The other.

    Returns:
        Means over the windows, at most 1, (B,).

    Reference:
        Wang et al., Image quality assessment: from error visibility to structural similarity, TIP 2004.
    """
    level, contrast = 0.01**2, 0.03**2
    first_mean, second_mean = mean_over(first_B1HW, SSIM_WINDOW), mean_over(second_B1HW, SSIM_WINDOW)
    first_variance, second_variance, covariance = (
        covariance_over(one, other, SSIM_WINDOW)
        for one, other in ((first_B1HW, first_B1HW), (second_B1HW, second_B1HW), (first_B1HW, second_B1HW))
    )
    levels = (2 * first_mean * second_mean + level) / (first_mean**2 + second_mean**2 + level)
    structures = (2 * covariance + contrast) / (first_variance + second_variance + contrast)
    return (levels * structures).mean(dim=(1, 2, 3))
