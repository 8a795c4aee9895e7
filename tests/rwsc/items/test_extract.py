from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Quality, clean_mask, extract_item, gate, soft_alpha

AIR = np.full(3, 240.0, np.float32)
CONFIG = ItemsConfig()
GOOD = Quality(
    area_px=2000, side_px=30, fill_ratio=0.5, frame_share=0, mean_attenuation=1, rim_contrast=1, lost_share=0
)


def extract(scan, **options):
    options = {"air_level": AIR, "on_air": False, "config": CONFIG} | options
    return extract_item(scan.image, scan.mask_HW, **options)


def error_of(candidate, scan):
    """Mean absolute error of the item's attenuation over its mask."""
    x, y, w, h = candidate.bbox_xywh
    truth_HWC = scan.item_HWC[y : y + h, x : x + w]
    found_HWC = -np.log(candidate.transmission_HWC)
    return np.abs(found_HWC - truth_HWC)[scan.mask_HW[y : y + h, x : x + w]].mean()


@pytest.mark.parametrize("seed", range(6))
def test_taking_the_bag_away_beats_leaving_it_in(made_up, seed):
    scan = made_up(seed)
    unmixed, mixed = extract(scan), extract(scan, on_air=True)
    assert (unmixed.method, mixed.method) == ("mask_unmixed", "mask")
    assert error_of(unmixed, scan) < 0.5 * error_of(mixed, scan)
    assert error_of(unmixed, scan) < 0.15


def test_an_item_on_air_is_the_image_over_the_air_level(made_up):
    scan = made_up(0, bag=False)
    assert error_of(extract(scan, on_air=True), scan) < 0.1
    assert error_of(extract(scan), scan) == pytest.approx(
        error_of(extract(scan, on_air=True), scan), abs=0.02
    )


