import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.phantom_looks import draw_look

seeds = st.integers(0, 2**31)


def plate():
    """Air with a plate in the middle."""
    attenuation_HWC = np.zeros((60, 70, 3), np.float32)
    attenuation_HWC[20:40, 20:50] = (1.6, 1.2, 0.9)
    return attenuation_HWC


@settings(max_examples=60)
@given(seeds)
def test_a_look_is_an_image_on_which_air_is_bright_and_matter_is_not(seed):
    image = draw_look(np.random.default_rng(seed), plate())
    assert image.dtype == np.uint8
    assert image.shape == (60, 70, 3)
    air = image[:10]
    assert air.mean() > 245
    assert np.percentile(air, 1) > 220
    assert image[25:35, 25:45].mean() < air.mean() - 50


def test_the_same_seed_gives_the_same_bytes_and_others_do_not():
    looks = [draw_look(np.random.default_rng(seed), plate()).tobytes() for seed in range(40)]
    again = [draw_look(np.random.default_rng(seed), plate()).tobytes() for seed in range(40)]
    assert looks == again
    assert len(set(looks)) == 40


def test_what_is_shown_stays_as_it_is():
    attenuation_HWC = plate()
    for seed in range(10):
        draw_look(np.random.default_rng(seed), attenuation_HWC)
    np.testing.assert_array_equal(attenuation_HWC, plate())


def test_looks_differ_in_colour_contrast_and_noise():
    images = [draw_look(np.random.default_rng(seed), plate()).astype(float) for seed in range(60)]
    darkness = [image[25:35, 25:45].mean() for image in images]
    noise = [image[25:35, 25:45].std(axis=(0, 1)).mean() for image in images]
    colour = [np.ptp(image[25:35, 25:45].mean(axis=(0, 1))) for image in images]
    assert np.ptp(darkness) > 40
    assert max(noise) > 3 * min(noise)
    assert min(colour) < 8 < 40 < max(colour)


@pytest.mark.parametrize("value", [0, 50])
def test_extremes_stay_in_range(value):
    for seed in range(10):
        image = draw_look(np.random.default_rng(seed), np.full((20, 20, 3), value, np.float32))
        assert image.mean() > 240 if value == 0 else image.mean() < 30
