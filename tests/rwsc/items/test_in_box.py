import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.scenes import overlap, seen_scene

from rwsc.items.in_box import mask_in_box
from rwsc.items.outliner import Outliner, default_outliner
from rwsc.items.outliner_network import OutlinerNetwork
from rwsc.items.outliner_view import Outline, window_around
from rwsc.physics.air import estimate_air_level
from rwsc.physics.transmission import to_attenuation, to_transmission

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def scenes():
    return [seen_scene(number) for number in range(48)]


@pytest.fixture(scope="module")
def found(scenes, one_torch_thread):
    """Confidence and overlap with the truth, scene by scene."""
    masks = [mask_in_box(scene.attenuation_HWC, scene.bbox_xywh, default_outliner()) for scene in scenes]
    return [
        (mask.confidence, overlap(mask.mask_HW, scene.truth_HW))
        for mask, scene in zip(masks, scenes, strict=True)
    ]


def grab_cut(scene):
    """What OpenCV makes of the box alone: five sweeps in the box with 30 % around it."""
    x, y, w, h = map(int, scene.bbox_xywh)
    top, left = max(0, y - int(0.3 * h)), max(0, x - int(0.3 * w))
    rows, columns = slice(top, y + h + int(0.3 * h)), slice(left, x + w + int(0.3 * w))
    seen_HWC = np.ascontiguousarray(scene.image[rows, columns])
    label_HW = np.zeros(seen_HWC.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(seen_HWC, label_HW, (x - left, y - top, w, h), *models, 5, cv2.GC_INIT_WITH_RECT)
    mask_HW = np.zeros_like(scene.truth_HW)
    mask_HW[rows, columns] = (label_HW == cv2.GC_FGD) | (label_HW == cv2.GC_PR_FGD)
    return mask_HW


def test_items_in_clutter_are_outlined_far_better_than_by_a_graph_cut_from_the_box(scenes, found):
    overlaps = np.array([value for _, value in found])
    assert overlaps.mean() > 0.65
    assert np.median(overlaps) > 0.7
    some = range(0, len(scenes), 4)
    plain = np.mean([overlap(grab_cut(scenes[number]), scenes[number].truth_HW) for number in some])
    assert overlaps[list(some)].mean() > plain + 0.1


def test_confidence_ranks_good_masks_above_bad_ones(found):
    good = [confidence for confidence, value in found if value >= 0.7]
    bad = [confidence for confidence, value in found if value < 0.7]
    assert min(len(good), len(bad)) >= 5
    assert np.mean([one > other for one in good for other in bad]) > 0.8
    assert all(0 <= confidence <= 1 for confidence, _ in found)


def test_a_network_that_learned_nothing_outlines_nothing_well(scenes, found):
    torch.manual_seed(0)
    ruined = Outliner(OutlinerNetwork())
    some = scenes[:12]
    overlaps = [
        overlap(mask_in_box(scene.attenuation_HWC, scene.bbox_xywh, ruined).mask_HW, scene.truth_HW)
        for scene in some
    ]
    assert np.mean(overlaps) < np.mean([value for _, value in found[:12]]) - 0.2


def test_what_lies_far_from_the_box_does_not_matter(scenes):
    scene = scenes[1]
    rows, columns = window_around(scene.bbox_xywh).inside(scene.truth_HW.shape)
    elsewhere_HW = np.ones_like(scene.truth_HW)
    elsewhere_HW[rows, columns] = False
    other_HWC = np.where(elsewhere_HW[..., None], np.float32(1.7), scene.attenuation_HWC)
    one, other = (
        mask_in_box(attenuation_HWC, scene.bbox_xywh, default_outliner())
        for attenuation_HWC in (scene.attenuation_HWC, other_HWC)
    )
    np.testing.assert_array_equal(one.mask_HW, other.mask_HW)
    assert one.confidence == other.confidence
    assert not (one.mask_HW & elsewhere_HW).any()


def test_the_same_box_gives_the_same_bytes_whatever_came_before(scenes):
    first = mask_in_box(scenes[2].attenuation_HWC, scenes[2].bbox_xywh, default_outliner())
    mask_in_box(scenes[3].attenuation_HWC, scenes[3].bbox_xywh, default_outliner())
    again = mask_in_box(scenes[2].attenuation_HWC, scenes[2].bbox_xywh, default_outliner())
    np.testing.assert_array_equal(first.mask_HW, again.mask_HW)
    assert first.confidence == again.confidence


@pytest.mark.parametrize("level", [0, 0.3])
def test_a_box_around_nothing_holds_nothing_that_can_be_trusted(level):
    rng = np.random.default_rng(0)
    even_HWC = np.full((200, 220, 3), level, np.float32)
    for _ in range(6):
        w, h = rng.uniform(15, 150, 2)
        found = mask_in_box(even_HWC, (30.0, 30.0, w, h), default_outliner())
        assert found.mask_HW.shape == (200, 220)
        assert found.confidence < 0.1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "bbox_xywh",
    [
        (0.0, 0.0, 1.0, 1.0),
        (-30.0, -20.0, 80.0, 60.0),
        (-200.0, -200.0, 900.0, 900.0),
        (99.0, 40.0, 50.0, 9.0),
    ],
)
def test_any_box_gets_a_mask_of_the_scans_size(bbox_xywh, channels):
    attenuation_HWC = np.random.default_rng(0).uniform(0, 6, (80, 100, channels)).astype(np.float32)
    found = mask_in_box(attenuation_HWC, bbox_xywh, default_outliner())
    assert found.mask_HW.shape == (80, 100)
    assert found.mask_HW.dtype == bool
    assert found.mask_HW.any() == (found.confidence > 0)


