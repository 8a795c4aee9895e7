import cv2
import numpy as np
import pytest

from rwsc.fusion.match import Look, MatchConfig, match_item, measure_look
from rwsc.physics.phantoms import draw_bag, draw_item
from rwsc.physics.transmission import to_attenuation

CONFIG = MatchConfig()
NOISY = Look(noise_floor=1e-5, noise_slope=2e-4, grain_px=0.6, blur_px2=None)
QUIET = Look(noise_floor=0.0, noise_slope=0.0, grain_px=0.0, blur_px2=None)


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


def noise_inside(picture_HWC):
    inside = picture_HWC[14:-14, 14:-14].mean(axis=2)
    return float((inside - cv2.GaussianBlur(inside, (0, 0), 1.5)).std())


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


def test_an_item_with_some_noise_gets_only_the_rest():
    wanted = wanted_noise(NOISY, 0.5, 0.7)
    unit = noise_inside(make_item(np.random.default_rng(0), 0.5, sigma=0.01)[0]) / 0.01
    matched = match(make_item(np.random.default_rng(0), 0.5, sigma=0.6 * wanted / unit), NOISY, 0.7)
    assert noise_inside(matched) == pytest.approx(wanted, rel=0.08)


def test_noise_has_the_grain_of_the_bags():
    correlation = {}
    for grain_px in (0.0, 1.0):
        look = Look(noise_floor=1e-4, noise_slope=0, grain_px=grain_px, blur_px2=None)
        inside = match(make_item(np.random.default_rng(0)), look)[14:-14, 14:-14, 0] - 0.5
        correlation[grain_px] = np.corrcoef(inside[:, 1:].ravel(), inside[:, :-1].ravel())[0, 1]
    assert abs(correlation[0.0]) < 0.05
    assert correlation[1.0] > 0.6


def test_noise_that_is_too_much_is_taken_off_and_what_stands_out_stays():
    item = make_item(np.random.default_rng(0), sigma=0.02)
    item[0][30:60, 40:50] = 0.2
    matched = match(item, Look(noise_floor=1e-5, noise_slope=0, grain_px=0, blur_px2=None))
    flat = np.s_[15:28, 15:95]
    assert noise_inside(matched[flat].repeat(3, 0)) < noise_inside(item[0][flat].repeat(3, 0))
    assert matched[flat].std() < 0.7 * item[0][flat].std()
    assert matched[45, 45, 0] == pytest.approx(0.2, abs=0.05)


def test_an_item_of_air_stays_air():
    item = make_item(np.random.default_rng(0), level=1.0)
    np.testing.assert_array_equal(match(item, NOISY), item[0])


@pytest.mark.parametrize(
    "look", [NOISY, QUIET, Look(noise_floor=1e-4, noise_slope=0, grain_px=0, blur_px2=2.0)]
)
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


def test_a_matched_item_stays_matched():
    item = make_item(np.random.default_rng(0), level=0.4)
    once = match(item, NOISY, seed=1)
    twice = match((once, item[1]), NOISY, seed=2)
    assert np.abs(twice - once).mean() <= 0.25 * np.abs(once - item[0]).mean()


def test_equal_seeds_give_equal_items_and_others_do_not():
    item = make_item(np.random.default_rng(0))
    np.testing.assert_array_equal(match(item, NOISY, seed=3), match(item, NOISY, seed=3))
    assert (match(item, NOISY, seed=3) != match(item, NOISY, seed=4)).any()


def test_both_can_be_turned_off():
    item = make_item(np.random.default_rng(0))
    np.testing.assert_array_equal(
        match(item, NOISY, config=MatchConfig(noise=False, sharpness=False)), item[0]
    )


def test_the_blur_of_steps_is_found_to_a_fifth_of_a_pixel():
    for blur_px in (0.5, 0.8, 1.1):
        found = measure_look(draw_discs(np.random.default_rng(0), blur_px)).blur_px2
        assert np.sqrt(found) == pytest.approx(blur_px, abs=0.2)


def test_an_item_sharper_than_the_bag_is_blurred_and_one_less_sharp_sharpened():
    bag_px2 = measure_look(draw_discs(np.random.default_rng(1), 0.9)).blur_px2
    look = Look(noise_floor=0, noise_slope=0, grain_px=0, blur_px2=bag_px2)
    config = MatchConfig(noise=False)
    for own_px, share_left in ((0.4, 0.5), (1.3, 0.9)):
        own_HWC = draw_discs(np.random.default_rng(2), own_px, sigma=0.001)
        matched = match((own_HWC, np.ones(own_HWC.shape[:2], np.float32)), look, config=config)
        before, after = (abs(measure_look(each).blur_px2 - bag_px2) for each in (own_HWC, matched))
        assert after < share_left * before


def test_noise_of_a_full_bag_is_found_and_taken_for_a_little_more_only_where_there_is_no_quiet_place():
    rng = np.random.default_rng(5)
    clean_HWC = draw_bag(rng, 400, 480).transmission_HWC
    white_HWC = rng.standard_normal(clean_HWC.shape[:2]).astype(np.float32)[..., None]
    sigma_HWC = np.sqrt(1e-5 + 3e-4 * clean_HWC.mean(axis=2, keepdims=True))
    look = measure_look(np.clip(clean_HWC + sigma_HWC * white_HWC, 1e-3, 1))
    found = {level: np.sqrt(look.variance(level) / (1e-5 + 3e-4 * level)) for level in (0.3, 0.6, 0.9)}
    assert 0.8 < found[0.3] < 1.6
    assert 0.8 < found[0.6] < 1.25
    assert 0.85 < found[0.9] < 1.15
    assert look.grain_px < 0.55


@pytest.mark.parametrize("hw", [(1, 1), (3, 500), (40, 40), (900, 700)])
@pytest.mark.parametrize("level", [1e-3, 0.5, 1.0])
def test_scans_that_tell_nothing_give_a_look_too(hw, level):
    look = measure_look(np.full((*hw, 1), level, np.float32))
    assert look.variance(0.5) == pytest.approx(0, abs=1e-9)
    assert look.blur_px2 is None


@pytest.mark.parametrize("hw", [(1, 1), (2, 40), (5, 5)])
def test_tiny_items_pass(hw):
    item = np.full((*hw, 3), 0.5, np.float32), np.ones(hw, np.float32)
    assert match(item, NOISY).shape == item[0].shape
