import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scenes import overlap

from rwsc.errors import SourceError
from rwsc.items.on_air import mask_on_air
from rwsc.items.unmix import dilate
from rwsc.physics.air import estimate_air_level
from rwsc.physics.transmission import to_attenuation, to_transmission

from .conftest import AIR, item_mask

SIDE = 130


def belt(attenuation_HW, *, noise=1.0, seed=0):
    """What an 8-bit scan says of things on a belt; noise in grey levels."""
    grey = AIR * np.exp(-attenuation_HW[..., None] * np.array([1.2, 1.0, 0.8]))
    grey += np.random.default_rng(seed).normal(0, noise, grey.shape)
    image = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return to_attenuation(to_transmission(image, AIR))


def assert_outlined(found_HW, mask_HW):
    """All of the item and no more than a pixel around it, which the optics blur."""
    assert found_HW.dtype == bool
    assert (found_HW & mask_HW).sum() > 0.98 * mask_HW.sum()
    assert not (found_HW & ~dilate(mask_HW, 2)).any()
    assert (found_HW & ~dilate(mask_HW, 1)).sum() < 0.02 * mask_HW.sum()


@pytest.mark.parametrize("noise", [0, 0.5, 1, 2, 3])
def test_an_item_is_found_with_its_hole(noise):
    mask_HW = item_mask(SIDE, SIDE)
    found_HW = mask_on_air(belt(0.8 * mask_HW, noise=noise))
    assert_outlined(found_HW, mask_HW)
    assert mask_HW[76, 62]
    assert not found_HW[64:69, 60:65].any()


def test_a_pale_item_is_found():
    mask_HW = item_mask(SIDE, SIDE)
    assert_outlined(mask_on_air(belt(0.15 * mask_HW)), mask_HW)


def test_one_channel_is_enough():
    mask_HW = item_mask(SIDE, SIDE)
    assert_outlined(mask_on_air(belt(0.8 * mask_HW)[..., :1]), mask_HW)


@pytest.mark.parametrize("is_upright", [False, True])
def test_lines_of_the_belt_are_dropped_but_not_the_item_that_crosses_them(is_upright):
    mask_HW = item_mask(SIDE, SIDE)
    matter_HW = 0.8 * mask_HW
    for row in (50, 105):
        matter_HW[row : row + 3] += 0.2
    found_HW = mask_on_air(belt(matter_HW.T if is_upright else matter_HW))
    found_HW = found_HW.T if is_upright else found_HW
    assert_outlined(found_HW, mask_HW)
    assert found_HW[44:56, 35:85].all()


def test_a_line_that_ends_on_the_belt_is_an_item():
    rod_HW = np.zeros((SIDE, SIDE), bool)
    rod_HW[50:54, 10:100] = True
    assert_outlined(mask_on_air(belt(0.8 * rod_HW)), rod_HW)


@pytest.mark.parametrize("noise", [0, 1, 3])
def test_on_an_empty_belt_nothing_is_found(noise):
    with pytest.raises(SourceError, match="nothing on the belt attenuates"):
        mask_on_air(belt(np.zeros((SIDE, SIDE)), noise=noise))


def test_a_box_says_which_item_is_meant():
    both_HW = np.zeros((SIDE, SIDE), bool)
    both_HW[20:50, 20:50] = both_HW[70:110, 60:110] = True
    attenuation_HWC = belt(0.8 * both_HW)
    assert_outlined(mask_on_air(attenuation_HWC), both_HW)
    upper_HW = both_HW.copy()
    upper_HW[60:] = False
    assert_outlined(mask_on_air(attenuation_HWC, (18.0, 18.0, 34.0, 34.0)), upper_HW)
    with pytest.raises(SourceError):
        mask_on_air(attenuation_HWC, (100.0, 5.0, 20.0, 20.0))


def test_a_box_that_reaches_out_of_the_picture_is_no_matter():
    mask_HW = item_mask(SIDE, SIDE)
    attenuation_HWC = belt(0.8 * mask_HW)
    np.testing.assert_array_equal(
        mask_on_air(attenuation_HWC, (-50.0, -50.0, 900.0, 900.0)), mask_on_air(attenuation_HWC)
    )


def test_a_stain_that_hardly_shows_is_no_item():
    matter_HW = np.zeros((SIDE, SIDE))
    matter_HW[5:30, 5:60] = 0.05
    with pytest.raises(SourceError):
        mask_on_air(belt(matter_HW, noise=0.5))
    mask_HW = item_mask(SIDE, SIDE)
    assert_outlined(mask_on_air(belt(matter_HW + 0.8 * mask_HW, noise=0.5)), mask_HW)