class Says:
    """An outliner that gives one answer, so that what is made of it can be seen."""

    def __init__(self, probability_HW, *, expected_iou=0.9, softness=0.0):
        self._probability_HW = probability_HW.astype(np.float32)
        self._answer = {"expected_iou": expected_iou, "softness": softness}

    def outline(self, attenuation_HWC, bbox_xywh):
        window = window_around(bbox_xywh)
        padded = np.pad(self._probability_HW, 200)
        share_HW = padded[200 + window.top : 200 + window.bottom, 200 + window.left : 200 + window.right]
        return Outline(window=window, probability_HW=share_HW, **self._answer)


BOX_XYWH = (30.0, 30.0, 60.0, 50.0)


def plate():
    """A plate with a hole on a bag, 120 x 120."""
    truth_HW = np.zeros((120, 120), bool)
    truth_HW[30:80, 30:90] = True
    truth_HW[48:62, 50:70] = False
    return truth_HW, (0.3 + 1.2 * truth_HW[..., None] * np.ones(3)).astype(np.float32)


def test_what_the_outliner_is_unsure_of_is_settled_by_the_scan_and_holes_are_kept():
    truth_HW, attenuation_HWC = plate()
    blurred_HW = cv2.GaussianBlur(truth_HW.astype(np.float32), (0, 0), 5)
    assert overlap(blurred_HW > 0.5, truth_HW) < 0.95
    found = mask_in_box(attenuation_HWC, BOX_XYWH, Says(blurred_HW))
    assert overlap(found.mask_HW, truth_HW) > 0.97


def test_what_the_outliner_is_sure_of_stays():
    truth_HW, attenuation_HWC = plate()
    found = mask_in_box(attenuation_HWC, BOX_XYWH, Says(np.where(truth_HW, 1, 0) * (np.arange(120) < 60)))
    np.testing.assert_array_equal(found.mask_HW, truth_HW & (np.arange(120) < 60))


@pytest.mark.parametrize("shift", [(-50, 0), (0, -45), (-50, -45), (55, 60)])
def test_an_item_that_the_picture_cuts_off_is_outlined_where_it_is(shift):
    truth_HW, attenuation_HWC = plate()
    moved_HW, moved_HWC = np.zeros_like(truth_HW), np.full_like(attenuation_HWC, 0.3)
    y, x = np.nonzero(truth_HW)
    is_in = (x + shift[0] >= 0) & (x + shift[0] < 120) & (y + shift[1] >= 0) & (y + shift[1] < 120)
    moved_HW[y[is_in] + shift[1], x[is_in] + shift[0]] = True
    moved_HWC[moved_HW] = 1.5
    box_xywh = (BOX_XYWH[0] + shift[0], BOX_XYWH[1] + shift[1], *BOX_XYWH[2:])
    found = mask_in_box(moved_HWC, box_xywh, Says(moved_HW))
    np.testing.assert_array_equal(found.mask_HW, moved_HW)


def test_specks_are_dropped():
    truth_HW, attenuation_HWC = plate()
    with_speck_HW = truth_HW.copy()
    with_speck_HW[88:92, 95:100] = True
    found = mask_in_box(attenuation_HWC, BOX_XYWH, Says(with_speck_HW))
    np.testing.assert_array_equal(found.mask_HW, truth_HW)


def test_confidence_rises_with_what_the_outliner_expects_and_falls_with_its_doubt_and_with_disagreement():
    truth_HW, attenuation_HWC = plate()
    half_HW = truth_HW * np.where(np.arange(120) < 60, 1.0, 0.2)  # the cut adds the half it is unsure of

    def confidence(probability_HW, **answer):
        return mask_in_box(attenuation_HWC, BOX_XYWH, Says(probability_HW, **answer)).confidence

    assert confidence(truth_HW, expected_iou=0.4) < confidence(truth_HW, expected_iou=0.9) < 1
    assert confidence(truth_HW, softness=0.4) < confidence(truth_HW, softness=0.1)
    assert confidence(half_HW) < confidence(truth_HW)


def test_where_the_outliner_sees_next_to_nothing_there_is_no_mask():
    _, attenuation_HWC = plate()
    few_HW = np.zeros((120, 120))
    few_HW[50, 40:50] = 1
    found = mask_in_box(attenuation_HWC, BOX_XYWH, Says(few_HW))
    assert (found.mask_HW.any(), found.confidence) == (False, 0)


@pytest.mark.skipif(
    not os.environ.get("RWSC_SCANS"), reason="needs real scans: set RWSC_SCANS to their folder"
)
def test_real_items_are_outlined_from_their_boxes_alone():
    root = Path(os.environ["RWSC_SCANS"])
    document = json.loads((root / "annotations.json").read_text())
    threats = {image["id"]: image for image in document["images"] if image["kind"] == "threat"}
    notes = [
        note for note in document["annotations"] if note.get("mask_file") and note["image_id"] in threats
    ]
    overlaps = []
    for note in notes[:: len(notes) // 25]:
        image = cv2.imread(str(root / threats[note["image_id"]]["file_name"]))[..., ::-1]
        truth_HW = cv2.imread(str(root / note["mask_file"]), cv2.IMREAD_GRAYSCALE) > 0
        attenuation_HWC = to_attenuation(to_transmission(image, estimate_air_level(image)))
        found = mask_in_box(attenuation_HWC, tuple(note["bbox"]), default_outliner())
        overlaps.append(overlap(found.mask_HW, truth_HW))
    assert len(overlaps) >= 20
    assert np.median(overlaps) >= 0.85
    assert np.mean(np.array(overlaps) >= 0.7) >= 0.9
