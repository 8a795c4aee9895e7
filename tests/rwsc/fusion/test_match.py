import cv2
import numpy as np
import pytest

from rwsc.fusion.match import Look, MatchConfig, match_item, measure_look, sample_tiles
from rwsc.physics.phantoms import draw_bag, draw_item
from rwsc.physics.transmission import to_attenuation

CONFIG = MatchConfig(noise=True, sharpness=True)
NOISY = Look(noise_floor=1e-5, noise_slope=2e-4, blur_px2=None)
QUIET = Look(noise_floor=0.0, noise_slope=0.0, blur_px2=None)


def noise_of(shape, rng, sigma):
    return rng.normal(0, sigma, shape).astype(np.float32)


def draw_discs(rng, blur_px, hw=(320, 320), sigma=0.003):
    """Plates with steps between them, as blurred as wanted, and a little noise."""
    picture = np.full(hw, 0.85, np.float32)
    for _ in range(30):
        x, y = (int(each) for each in rng.integers(20, 300, 2))
        axes = tuple(int(each) for each in rng.integers(10, 40, 2))
        cv2.ellipse(
            picture, (x, y), axes, rng.uniform(0, 180), 0, 360, rng.uniform(0.2, 0.8), -1, cv2.LINE_AA
        )
    return (cv2.GaussianBlur(picture, (0, 0), blur_px) + noise_of(hw, rng, sigma))[..., None].clip(1e-3, 1)


def make_item(rng, level=0.5, hw=(90, 110), sigma=0.0, channels=3):
    alpha_HW = np.zeros(hw, np.float32)
    alpha_HW[8:-8, 8:-8] = 1
    alpha_HW[7, 8:-8] = 0.4
    own_HW = np.clip(level + noise_of(hw, rng, sigma), 1e-3, 1)
    return np.repeat(own_HW[..., None], channels, axis=2), alpha_HW


def match(item, look, under=0.7, seed=0, config=CONFIG):
    transmission_HWC, alpha_HW = item
    under_HWC = np.full_like(transmission_HWC, under)
    rng = np.random.default_rng(seed)
    return match_item(transmission_HWC, alpha_HW, under_HWC=under_HWC, look=look, rng=rng, config=config)


def look_at(scan_HWC):
    return measure_look(sample_tiles(scan_HWC), CONFIG)


def noise_inside(picture_HWC):
    return float(picture_HWC[14:-14, 14:-14].mean(axis=2).std())


def wanted_noise(look, item, under):
    """By the definition: what both together lack beside what the bag brings, over the light of the bag."""
    both = look.noise_floor + look.noise_slope * item * under
    brought = item**2 * (look.noise_floor + look.noise_slope * under)
    return np.sqrt(both - brought) / under


@pytest.mark.parametrize("level", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("under", [0.3, 0.9])
def test_an_item_without_noise_gets_what_both_together_lack(level, under):
    matched = match(make_item(np.random.default_rng(0), level), NOISY, under)
    assert noise_inside(matched) == pytest.approx(wanted_noise(NOISY, level, under), rel=0.1)


def test_an_item_with_a_little_noise_gets_only_the_rest():
    wanted = wanted_noise(NOISY, 0.5, 0.7)
    matched = match(make_item(np.random.default_rng(0), 0.5, sigma=0.35 * wanted), NOISY, 0.7)
    assert noise_inside(matched) == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("times", [0.8, 3.0])
def test_an_item_with_about_enough_noise_or_too_much_stays_as_it_is(times):
    item = make_item(np.random.default_rng(0), 0.5, sigma=times * wanted_noise(NOISY, 0.5, 0.7))
    np.testing.assert_array_equal(match(item, NOISY, 0.7), item[0])


def test_neighbours_have_no_noise_in_common_but_channels_have():
    noise = match(make_item(np.random.default_rng(0)), NOISY)[14:-14, 14:-14] - 0.5
    assert abs(np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1]) < 0.05
    np.testing.assert_allclose(noise[..., 0], noise[..., 2], atol=1e-6)


def test_an_item_of_air_stays_air():
    item = make_item(np.random.default_rng(0), level=1.0)
    np.testing.assert_array_equal(match(item, NOISY), item[0])


