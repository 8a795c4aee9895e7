import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from rwsc.corpus.drift import MAX_ATTENUATION, NUM_BINS, AttenuationHistogram, Drift

AIR = np.array([255.0])
BIN_NEPERS = MAX_ATTENUATION / NUM_BINS


def histogram(*scans, air=AIR):
    found = AttenuationHistogram()
    for scan in scans:
        found.add(scan, air)
    return found


def scan_of(rng, low, high):
    return rng.integers(low, high, (40, 50), dtype=np.uint8)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_the_distance_is_scipys_of_the_pixels_to_within_a_bin(seed):
    rng = np.random.default_rng(seed)
    one, other = scan_of(rng, 40, 200), scan_of(rng, 90, 230)
    expected = wasserstein_distance(-np.log(one.ravel() / 255), -np.log(other.ravel() / 255))
    assert histogram(one).distance(histogram(other)) == pytest.approx(expected, abs=BIN_NEPERS)


def test_it_is_zero_for_equal_scans_symmetric_and_of_colour_the_mean_over_channels():
    rng = np.random.default_rng(0)
    one, other = scan_of(rng, 40, 200), scan_of(rng, 90, 230)
    assert histogram(one).distance(histogram(one)) == 0
    assert histogram(one).distance(histogram(other)) == histogram(other).distance(histogram(one))
    air = np.full(3, 255.0)
    flat = np.full_like(one, 100)
    first, second = np.dstack([one, flat, flat]), np.dstack([other, flat, flat])
    apart = histogram(first, air=air).distance(histogram(second, air=air))
    assert apart == pytest.approx(histogram(one).distance(histogram(other)) / 3, abs=BIN_NEPERS)


def test_air_does_not_count_and_empty_ones_have_no_distance():
    dense = np.full((20, 20), 60, np.uint8)
    in_air = np.full((80, 80), 255, np.uint8)
    in_air[:20, :20] = dense
    assert histogram(dense).distance(histogram(in_air)) == 0
    assert histogram(in_air[40:]).distance(histogram(dense)) is None
    assert histogram().distance(histogram(dense)) is None
    assert not histogram().shares_N.any()
    assert histogram(dense).shares_N.sum() == pytest.approx(1)


def test_gray_and_colour_have_no_distance():
    rng = np.random.default_rng(0)
    gray = scan_of(rng, 40, 200)
    colour = np.dstack([gray] * 3)
    assert histogram(gray).distance(histogram(colour, air=np.full(3, 255.0))) is None


def test_items_move_images_from_their_bags_by_what_they_attenuate():
    rng = np.random.default_rng(1)
    drift = Drift()
    assert drift.nepers is None
    for _ in range(4):
        bag = scan_of(rng, 100, 220)
        image = bag.copy()
        image[:20] = (bag[:20] * np.exp(-0.5)).astype(np.uint8)  # half a neper over half of the bag
        drift.add(image, bag, AIR)
    assert drift.nepers == pytest.approx(0.25, abs=0.03)
    assert drift.between_bags_nepers < 0.05
    assert drift.bags.distance(drift.images) == drift.nepers
