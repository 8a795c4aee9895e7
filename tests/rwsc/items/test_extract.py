import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Cut, clean_mask, extract_item, soft_alpha

CONFIG = ItemsConfig()


def extract(scan, *, method="mask_unmixed", config=CONFIG, **options):
    cut = Cut(mask_HW=scan.mask_HW, method=method, **options)
    return extract_item(scan.attenuation_HWC, cut, config)


def error_of(candidate, scan):
    """Mean absolute error of the item's attenuation over its mask."""
    x, y, w, h = candidate.bbox_xywh
    truth_HWC = scan.item_HWC[y : y + h, x : x + w]
    found_HWC = -np.log(candidate.transmission_HWC)
    return np.abs(found_HWC - truth_HWC)[scan.mask_HW[y : y + h, x : x + w]].mean()


@pytest.mark.parametrize("seed", range(6))
def test_taking_the_bag_away_beats_leaving_it_in(made_up, seed):
    scan = made_up(seed)
    unmixed, mixed = extract(scan), extract(scan, method="given")
    assert (unmixed.method, mixed.method) == ("mask_unmixed", "given")
    assert error_of(unmixed, scan) < 0.5 * error_of(mixed, scan)
    assert error_of(unmixed, scan) < 0.15


@pytest.mark.parametrize("method", ["given", "threshold"])
def test_an_item_on_air_is_the_scan_itself(made_up, method):
    scan = made_up(0, bag=False)
    on_air = extract(scan, method=method)
    assert error_of(on_air, scan) < 0.1
    assert error_of(extract(scan), scan) == pytest.approx(error_of(on_air, scan), abs=0.02)


def test_what_is_known_of_the_mask_does_not_change_the_cut(made_up):
    scan = made_up(1)
    by_mask = extract(scan)
    by_box = extract(scan, method="box_unmixed", bbox_xywh=(30.0, 40.0, 61.0, 51.0), confidence=0.3)
    np.testing.assert_array_equal(by_box.transmission_HWC, by_mask.transmission_HWC)
    np.testing.assert_array_equal(by_box.alpha_HW, by_mask.alpha_HW)
    assert (by_mask.quality.confidence, by_box.quality.confidence) == (1, 0.3)


def test_coverage_that_was_given_is_kept(made_up):
    scan = made_up(0, bag=False)
    alpha_HW = scan.mask_HW * np.float32(0.8)
    candidate = extract(scan, method="given", alpha_HW=alpha_HW)
    x, y, w, h = candidate.bbox_xywh
    np.testing.assert_array_equal(candidate.alpha_HW, alpha_HW[y : y + h, x : x + w])
    # The item's own transmission does not depend on how much of a pixel it covers.
    covered_HW = scan.mask_HW[y : y + h, x : x + w]
    np.testing.assert_array_equal(
        candidate.transmission_HWC[covered_HW], extract(scan, method="given").transmission_HWC[covered_HW]
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from(["given", "threshold", "mask_unmixed", "box_unmixed"]))
def test_an_item_never_brightens_and_is_air_where_it_covers_nothing(seed, method):
    rng = np.random.default_rng(seed)
    attenuation_HWC = rng.uniform(0, 6, (50, 60, 3)).astype(np.float32)
    mask_HW = np.zeros((50, 60), bool)
    mask_HW[rng.integers(0, 20) : 35, rng.integers(0, 20) : 40] = True
    candidate = extract_item(attenuation_HWC, Cut(mask_HW=mask_HW, method=method), CONFIG)
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


def test_parts_that_the_mask_drops_leave_the_given_coverage_too():
    alpha_HW = np.zeros((80, 120), np.float32)
    alpha_HW[20:60, 10:110] = 1
    alpha_HW[30:50, 40:80] = 0  # a hole
    alpha_HW[38:42, 58:62] = 0.9  # a speck in it
    alpha_HW[19, 10:110] = 0.2  # a soft rim
    cut = Cut(mask_HW=alpha_HW >= 0.5, method="given", alpha_HW=alpha_HW)
    candidate = extract_item(np.full((80, 120, 1), 0.7, np.float32), cut, CONFIG)
    x, y, w, h = candidate.bbox_xywh
    wanted_HW = alpha_HW.copy()
    wanted_HW[38:42, 58:62] = 0
    np.testing.assert_array_equal(candidate.alpha_HW, wanted_HW[y : y + h, x : x + w])
    assert (candidate.transmission_HWC[candidate.alpha_HW == 0] == 1).all()
    assert candidate.quality.num_pieces == 1