@pytest.mark.parametrize("look", [NOISY, QUIET, Look(noise_floor=1e-4, noise_slope=0, blur_px2=2.0)])
@pytest.mark.parametrize("seed", range(4))
def test_matter_is_kept_and_nothing_changes_beside_the_item(look, seed):
    rng = np.random.default_rng(seed)
    phantom = draw_item(rng, ("gun", "knife", "wrench", "scissors")[seed], 120)
    item = phantom.transmission_HWC.copy(), phantom.alpha_HW
    item[0][item[1] == 0] = rng.uniform(0.1, 1)
    matched = match(item, look, seed=seed)
    off = item[1] == 0
    np.testing.assert_array_equal(matched[off], item[0][off])
    assert matched.dtype == np.float32
    assert matched.min() > 0
    assert matched.max() <= 1
    before, after = (
        (to_attenuation(each) * item[1][..., None]).sum(axis=(0, 1)) for each in (item[0], matched)
    )
    np.testing.assert_allclose(after, before, rtol=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_a_matched_item_is_not_matched_again(seed):
    phantom = draw_item(np.random.default_rng(seed), "gun", 140)
    item = phantom.transmission_HWC, phantom.alpha_HW
    once = match(item, NOISY, seed=1)
    assert (once != item[0]).any()
    np.testing.assert_array_equal(match((once, item[1]), NOISY, seed=2), once)


def test_equal_seeds_give_equal_items_and_others_do_not():
    item = make_item(np.random.default_rng(0))
    np.testing.assert_array_equal(match(item, NOISY, seed=3), match(item, NOISY, seed=3))
    assert (match(item, NOISY, seed=3) != match(item, NOISY, seed=4)).any()


def test_both_are_off_unless_asked_for():
    item = make_item(np.random.default_rng(0))
    np.testing.assert_array_equal(match(item, NOISY, config=MatchConfig()), item[0])


def test_the_blur_of_steps_is_found_to_a_fifth_of_a_pixel():
    for blur_px in (0.5, 0.8, 1.1):
        found = look_at(draw_discs(np.random.default_rng(0), blur_px)).blur_px2
        assert np.sqrt(found) == pytest.approx(blur_px, abs=0.2)


def test_an_item_sharper_than_the_bag_is_blurred_and_one_less_sharp_stays():
    bag_px2 = look_at(draw_discs(np.random.default_rng(1), 0.9)).blur_px2
    look = Look(noise_floor=0, noise_slope=0, blur_px2=bag_px2)
    sharp_HWC, soft_HWC = (draw_discs(np.random.default_rng(2), px, sigma=0.001) for px in (0.4, 1.3))
    whole_HW = np.ones(sharp_HWC.shape[:2], np.float32)
    matched = match((sharp_HWC, whole_HW), look)
    before, after = (abs(look_at(each).blur_px2 - bag_px2) for each in (sharp_HWC, matched))
    assert after < 0.5 * before
    np.testing.assert_array_equal(match((soft_HWC, whole_HW), look), soft_HWC)


def noisy_bag(seed, cloth=0.0):
    rng = np.random.default_rng(seed)
    clean_HWC = draw_bag(rng, 400, 480).transmission_HWC
    grain_HW1 = 1 + np.float32(cloth) * rng.standard_normal(clean_HWC.shape[:2], dtype=np.float32)[..., None]
    clean_HWC = np.exp(np.log(clean_HWC) * grain_HW1).clip(1e-3, 1)
    sigma_HWC = np.sqrt(1e-5 + 3e-4 * clean_HWC.mean(axis=2, keepdims=True))
    white_HWC = rng.standard_normal(clean_HWC.shape[:2]).astype(np.float32)[..., None]
    return np.clip(clean_HWC + sigma_HWC * white_HWC, 1e-3, 1)


@pytest.mark.parametrize("cloth", [0.0, 0.05])
@pytest.mark.parametrize("seed", range(3))
def test_noise_of_a_bag_is_found_and_rather_too_little_than_too_much(seed, cloth):
    look = look_at(noisy_bag(seed, cloth))
    found = [np.sqrt(look.variance(level) / (1e-5 + 3e-4 * level)) for level in (0.3, 0.6, 0.9)]
    assert min(found) > 0.4
    assert max(found) < (1.25 if cloth else 1)


def test_tiles_come_from_all_over_the_scan():
    rows, columns = np.indices((800, 1000))
    tiles = sample_tiles(np.stack([rows, columns], axis=2))
    assert tiles.shape == (64 * 32, 32, 2)
    assert tiles[..., 0].min() == 0
    assert tiles[..., 0].max() == 799
    assert tiles[..., 1].max() == 999


@pytest.mark.parametrize("hw", [(1, 1), (3, 500), (40, 40), (900, 700)])
@pytest.mark.parametrize("level", [1e-3, 0.5, 1.0])
def test_scans_that_tell_nothing_give_a_look_too(hw, level):
    look = look_at(np.full((*hw, 1), level, np.float32))
    assert look.variance(0.5) == pytest.approx(0, abs=1e-9)
    assert look.blur_px2 is None


@pytest.mark.parametrize("hw", [(1, 1), (2, 40), (5, 5)])
def test_tiny_items_pass(hw):
    item = np.full((*hw, 3), 0.5, np.float32), np.ones(hw, np.float32)
    assert match(item, NOISY).shape == item[0].shape


def test_an_item_of_more_edges_than_opencv_maps_to_at_once_is_matched():
    """A line of 33,000 pixels of steps: what is measured of it is what is measured of a part of it."""
    steps = np.tile(np.repeat([0.3, 0.7], 6), 350).astype(np.float32)
    picture = cv2.GaussianBlur(np.tile(steps, (60, 1)), (0, 0), 0.6)
    alpha_HW = np.ones(picture.shape, np.float32)
    look = Look(noise_floor=0.0, noise_slope=0.0, blur_px2=1.5)
    config = MatchConfig(sharpness=True)
    matched = match((picture[..., None], alpha_HW), look, config=config)
    part = match((picture[:, :1200, None], alpha_HW[:, :1200]), look, config=config)
    assert not np.array_equal(matched, picture[..., None])
    np.testing.assert_allclose(matched[:, 300:900], part[:, 300:900], atol=1e-3)