def test_specks_far_smaller_than_the_item_are_dropped():
    matter_HW = 0.8 * item_mask(SIDE, SIDE)
    matter_HW[10:15, 10:15] = 0.8
    assert not mask_on_air(belt(matter_HW))[:20].any()


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.booleans())
def test_a_mirrored_scan_gives_the_mirrored_mask(seed, is_upside_down):
    axis = 0 if is_upside_down else 1
    attenuation_HWC = belt(0.5 * item_mask(SIDE, SIDE), noise=2, seed=seed)
    np.testing.assert_array_equal(
        mask_on_air(np.flip(attenuation_HWC, axis).copy()), np.flip(mask_on_air(attenuation_HWC), axis)
    )


@pytest.mark.skipif(
    not os.environ.get("RWSC_SCANS"), reason="needs real scans: set RWSC_SCANS to their folder"
)
def test_real_items_on_the_belt_are_found():
    root = Path(os.environ["RWSC_SCANS"])
    document = json.loads((root / "annotations.json").read_text())
    isolated = {image["id"]: image for image in document["images"] if image["kind"] == "isolated"}
    notes = [note for note in document["annotations"] if note.get("mask_file")]
    overlaps = []
    for note in (note for note in notes if note["image_id"] in isolated):
        image = cv2.imread(str(root / isolated[note["image_id"]]["file_name"]))
        truth_HW = cv2.imread(str(root / note["mask_file"]), cv2.IMREAD_GRAYSCALE) > 0
        attenuation_HWC = to_attenuation(to_transmission(image, estimate_air_level(image)))
        overlaps.append(overlap(mask_on_air(attenuation_HWC, tuple(note["bbox"])), truth_HW))
    assert len(overlaps) >= 15
    assert np.median(overlaps) >= 0.9


def test_a_box_that_holds_only_the_blur_of_what_lies_beside_it_is_empty():
    """Blur so close to dense matter is what a scan shows of its edge; no pixel of the box is an item."""
    scan = np.full((300, 400), 250, np.float32)
    scan[100:200, 100:300] = 8
    through = cv2.GaussianBlur(scan, (0, 0), 1.0) / 250
    with pytest.raises(SourceError, match="but the blur of what lies beside it"):
        mask_on_air(to_attenuation(through[..., None]), (60.0, 110.0, 37.0, 50.0))
    assert mask_on_air(to_attenuation(through[..., None]), (60.0, 110.0, 38.0, 50.0)).any()


def two_on_belt(gap_px=20):
    both_HW = np.zeros((SIDE, SIDE), bool)
    both_HW[20:50, 10:50] = both_HW[20:50, 50 + gap_px : 110] = True
    left_HW = both_HW.copy()
    left_HW[:, 50:] = False
    return belt(0.8 * both_HW), left_HW, (9.0, 19.0, 42.0, 32.0), (49.0 + gap_px, 19.0, 62.0 - gap_px, 32.0)


@pytest.mark.parametrize(
    "box_xywh", [(8.0, 18.0, 26.0, 34.0), (8.0, 18.0, 10.0, 10.0), (40.0, 40.0, 12.0, 12.0)]
)
def test_a_box_over_part_of_an_item_means_the_whole_of_it(box_xywh):
    attenuation_HWC, left_HW, _, _ = two_on_belt()
    assert_outlined(mask_on_air(attenuation_HWC, box_xywh), left_HW)


def test_the_corner_of_another_item_in_a_box_is_left_out():
    attenuation_HWC, left_HW, (x, y, _, h), _ = two_on_belt()
    assert_outlined(mask_on_air(attenuation_HWC, (x, y, 75.0, h)), left_HW)


def test_a_loose_piece_in_a_box_is_not_taken_for_the_item_that_the_box_cuts_off():
    matter_HW = np.zeros((SIDE, SIDE), bool)
    matter_HW[20:50, 10:100] = matter_HW[60:68, 12:42] = True
    assert_outlined(mask_on_air(belt(0.8 * matter_HW), (8.0, 18.0, 36.0, 52.0)), matter_HW)


def test_items_that_touch_are_told_apart_by_their_boxes():
    attenuation_HWC, left_HW, left_xywh, right_xywh = two_on_belt(gap_px=0)
    assert mask_on_air(attenuation_HWC, left_xywh)[:, 60:].any()
    for boxes in ([right_xywh], [right_xywh, left_xywh]):
        found_HW = mask_on_air(attenuation_HWC, left_xywh, boxes)
        assert (found_HW & left_HW).sum() > 0.98 * left_HW.sum()
        assert not found_HW[:, 54:].any()
    narrow_xywh = (8.0, 18.0, 20.0, 34.0)
    whole_HW = mask_on_air(attenuation_HWC, narrow_xywh)
    np.testing.assert_array_equal(mask_on_air(attenuation_HWC, narrow_xywh, [left_xywh]), whole_HW)
