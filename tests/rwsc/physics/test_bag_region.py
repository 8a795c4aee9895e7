import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.air import estimate_air_level
from rwsc.physics.bag_region import bag_region
from rwsc.physics.phantoms import draw_bag, render
from rwsc.physics.transmission import to_transmission

HEIGHT, WIDTH = 300, 400


def belt(*, noise=0.0):
    rng = np.random.default_rng(0)
    return np.clip(1 - np.abs(rng.normal(0, noise, (HEIGHT, WIDTH, 3))), 0, 1).astype(np.float32)


def put(scan, top, left, height, width, *, transmission=0.6, wall=None):
    """A bag; with a wall, one that is as bright as air inside."""
    scan[top : top + height, left : left + width] = transmission
    if wall:
        scan[top + wall : top + height - wall, left + wall : left + width - wall] = 1
    return scan


def box(top, left, height, width):
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[top : top + height, left : left + width] = True
    return inside


def overlap(found, expected):
    return (found & expected).sum() / (found | expected).sum()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1.5))
def test_the_region_of_a_phantom_is_its_body(seed, noise):
    rng = np.random.default_rng(seed)
    bag = draw_bag(rng, 240, 300)
    scan = render(bag.transmission_HWC, rng, air_level=251, noise=noise)
    region = bag_region(to_transmission(scan, estimate_air_level(scan)))
    assert region.dtype == bool
    assert region.shape == (240, 300)
    assert overlap(region, bag.body_HW) > 0.85
    assert (region & ~bag.body_HW).sum() < 0.14 * region.sum()


def test_a_grey_scan_has_the_region_of_a_colour_scan_of_equal_channels():
    scan = put(belt(), 60, 80, 150, 200)
    np.testing.assert_array_equal(bag_region(scan), bag_region(scan[..., 0]))
    np.testing.assert_array_equal(bag_region(scan), bag_region(scan[..., :1]))


@pytest.mark.parametrize("noise", [0.0, 0.015])
def test_there_is_no_bag_on_an_empty_belt(noise):
    assert not bag_region(belt(noise=noise)).any()


def test_there_is_no_bag_in_a_speck():
    assert not bag_region(put(belt(), 100, 100, 8, 8, transmission=0.1)).any()


def test_the_air_inside_a_pale_bag_belongs_to_it():
    scan = put(belt(), 60, 80, 150, 220, wall=8)
    assert overlap(bag_region(scan), box(60, 80, 150, 220)) > 0.95


def test_a_bag_fills_the_frame_that_it_fills():
    assert bag_region(np.full((HEIGHT, WIDTH, 3), 0.5, np.float32))[5:-5, 5:-5].all()


@pytest.mark.parametrize(("top", "left"), [(0, 100), (150, 100), (80, 0), (80, 200), (0, 0)])
def test_a_bag_cut_by_the_frame_reaches_to_the_frame(top, left):
    scan = put(belt(), top, left, 150, 200)
    assert overlap(bag_region(scan), box(top, left, 150, 200)) > 0.95


def test_a_pale_bag_cut_by_the_frame_is_closed_by_it():
    scan = put(belt(), 0, 100, 150, 200, transmission=0.985)
    scan[:140, 100:106] = scan[:140, 294:300] = scan[144:150, 100:300] = 0.4
    assert overlap(bag_region(scan), box(0, 100, 150, 200)) > 0.9


def test_air_between_a_bag_and_the_frame_is_no_bag():
    scan = put(belt(), 100, 60, 120, 200)
    scan[0:100, 60:66] = scan[0:100, 254:260] = 0.5
    assert not bag_region(scan)[:80, 80:240].any()


def test_all_big_bags_are_kept_and_small_things_are_dropped():
    scan = put(belt(), 20, 20, 110, 140)
    put(scan, 160, 220, 120, 150)
    put(scan, 40, 300, 14, 14)
    expected = box(20, 20, 110, 140) | box(160, 220, 120, 150)
    assert overlap(bag_region(scan), expected) > 0.93


def test_a_strap_and_the_air_in_its_loop_are_no_place_for_an_item():
    scan = put(belt(), 130, 80, 150, 240)
    scan[60:130, 150:156] = scan[60:130, 244:250] = scan[60:66, 150:250] = 0.5
    region = bag_region(scan)
    assert not region[:115].any()
    assert overlap(region, box(130, 80, 150, 240)) > 0.93


def test_a_handle_and_wheels_are_opened_away():
    scan = put(belt(), 60, 80, 180, 240)
    scan[20:60, 180:200] = 0.3
    scan[110:130, 320:360] = 0.1
    scan[200:220, 320:360] = 0.1
    region = bag_region(scan)
    # A fillet remains where a protrusion meets the body.
    assert not region[:48].any()
    assert not region[:, 334:].any()
    assert overlap(region, box(60, 80, 180, 240)) > 0.95


def test_a_seam_of_the_belt_joins_no_bags():
    scan = put(belt(), 120, 80, 140, 200)
    scan[106:109] = 0.7
    region = bag_region(scan)
    assert not region[:115].any()
    assert overlap(region, box(120, 80, 140, 200)) > 0.95


def test_specks_of_noise_are_not_closed_to_a_bag():
    scan = belt(noise=0.022)
    scan[:60] = 1
    assert overlap(bag_region(put(scan, 70, 100, 130, 200)), box(70, 100, 130, 200)) > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3, 3), (31, 33, 1)])
def test_scans_of_odd_shapes_have_a_region(shape):
    assert bag_region(np.full(shape, 0.5, np.float32)).shape == shape[:2]
    assert not bag_region(np.ones(shape, np.float32)).any()


def test_real_bags_are_found(real_scans):
    shares = []
    for origin, image in real_scans(3):
        if "HUMS X-ray Dataset, " in origin or "BaggageAI hiring" in origin:
            continue
        transmission = to_transmission(image, estimate_air_level(image))
        region = bag_region(transmission)
        attenuation = -np.log(transmission.mean(axis=-1))
        assert region.any(), origin
        # Most of the matter lies inside, and little air does.
        shares.append((attenuation[region].sum() / attenuation.sum(), (attenuation[region] < 0.005).mean()))
    matter, air = np.median(shares, axis=0)
    assert matter > 0.93
    assert air < 0.15
