import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.placement.occlusion import (
    NUM_LEVELS,
    level_bounds,
    luminance,
    occluded_fraction,
    occlusion_level,
)


@given(st.floats(0, 1))
def test_a_fraction_lies_within_the_bounds_of_its_level(fraction):
    low, high = level_bounds(occlusion_level(fraction))
    assert low <= fraction <= high
    assert 1 <= occlusion_level(fraction) <= NUM_LEVELS


@pytest.mark.parametrize(("fraction", "level"), [(0, 1), (0.099, 1), (0.1, 2), (0.499, 2), (0.5, 3), (1, 3)])
def test_levels_begin_where_they_are_said_to(fraction, level):
    assert occlusion_level(fraction) == level


def test_dense_bag_under_the_mask_counts_and_no_other():
    mask = np.zeros((10, 20), bool)
    mask[2:8, 4:16] = True
    bag = np.ones((10, 20, 3), np.float32)
    bag[:, :7] = 0.4
    assert occluded_fraction(mask, bag) == 0.25
    assert occluded_fraction(mask, bag[..., 0]) == 0.25
    assert occluded_fraction(mask & False, bag) == 0


def test_colours_weigh_as_the_eye_sees_them():
    pixel = np.array([[[0.2, 0.5, 0.9]]], np.float32)
    assert luminance(pixel)[0, 0] == pytest.approx(0.299 * 0.2 + 0.587 * 0.5 + 0.114 * 0.9, abs=1e-4)
    assert luminance(pixel[..., :2])[0, 0] == np.float32(0.2)
