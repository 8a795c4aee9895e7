import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.consoles import Console, draw_console

seeds = st.integers(0, 2**31)


def plate():
    """Air with a plate in the middle."""
    rgb_HWC = np.full((60, 70, 3), 255, np.uint8)
    rgb_HWC[20:40, 20:50] = (90, 130, 180)
    return rgb_HWC


def test_the_plain_console_shows_a_scan_as_it_is():
    rgb_HWC = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    shown_HWC = Console(mixing_33=np.eye(3)).show(rgb_HWC)
    assert np.abs(shown_HWC.astype(int) - rgb_HWC)[rgb_HWC > 2].max() == 0


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_air_stays_air_and_matter_stays_darker(seed):
    shown_HWC = draw_console(np.random.default_rng(seed)).show(plate())
    assert shown_HWC.dtype == np.uint8
    assert (shown_HWC[:8] == 255).all()
    assert shown_HWC[25:35, 30:40].mean() < 230


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_one_console_shows_equal_scans_equally_whatever_lies_far_off(seed):
    console, other = draw_console(np.random.default_rng(seed)), plate()
    other[:8, :8] = 40
    np.testing.assert_array_equal(console.show(plate())[30:, 30:], console.show(other)[30:, 30:])


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 254), st.integers(1, 254))
def test_without_a_turn_of_hue_more_matter_never_looks_brighter(seed, one, other):
    drawn = draw_console(np.random.default_rng(seed))
    console = Console(mixing_33=drawn.mixing_33, gamma=drawn.gamma)
    thin, thick = (
        console.show(np.full((1, 1, 3), level, np.uint8)).astype(int)
        for level in (max(one, other), min(one, other))
    )
    assert (thick <= thin).all()


def test_sharpening_darkens_an_edge_inside_and_leaves_flat_parts():
    plain = Console(mixing_33=np.eye(3)).show(plate()).astype(int)
    sharp = Console(mixing_33=np.eye(3), sharpening=1.0, sharpening_px=1.0).show(plate()).astype(int)
    assert (sharp[20, 25:45] < plain[20, 25:45] - 20).all()
    np.testing.assert_array_equal(sharp[28:32, 28:42], plain[28:32, 28:42])


def test_consoles_differ_in_colour_and_contrast_and_each_is_drawn_from_its_seed():
    shown = [
        draw_console(np.random.default_rng(seed)).show(plate())[30, 35].astype(int) for seed in range(40)
    ]
    again = [
        draw_console(np.random.default_rng(seed)).show(plate())[30, 35].astype(int) for seed in range(40)
    ]
    np.testing.assert_array_equal(shown, again)
    assert np.ptp(shown, axis=0).min() > 40
