import numpy as np
import pytest
import torch
from reference import fusion_metrics as reference

from rwsc.training.baselines.windows import (
    SSIM_WINDOW,
    covariance_over,
    flat_window,
    gaussian_window,
    mean_over,
    ssim,
)


def images(hw=(14, 16), number=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand((2, 1, *hw), generator=generator) for _ in range(number)]


@pytest.mark.parametrize("profile", [flat_window(8), SSIM_WINDOW, gaussian_window(11, 11 / 6)])
def test_moments_are_those_of_each_window_written_out(profile):
    first, second = images()
    weights = torch.outer(profile, profile)
    assert float(weights.sum()) == pytest.approx(1)
    means, covariances = mean_over(first, profile), covariance_over(first, second, profile)
    size = len(profile)
    assert means.shape[-2:] == (14 - size + 1, 16 - size + 1)
    for y, x in ((0, 0), (3, 2), (14 - size, 16 - size)):
        one, two = (image[1, 0, y : y + size, x : x + size] for image in (first, second))
        mean = (weights * one).sum()
        covariance = (weights * (one - mean) * (two - (weights * two).sum())).sum()
        assert float(means[1, 0, y, x]) == pytest.approx(float(mean), abs=1e-6)
        assert float(covariances[1, 0, y, x]) == pytest.approx(float(covariance), abs=1e-6)


def test_the_gaussian_has_the_spread_it_is_made_of():
    profile, at = gaussian_window(101, 4.0), torch.arange(101) - 50
    assert float((profile * at).sum()) == pytest.approx(0, abs=1e-5)
    assert float((profile * at**2).sum()) == pytest.approx(16, rel=1e-3)
    assert torch.equal(gaussian_window(11, 1.5), SSIM_WINDOW)


def test_a_variance_is_never_negative():
    flat = torch.full((1, 1, 20, 20), 0.937)
    assert float(covariance_over(flat, flat, SSIM_WINDOW).min()) >= 0


def test_ssim_is_that_of_the_slow_reference():
    first, second = images((13, 12))
    weights, found = reference.gaussian_11(), ssim(first, second)
    for index in range(2):
        one, two = ((255 * image[index, 0]).double().numpy() for image in (first, second))
        values = [
            reference.ssim(weights, reference.window(one, y, x), reference.window(two, y, x))
            for y in range(5, 8)
            for x in range(5, 7)
        ]
        assert float(found[index]) == pytest.approx(np.mean(values), abs=1e-4)


def test_an_image_is_wholly_like_itself():
    first, second = images()
    torch.testing.assert_close(ssim(first, first), torch.ones(2))
    assert (ssim(first, second) < 0.5).all()
