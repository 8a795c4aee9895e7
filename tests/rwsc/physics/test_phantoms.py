import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.phantoms import ITEM_LABELS, THING_LABELS, draw_bag, draw_item, draw_thing, render
from rwsc.physics.transmission import DEFAULT_FLOOR

seeds = st.integers(0, 2**31)


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(64, 260), st.integers(64, 260))
def test_a_bag_is_a_transmission_on_air(seed, height, width):
    bag = draw_bag(np.random.default_rng(seed), height, width)
    assert bag.transmission_HWC.dtype == np.float32
    assert bag.transmission_HWC.shape == (height, width, 3)
    assert bag.transmission_HWC.min() >= np.float32(DEFAULT_FLOOR) * 0.999
    assert bag.transmission_HWC.max() == 1
    for edge in (bag.transmission_HWC[[0, -1]], bag.transmission_HWC[:, [0, -1]]):
        assert (edge == 1).mean() > 0.99
    assert 0.05 < bag.body_HW.mean() < 0.95
    # Its body attenuates everywhere, and most of what attenuates is its body.
    assert (bag.transmission_HWC[bag.body_HW].min(axis=-1) < 0.97).mean() > 0.98
    assert (bag.transmission_HWC.min(axis=-1)[~bag.body_HW] == 1).mean() > 0.6


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from(ITEM_LABELS), st.integers(32, 220))
def test_an_item_is_whole_tight_and_about_its_size(seed, label, size):
    item = draw_item(np.random.default_rng(seed), label, size)
    assert item.label == label
    assert item.alpha_HW.dtype == np.float32
    assert item.transmission_HWC.dtype == np.float32
    assert item.transmission_HWC.shape == (*item.alpha_HW.shape, 3)
    assert item.alpha_HW.min() >= 0
    assert item.alpha_HW.max() <= 1
    for side in (item.alpha_HW[0], item.alpha_HW[-1], item.alpha_HW[:, 0], item.alpha_HW[:, -1]):
        assert side.any()
    assert 0.7 * size < np.hypot(*item.alpha_HW.shape) < 1.6 * size + 6
    assert (item.transmission_HWC[item.alpha_HW == 0] == 1).all()
    assert (item.transmission_HWC[item.alpha_HW > 0.5].min(axis=-1) < 0.95).mean() > 0.95


@pytest.mark.parametrize("label", ITEM_LABELS)
def test_an_item_is_one_piece(label):
    for seed in range(10):
        item = draw_item(np.random.default_rng(seed), label, 160)
        _, _, stats, _ = cv2.connectedComponentsWithStats((item.alpha_HW > 0.2).astype(np.uint8))
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.99 * (item.alpha_HW > 0.2).sum()


def num_holes(item):
    air = np.pad(item.alpha_HW < 0.5, 1, constant_values=True).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(air, connectivity=4)
    return int((stats[2:, cv2.CC_STAT_AREA] >= 12).sum())


@pytest.mark.parametrize(("label", "holes"), [("gun", 1), ("scissors", 2), ("knife", 0)])
def test_trigger_guards_and_finger_rings_are_open(label, holes):
    found = [num_holes(draw_item(np.random.default_rng(seed), label, 200)) for seed in range(12)]
    assert np.median(found) == pytest.approx(holes, abs=1)
    assert min(found) >= holes


@pytest.mark.parametrize("label", ["gun", "knife", "pliers"])
def test_an_item_has_parts_of_different_attenuation(label):
    for seed in range(5):
        item = draw_item(np.random.default_rng(seed), label, 160)
        red = -np.log(item.transmission_HWC[..., 0][item.alpha_HW == 1])
        assert np.percentile(red, 90) > 1.3 * np.percentile(red, 10)


@pytest.mark.parametrize("label", ["gun", "wrench", "scissors"])
def test_the_rim_of_an_item_is_of_its_own_matter(label):
    """Without that, composition by alpha would let the rim fade twice."""
    item = draw_item(np.random.default_rng(1), label, 200)
    rim = (item.alpha_HW > 0.2) & (item.alpha_HW < 0.8)
    attenuation = -np.log(item.transmission_HWC).mean(axis=-1)
    assert np.median(attenuation[rim]) > 0.5 * np.median(attenuation[item.alpha_HW == 1])


