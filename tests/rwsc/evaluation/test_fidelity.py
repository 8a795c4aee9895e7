import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from support.triples import noise, scene

from rwsc.evaluation.fidelity import mean_absolute_error, mean_squared_error, psnr_db

PAIRS = st_np.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5).flatmap(
    lambda shape: st.tuples(st_np.arrays(np.uint8, shape), st_np.arrays(np.uint8, shape))
)


@given(PAIRS)
def test_errors_are_exact_and_symmetric(pair):
    distances = [abs(a - b) for a, b in zip(*(each.ravel().tolist() for each in pair), strict=True)]
    assert mean_absolute_error(*pair) == sum(distances) / len(distances)
    assert mean_squared_error(*pair) == sum(each**2 for each in distances) / len(distances)
    assert mean_squared_error(*pair[::-1]) == mean_squared_error(*pair)


def test_the_region_counts_in_all_channels():
    item, bag, mask_HW = scene(channels=(3,))
    expected = sum(
        abs(int(item[y, x, c]) - int(bag[y, x, c])) for y, x in np.argwhere(mask_HW) for c in range(3)
    ) / (3 * mask_HW.sum())
    assert mean_absolute_error(item, bag, region_HW=mask_HW) == expected
    assert math.isnan(mean_absolute_error(item, bag, region_HW=np.zeros_like(mask_HW)))
    assert math.isnan(mean_squared_error(item, bag, region_HW=np.zeros_like(mask_HW)))


def test_large_pictures_do_not_overflow():
    black, white = np.zeros((400, 300), np.uint8), np.full((400, 300), 255, np.uint8)
    assert mean_squared_error(black, white) == mean_squared_error(white, black) == 255**2
    assert mean_absolute_error(black, white) == 255


@pytest.mark.parametrize(
    ("mse", "decibels", "tolerance"),
    [(255**2, 0, 0), (1, 48.1308036, 1e-7), (3.07**2, 38.40, 0.02), (2.83**2, 39.08, 0.02), (0, math.inf, 0)],
)
def test_psnr_has_the_peak_255(mse, decibels, tolerance):
    """Two of them are the RMSE and PSNR of the slides' Table 1."""
    assert psnr_db(mse) == pytest.approx(decibels, abs=tolerance)


def test_psnr_of_nothing_is_undefined():
    assert math.isnan(psnr_db(math.nan))


def test_the_joint_error_is_least_for_the_plain_average():
    """MSE_A + MSE_B = mean(A - B)^2 / 2 + 2 mean(F - (A + B) / 2)^2, as the research says."""
    item, bag, fused = noise(7)
    middle = (item.astype(float) + bag) / 2
    expected = np.mean((item.astype(float) - bag) ** 2) / 2 + 2 * np.mean((fused - middle) ** 2)
    assert mean_squared_error(item, fused) + mean_squared_error(bag, fused) == pytest.approx(expected)
