import colorsys
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.training.statistics import (
    MIN_VARIANCE,
    correlation,
    local_mean,
    overlap,
    saturation,
    weighted_mean,
)

SEEDS = st.integers(0, 2**31 - 1)


def uniform(seed, shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reference_local_mean(image_HW):
    height, width = image_HW.shape
    out = np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        total = mass = 0.0
        for v in range(-5, 6):
            for u in range(-5, 6):
                weight = math.exp(-(u * u + v * v) / (2 * 1.5**2))
                near = image_HW[min(max(y + v, 0), height - 1), min(max(x + u, 0), width - 1)]
                total, mass = total + weight * near, mass + weight
        out[y, x] = total / mass
    return out


@pytest.mark.parametrize("size", [(9, 13), (2, 3), (1, 1)])
def test_local_means_match_the_reference(size):
    image = uniform(0, (1, 1, *size))
    expected = reference_local_mean(image[0, 0].numpy())
    np.testing.assert_allclose(local_mean(image)[0, 0].numpy(), expected, rtol=1e-12)


def test_the_local_mean_of_a_constant_is_the_constant():
    flat = torch.full((1, 1, 20, 20), 0.7)
    torch.testing.assert_close(local_mean(flat), flat)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_saturation_is_that_of_the_hsv_model(seed):
    image = 0.002 + 0.99 * uniform(seed, (1, 3, 2, 2))
    expected = [colorsys.rgb_to_hsv(*pixel)[1] for pixel in image[0].flatten(1).T.tolist()]
    np.testing.assert_allclose(saturation(image).flatten().numpy(), expected, rtol=1e-9)


def test_black_and_gray_have_no_saturation():
    for level in (0.0, 1e-5, 0.5, 1.0):
        assert (saturation(torch.full((1, 3, 2, 2), level)) == 0).all()
    assert (saturation(torch.rand(1, 1, 2, 2)) == 0).all()


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_correlation_over_a_hard_mask_is_numpys(seed):
    first, second = uniform(seed, (2, 1, 5, 6)), uniform(seed + 1, (2, 1, 5, 6))
    second = second + 0.7 * first
    weight = (uniform(seed + 2, (2, 1, 5, 6)) < 0.6).double()
    weight[..., 0, :3] = 1
    expected = [np.corrcoef(first[i][weight[i] > 0], second[i][weight[i] > 0])[0, 1] for i in range(2)]
    np.testing.assert_allclose(correlation(first, second, weight_B1HW=weight).numpy(), expected, rtol=1e-9)


def test_a_correlation_counts_a_pixel_by_its_weight():
    first, second = uniform(0, (1, 1, 1, 4)), uniform(1, (1, 1, 1, 4))
    weight = torch.tensor([1.0, 2, 3, 1], dtype=torch.float64).view(1, 1, 1, 4)
    repeated = [x.flatten().repeat_interleave(weight.flatten().long()).numpy() for x in (first, second)]
    found = correlation(first, second, weight_B1HW=weight / 10)
    np.testing.assert_allclose(found.numpy(), np.corrcoef(*repeated)[0, 1], rtol=1e-9)


def test_what_does_not_vary_correlates_with_nothing_and_has_no_gradient():
    varied = uniform(0, (1, 1, 6, 6))
    for flat in (torch.full_like(varied, 0.3), 0.3 + 0.5 * math.sqrt(MIN_VARIANCE) * (varied - 0.5)):
        flat.requires_grad_()
        found = correlation(flat, varied, weight_B1HW=torch.ones_like(varied))
        found.sum().backward()
        assert found.item() == 0
        assert (flat.grad == 0).all()


def test_without_pixels_there_is_no_mean_and_no_correlation():
    image, nothing = uniform(0, (1, 3, 4, 4)), torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    assert weighted_mean(image, nothing).item() == 0
    assert correlation(image[:, :1], image[:, 1:2], weight_B1HW=nothing).item() == 0


def test_the_gradient_of_a_correlation_is_right():
    first, second = uniform(0, (1, 1, 3, 3)).requires_grad_(), uniform(1, (1, 1, 3, 3)).requires_grad_()
    weight = uniform(2, (1, 1, 3, 3))
    assert torch.autograd.gradcheck(lambda a, b: correlation(a, b, weight_B1HW=weight), (first, second))


def test_the_overlap_is_the_mask_where_the_bag_is_darker_than_air():
    bag = torch.ones(1, 3, 1, 4)
    bag[..., 1], bag[..., 2], bag[..., 3] = 0.96, 0.94, 0.1
    mask = torch.tensor([1.0, 1.0, 0.5, 0.0]).view(1, 1, 1, 4)
    assert overlap(bag, mask, air_threshold=0.95).flatten().tolist() == [0, 0, 0.5, 0]
