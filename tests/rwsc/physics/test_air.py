import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.air import estimate_air_level, estimate_air_levels
from rwsc.physics.phantoms import draw_bag, render
from rwsc.physics.truth import draw_truth
from rwsc.storage.energy_pairs import pair_uri
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import read_uri

HEIGHT, WIDTH = 120, 160
ONE_LEVEL = 1.0


def bag_on(air, *, num_bags=1, touches_frame=False):
    """Textured bags, darker than air, on a belt of that colour."""
    rng = np.random.default_rng(5)
    image = np.broadcast_to(np.asarray(air, dtype=np.float64), (HEIGHT, WIDTH, len(air))).copy()
    for number in range(num_bags):
        left = 0 if touches_frame else 12 + number * (WIDTH // num_bags)
        window = slice(15, HEIGHT - 20), slice(left, left + (WIDTH - 40) // num_bags)
        image[window] *= rng.uniform(0.1, 0.9, image[window].shape)
    return image


belts = st.integers(150, 255).flatmap(
    lambda brightest: st.tuples(*[st.integers(int(np.ceil(0.88 * brightest)), brightest)] * 3)
)


@settings(max_examples=60, deadline=None)
@given(belts, st.integers(1, 3), st.booleans())
def test_the_colour_of_the_belt_is_found(belt, num_bags, touches_frame):
    image = bag_on(belt, num_bags=num_bags, touches_frame=touches_frame).astype(np.uint8)
    np.testing.assert_array_equal(estimate_air_level(image), belt)


@settings(max_examples=40, deadline=None)
@given(belts, st.integers(80, 98))
def test_jpeg_noise_does_not_move_it_by_more_than_a_level(belt, quality):
    image = bag_on(belt).astype(np.uint8)
    coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
    # JPEG's own change of a flat colour (YCbCr in whole numbers) is not the estimate's doing.
    flat = np.full((16, 16, 3), belt, np.uint8)
    flat = cv2.imdecode(cv2.imencode(".jpg", flat[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)
    assert np.abs(estimate_air_level(decoded) - flat[8, 8, ::-1]).max() <= ONE_LEVEL


@settings(max_examples=30, deadline=None)
@given(st.integers(150, 255), st.integers(0, 2**31))
def test_noise_of_the_detector_does_not_move_it_by_more_than_a_level(level, seed):
    noisy = bag_on([level]) + np.random.default_rng(seed).normal(0, 1.2, (HEIGHT, WIDTH, 1))
    image = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    assert abs(estimate_air_level(image)[0] - level) <= ONE_LEVEL


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_sixteen_bit_scans_may_use_any_number_of_bits(bits):
    level = 0.9 * (2**bits - 1)
    image = np.rint(bag_on([level, level, level])).astype(np.uint16)
    np.testing.assert_allclose(estimate_air_level(image), np.rint(level), atol=0)


def test_a_grey_image_gives_one_level():
    grey = bag_on([226])[..., 0].astype(np.uint8)
    level = estimate_air_level(grey)
    assert level.dtype == np.float64
    assert level.tolist() == [226.0]


def test_air_in_the_corners_alone_is_found():
    """Air counts more along the border, where a bag that fills the scan leaves some of it."""
    rng = np.random.default_rng(0)
    image = np.array([245, 205, 140]) * rng.uniform(0.5, 1, (HEIGHT, WIDTH, 1))
    image[:6, :9] = (230, 226, 224)
    assert estimate_air_level(image.astype(np.uint8)).tolist() == [230.0, 226.0, 224.0]


def test_the_flank_of_a_noisy_belt_is_not_taken_for_its_middle():
    rng = np.random.default_rng(0)
    image = np.clip(np.rint(rng.normal(200, 3, (HEIGHT, WIDTH))), 0, 255).astype(np.uint8)
    image[:6, :60] = 208
    assert abs(estimate_air_level(image)[0] - 200) <= ONE_LEVEL


def test_the_bright_flank_of_textured_cloth_is_no_belt():
    rng = np.random.default_rng(0)
    cloth = np.clip(rng.normal(170, 14, (HEIGHT, WIDTH)), 0, 240)
    level = estimate_air_level(cloth.astype(np.uint8))[0]
    assert level == np.percentile(cloth.astype(np.uint8), 99.5)


def test_a_few_brighter_specks_are_no_air():
    image = bag_on([200, 200, 200]).astype(np.uint8)
    image[5:8, 5:8] = 255
    assert estimate_air_level(image).tolist() == [200.0] * 3


def test_pale_cloth_inside_a_bag_is_not_taken_for_air():
    image = bag_on([255, 255, 255]).astype(np.uint8)
    image[20:95, 20:120] = (255, 255, 215)
    assert estimate_air_level(image).tolist() == [255.0] * 3


def test_without_air_the_level_is_neutral_and_no_darker_than_the_scan():
    rng = np.random.default_rng(0)
    cloth = np.array([245, 205, 140]) * rng.uniform(0.5, 1, (HEIGHT, WIDTH, 1))
    level = estimate_air_level(cloth.astype(np.uint8))
    assert len(set(level)) == 1
    assert 240 <= level[0] <= 255


def test_a_flat_orange_scan_is_not_taken_for_an_orange_belt():
    level = estimate_air_level(np.full((40, 40, 3), (250, 200, 130), np.uint8))
    assert level.tolist() == [250.0] * 3


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 4095)])
def test_a_scan_darker_than_any_belt_is_measured_against_the_full_scale(dtype, full):
    dark = np.random.default_rng(0).integers(10, full // 4, (HEIGHT, WIDTH)).astype(dtype)
    dark[0] = full
    assert estimate_air_level(dark).tolist() == [full]


def test_a_hot_pixel_does_not_change_the_air_of_a_12_bit_scan():
    scan = np.full((HEIGHT, WIDTH), 3900, np.uint16)
    scan[20:60, 20:80] = 1200
    scan[5, 5] = 65535
    assert estimate_air_level(scan).tolist() == [3900]


def test_one_pixel_is_enough():
    assert estimate_air_level(np.full((1, 1), 240, np.uint8)).tolist() == [240.0]


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match=r"\(0, 4\) has no pixels"):
        estimate_air_level(np.zeros((0, 4), np.uint8))


def test_another_type_is_refused():
    with pytest.raises(ValueError, match="float32"):
        estimate_air_level(np.ones((4, 4), np.float32))


@pytest.mark.parametrize("seed", range(6))
def test_the_air_of_phantoms_is_found(seed):
    rng = np.random.default_rng(seed)
    air = np.array([250.0, 244.0, 238.0]) - 10 * seed
    image = render(draw_bag(rng, 200, 260).transmission_HWC, rng, air_level=air)
    assert np.abs(estimate_air_level(image) - air).max() <= ONE_LEVEL


def test_the_air_of_real_scans_is_that_of_their_border(real_scans):
    scans = real_scans(8)
    borders = [np.concatenate([im[:4], im[-4:]], axis=1).reshape(-1, 3) for _, im in scans]
    far = [
        (origin, estimate_air_level(image), np.median(border, axis=0))
        for (origin, image), border in zip(scans, borders, strict=True)
        if np.abs(estimate_air_level(image) - np.median(border, axis=0)).max() > 8
    ]
    # A bag may lie across most of a border.
    assert len(far) <= 0.15 * len(scans), far


def test_real_belts_are_found_to_the_level(real_scans):
    known = {"white single bag": [(255, 255, 255)], "gray multi-bag": [(195, 197, 194)]}
    for origin, image in real_scans(8):
        for belt, levels in known.items():
            if belt in origin:
                assert np.abs(estimate_air_level(image) - levels[0]).max() <= ONE_LEVEL


def belt_of_two(rng, *, seam):
    """Air of two levels with 16-bit noise, a bag, and a brighter gap of the belt."""
    levels_2 = np.array([50_000.0, 40_000.0])
    scan_HW2 = np.ones((200, 300, 2))
    scan_HW2[60:170, 40:260] *= rng.uniform(0.3, 0.95, (110, 220, 1)) ** np.array([1, 0.7])
    if seam:
        scan_HW2[30:42] *= (1.1, 1.04)
    grey_HW2 = scan_HW2 * levels_2 * (1 + rng.normal(0, 0.004, scan_HW2.shape))
    return np.rint(grey_HW2).astype(np.uint16), levels_2


@pytest.mark.parametrize("seam", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_air_of_two_energies_is_found_each_by_itself_and_not_in_a_gap_of_the_belt(seed, seam):
    scan_HW2, levels_2 = belt_of_two(np.random.default_rng(seed), seam=seam)
    assert estimate_air_levels(scan_HW2) == pytest.approx(levels_2, rel=0.004)


@pytest.mark.parametrize("seed", range(6))
def test_air_of_phantoms_of_two_energies_is_found(seed):
    truth = draw_truth(np.random.default_rng(seed), height_px=200, width_px=260)
    for scan_HW2 in (truth.bag_HW2, truth.item_HW2, truth.both_HW2):
        assert estimate_air_levels(scan_HW2) == pytest.approx(truth.air_level_2, rel=0.003)


def test_two_energies_without_air_have_a_level_all_the_same():
    assert (estimate_air_levels(np.zeros((20, 20, 2), np.uint16)) > 0).all()


@pytest.mark.skipif(not os.environ.get("RWSC_SCANS"), reason="RWSC_SCANS names no folder of real scans")
def test_air_of_real_scans_of_two_energies_is_what_their_scanner_sets_it_to():
    lows = sorted((Path(os.environ["RWSC_SCANS"]) / "dual_energy").glob("*_low.png"))
    assert lows
    for low in lows:
        pair = pair_uri(str(low), str(low).replace("_low", "_high"))
        # About 50,000 for this scanner; the brightest mode is up to 11 % above it.
        assert estimate_air_levels(decode_image(read_uri(pair))) == pytest.approx([50_000] * 2, rel=0.02), (
            pair
        )