def test_the_same_seed_draws_the_same_phantoms():
    for draw in (lambda rng: draw_bag(rng, 120, 160), lambda rng: draw_item(rng, "gun", 90)):
        one, two, other = (draw(np.random.default_rng(seed)).transmission_HWC for seed in (3, 3, 4))
        np.testing.assert_array_equal(one, two)
        assert one.shape != other.shape or (one != other).any()


def test_a_scan_without_noise_is_transmission_times_air():
    transmission = draw_bag(np.random.default_rng(0), 80, 90).transmission_HWC
    scan = render(transmission, np.random.default_rng(0), air_level=252, noise=0)
    np.testing.assert_array_equal(scan, np.rint(transmission * np.float32(252)).astype(np.uint8))


def test_noise_grows_with_the_root_of_what_came_through():
    rng = np.random.default_rng(0)
    spread = {
        level: render(np.full((300, 300, 1), level, np.float32), rng, air_level=200, noise=2).std()
        for level in (1.0, 0.25)
    }
    assert spread[1.0] / spread[0.25] == pytest.approx(2, rel=0.1)
    assert spread[1.0] == pytest.approx(2 * 200 / np.sqrt(20_000), rel=0.1)


def test_air_of_a_rendered_scan_is_nearly_white_by_default():
    scan = render(np.ones((64, 64, 3), np.float32), np.random.default_rng(0))
    assert scan.dtype == np.uint8
    assert 248 < scan.mean() <= 255


def test_too_small_a_frame_is_refused():
    with pytest.raises(ValueError, match="64 x 64 pixels, not 20 x 90"):
        draw_bag(np.random.default_rng(0), 20, 90)


def test_too_small_an_item_is_refused():
    with pytest.raises(ValueError, match="16 pixels, not 8"):
        draw_item(np.random.default_rng(0), "gun", 8)


def test_an_unknown_label_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'spoon'; there are gun, knife, wrench, pliers, scissors"):
        draw_item(np.random.default_rng(0), "spoon", 80)


@pytest.mark.parametrize("label", THING_LABELS)
def test_a_harmless_thing_is_whole_and_tight(label):
    for seed in range(12):
        thing = draw_thing(np.random.default_rng(seed), label, 60)
        assert thing.label == label
        assert thing.transmission_HWC.shape == (*thing.alpha_HW.shape, 3)
        assert max(thing.alpha_HW.shape) < 6 * 60  # else it may have been cut by its canvas
        for side in (thing.alpha_HW[0], thing.alpha_HW[-1], thing.alpha_HW[:, 0], thing.alpha_HW[:, -1]):
            assert side.any()
        assert (thing.transmission_HWC[thing.alpha_HW == 0] == 1).all()
        assert thing.transmission_HWC[thing.alpha_HW > 0.5].mean() < 0.98


def test_unknown_or_tiny_things_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no phantom of 'bomb'; there are bottle"):
        draw_thing(rng, "bomb", 60)
    with pytest.raises(ValueError, match="at least 16 pixels, not 15"):
        draw_thing(rng, "book", 15)


@pytest.mark.parametrize("label", THING_LABELS)
def test_a_thing_of_two_energies_is_the_same_thing(label):
    colour, two = (
        draw_thing(np.random.default_rng(3), label, 60, two_energies=two_energies)
        for two_energies in (False, True)
    )
    np.testing.assert_array_equal(two.alpha_HW, colour.alpha_HW)
    assert two.transmission_HWC.shape == (*two.alpha_HW.shape, 2)
    assert two.transmission_HWC.dtype == np.float32
    assert (two.transmission_HWC[two.alpha_HW == 0] == 1).all()
    is_thing_HW = two.alpha_HW > 0
    low, high = -np.log(two.transmission_HWC[is_thing_HW]).T
    assert (low >= high - 1e-5).all()
    # What is dense in one picture is so in the other, at the rim as inside.
    assert np.corrcoef(low, -np.log(colour.transmission_HWC[is_thing_HW]).mean(axis=1))[0, 1] > 0.7