def test_gray_and_sixteen_bit_scans_give_the_same_item(made_up):
    scan = made_up(1)
    eight = extract(scan)
    sixteen = extract_item(
        scan.image.astype(np.uint16) * 257, scan.mask_HW, air_level=AIR * 257, on_air=False, config=CONFIG
    )
    np.testing.assert_allclose(sixteen.transmission_HWC, eight.transmission_HWC, rtol=1e-4)
    gray = extract_item(scan.image[..., 0], scan.mask_HW, air_level=AIR[:1], on_air=False, config=CONFIG)
    np.testing.assert_allclose(gray.transmission_HWC, eight.transmission_HWC[..., :1], rtol=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_an_item_never_brightens_and_is_air_where_it_covers_nothing(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (50, 60, 3), dtype=np.uint8)
    mask_HW = np.zeros((50, 60), bool)
    mask_HW[rng.integers(0, 20) : 35, rng.integers(0, 20) : 40] = True
    candidate = extract_item(image, mask_HW, air_level=AIR, on_air=bool(seed % 2), config=CONFIG)
    assert candidate.transmission_HWC.dtype == candidate.alpha_HW.dtype == np.float32
    assert candidate.transmission_HWC.shape[:2] == candidate.alpha_HW.shape
    assert 0 < candidate.transmission_HWC.min() <= candidate.transmission_HWC.max() <= 1
    assert (candidate.transmission_HWC[candidate.alpha_HW == 0] == 1).all()


def test_the_cut_out_lies_where_its_box_says(made_up):
    scan = made_up(2)
    candidate = extract(scan)
    x, y, w, h = candidate.bbox_xywh
    assert (h, w) == candidate.alpha_HW.shape
    np.testing.assert_array_equal(candidate.alpha_HW >= 0.5, scan.mask_HW[y : y + h, x : x + w])
    assert not scan.mask_HW.sum() > scan.mask_HW[y : y + h, x : x + w].sum()


def test_other_items_nearby_are_not_taken_for_the_bag(made_up):
    scan = made_up(3)
    other_HW = np.zeros_like(scan.mask_HW)
    other_HW[20:36, 25:110] = True  # a plate right above the item
    scan.image[other_HW] = scan.image[other_HW] // 6
    knowing = extract(scan, others_HW=other_HW, config=ItemsConfig(neighbour_quantile=1))
    not_knowing = extract(scan, config=ItemsConfig(neighbour_quantile=1))
    assert error_of(knowing, scan) < 0.5 * error_of(not_knowing, scan)


def test_coverage_is_soft_at_the_rim_and_keeps_holes():
    mask_HW = np.zeros((30, 30), bool)
    mask_HW[8:22, 8:22] = True
    mask_HW[13:17, 13:17] = False
    alpha_HW = soft_alpha(mask_HW, rim_px=1.5)
    assert alpha_HW[15, 5:9] == pytest.approx([0, 0, 1 / 6, 5 / 6], abs=1e-5)
    assert alpha_HW[10, 10] == 1
    assert alpha_HW[14:16, 14:16].max() == 0
    np.testing.assert_array_equal(alpha_HW >= 0.5, mask_HW)


def test_coverage_is_whole_where_the_picture_cuts_the_item():
    mask_HW = np.zeros((10, 10), bool)
    mask_HW[:, :6] = True
    assert (soft_alpha(mask_HW, rim_px=1.5)[:, :5] == 1).all()
    assert (soft_alpha(np.ones((5, 5), bool), rim_px=1.5) == 1).all()


def test_an_item_cut_off_by_the_picture_is_measured_so(made_up):
    scan = made_up(0)
    whole = extract(scan).quality
    cut = extract_item(scan.image[:, 45:], scan.mask_HW[:, 45:], air_level=AIR, on_air=False, config=CONFIG)
    assert whole.frame_share == 0
    assert cut.quality.frame_share > CONFIG.max_frame_share
    assert whole.area_px == scan.mask_HW.sum()
    assert whole.side_px == 51


def test_a_loose_mask_that_reaches_the_edge_over_air_is_not_cut_off(made_up):
    scan = made_up(0, bag=False)
    loose_HW = np.zeros_like(scan.mask_HW)
    loose_HW[39:91, :] = True
    candidate = extract_item(scan.image, loose_HW, air_level=AIR, on_air=True, config=CONFIG)
    assert candidate.quality.frame_share == 0


def test_specks_are_dropped_and_pinholes_filled_but_parts_and_holes_kept():
    mask_HW = np.zeros((60, 60), bool)
    mask_HW[5:25, 5:25] = True
    mask_HW[30:50, 30:42] = True  # a second part
    mask_HW[55:58, 5:8] = True  # a speck
    mask_HW[8:11, 8:11] = False  # a pinhole
    mask_HW[15:20, 15:20] = False  # a hole
    mask_HW[30:33, 33:35] = False  # a notch
    cleaned_HW = clean_mask(mask_HW, min_part_share=0.2, fill_holes_px=16)
    expected_HW = mask_HW.copy()
    expected_HW[55:58, 5:8] = False
    expected_HW[8:11, 8:11] = True
    np.testing.assert_array_equal(cleaned_HW, expected_HW)
    np.testing.assert_array_equal(clean_mask(mask_HW, min_part_share=0, fill_holes_px=0), mask_HW)


def test_a_gap_at_the_pictures_edge_is_no_hole():
    mask_HW = np.ones((8, 8), bool)
    mask_HW[0, 3] = False
    np.testing.assert_array_equal(clean_mask(mask_HW, min_part_share=0, fill_holes_px=16), mask_HW)
    assert clean_mask(np.ones((4, 4), bool), min_part_share=0.2, fill_holes_px=16).all()


def test_loss_is_measured_in_the_channel_in_which_the_item_shows_most(made_up):
    scan = made_up(0)
    scan.image[..., 2] = 40  # says nothing of the item, but its strongest channel does
    assert extract(scan).quality.lost_share < 0.05


def test_an_item_that_cannot_be_told_from_its_bag_is_lost(made_up):
    scan = made_up(0)
    scan.image[:] = 60
    quality = extract(scan).quality
    assert quality.lost_share == 1
    assert quality.rim_contrast == pytest.approx(0, abs=1e-6)
    assert gate(quality, CONFIG) is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"side_px": 11}, "too small: 11 px across, least is 12"),
        ({"area_px": 149}, "too small: 149 pixels, least is 150"),
        ({"frame_share": 0.3}, "cut off by the picture's edge: 30% of its outline, most is 2%"),
        ({"mean_attenuation": 0.05}, "no contrast: attenuation 0.050, least is 0.1"),
        ({"rim_contrast": -0.2}, "no outline: contrast -0.200 at the rim, least is 0.05"),
        ({"lost_share": 0.8}, "lost in its bag: 80% of it cannot be told apart, most is 15%"),
    ],
)
def test_the_gate_says_what_is_not_good_enough(change, reason):
    assert gate(GOOD, CONFIG) is None
    assert gate(replace(GOOD, **change), CONFIG) == reason
