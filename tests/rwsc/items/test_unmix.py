import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.items.unmix import bag_under, continuation_error, dilate, fill_smoothly


def blob(seed, height=37, width=50):
    rng = np.random.default_rng(seed)
    known_HW = np.ones((height, width), bool)
    for _ in range(3):
        y, x = rng.integers(0, height - 8), rng.integers(0, width - 8)
        known_HW[y : y + rng.integers(1, 20), x : x + rng.integers(1, 20)] = False
    return known_HW


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_what_is_known_stays_and_what_is_not_lies_within_its_range(seed):
    known_HW = blob(seed)
    values_HWC = np.random.default_rng(seed).random((*known_HW.shape, 2)).astype(np.float32)
    filled_HWC = fill_smoothly(values_HWC, known_HW)
    np.testing.assert_array_equal(filled_HWC[known_HW], values_HWC[known_HW])
    for channel in range(2):
        seen = values_HWC[..., channel][known_HW]
        assert seen.min() - 1e-5 <= filled_HWC[..., channel].min()
        assert filled_HWC[..., channel].max() <= seen.max() + 1e-5


def test_what_lies_under_does_not_matter():
    known_HW = blob(1)
    values_HWC = np.random.default_rng(0).random((*known_HW.shape, 3)).astype(np.float32)
    other_HWC = values_HWC.copy()
    other_HWC[~known_HW] = 99
    np.testing.assert_array_equal(fill_smoothly(values_HWC, known_HW), fill_smoothly(other_HWC, known_HW))


def test_a_slope_is_continued():
    y_HW, x_HW = np.mgrid[:60, :80].astype(np.float32)
    slope_HWC = (0.01 * x_HW + 0.02 * y_HW)[..., None]
    known_HW = np.ones((60, 80), bool)
    known_HW[20:40, 25:55] = False
    filled_HWC = fill_smoothly(slope_HWC, known_HW)
    # A constant continued from any side would be off by 0.15 or more.
    assert np.abs(filled_HWC - slope_HWC).max() < 0.04


def test_a_constant_is_continued_exactly_even_from_one_pixel():
    known_HW = np.zeros((33, 21), bool)
    known_HW[5, 6] = True
    filled_HWC = fill_smoothly(np.full((33, 21, 1), 0.7, np.float32), known_HW)
    np.testing.assert_allclose(filled_HWC, 0.7, rtol=1e-6)


def test_where_nothing_is_known_there_is_no_bag():
    hidden_HW = np.ones((10, 10), bool)
    assert not bag_under(np.ones((10, 10, 3), np.float32), hidden_HW, neighbour_quantile=0.9).any()
    assert not fill_smoothly(np.ones((10, 10, 3), np.float32), ~hidden_HW).any()


def test_a_metal_neighbour_is_not_smeared_under_the_item():
    attenuation_HWC = np.full((60, 60, 1), 0.2, np.float32)
    attenuation_HWC[28:32, 40:] = 3.0  # a rod that touches the hidden part
    hidden_HW = np.zeros((60, 60), bool)
    hidden_HW[20:40, 20:40] = True
    capped = bag_under(attenuation_HWC, hidden_HW, neighbour_quantile=0.9)
    uncapped = bag_under(attenuation_HWC, hidden_HW, neighbour_quantile=1.0)
    assert capped[hidden_HW].max() == pytest.approx(0.2)
    assert uncapped[hidden_HW].max() > 1.0


def test_a_smooth_bag_is_continued_almost_without_error_and_an_unforeseeable_one_with_its_own_spread():
    hidden_HW = np.zeros((90, 90), bool)
    hidden_HW[35:55, 35:55] = True
    x_HW = np.broadcast_to(np.arange(90, dtype=np.float32), (90, 90))
    noise_HW = np.random.default_rng(0).uniform(0, 1, (90, 90)).astype(np.float32)
    errors = [
        continuation_error(bag_HW[..., None], hidden_HW, neighbour_quantile=1)
        for bag_HW in (np.full((90, 90), 0.7, np.float32), 0.01 * x_HW, noise_HW)
    ]
    assert errors[0] == pytest.approx(0, abs=1e-6)
    assert errors[1] < 0.05
    assert errors[2] == pytest.approx(0.27, abs=0.06)


def test_what_lies_under_an_item_does_not_change_the_error_of_continuing():
    hidden_HW = np.zeros((90, 90), bool)
    hidden_HW[35:55, 35:55] = True
    bag_HWC = np.random.default_rng(1).uniform(0, 1, (90, 90, 3)).astype(np.float32)
    with_item_HWC = bag_HWC + 5 * hidden_HW[..., None].astype(np.float32)
    assert continuation_error(bag_HWC, hidden_HW, neighbour_quantile=0.9) == continuation_error(
        with_item_HWC, hidden_HW, neighbour_quantile=0.9
    )


@pytest.mark.parametrize("reach", [0, 4])
def test_where_nothing_is_seen_around_there_is_no_error(reach):
    hidden_HW = np.ones((30, 30), bool)
    hidden_HW[:reach] = False
    assert continuation_error(np.ones((30, 30, 3), np.float32), hidden_HW, neighbour_quantile=0.9) == 0


def test_a_mask_grows_by_its_radius():
    point_HW = np.zeros((11, 11), bool)
    point_HW[5, 5] = True
    grown_HW = dilate(point_HW, 3)
    assert grown_HW[5, 2]
    assert not grown_HW[5, 1]
    assert not grown_HW[2, 2]
    np.testing.assert_array_equal(dilate(point_HW, 0), point_HW)
