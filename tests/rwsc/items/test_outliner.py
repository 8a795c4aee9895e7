import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import pytest
from support.scenes import overlap, seen_scene

from rwsc.items.outliner import WEIGHTS, Outliner, default_outliner
from rwsc.items.outliner_network import OutlinerNetwork
from rwsc.items.outliner_view import crop, window_around

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def scenes():
    return [seen_scene(number) for number in range(4)]


def test_the_card_describes_the_weights_that_are_there():
    folder = files("rwsc.items")
    card = json.loads(folder.joinpath("outliner.json").read_text())
    assert card["sha256"] == hashlib.sha256(folder.joinpath(WEIGHTS).read_bytes()).hexdigest()
    assert "phantoms" in card["trained_on"]
    assert card["licence"] == "Apache-2.0"


def test_the_answer_is_a_probability_per_pixel_of_the_window(scenes):
    for scene in scenes:
        outline = default_outliner().outline(scene.attenuation_HWC, scene.bbox_xywh)
        assert outline.window == window_around(scene.bbox_xywh)
        assert outline.probability_HW.shape == outline.window.size_wh[::-1]
        assert outline.probability_HW.dtype == np.float32
        assert 0 <= outline.probability_HW.min() <= outline.probability_HW.max() <= 1
        assert 0 <= outline.expected_iou <= 1


def test_the_item_is_marked_and_the_rest_is_not(scenes):
    overlaps = []
    for scene in scenes:
        outline = default_outliner().outline(scene.attenuation_HWC, scene.bbox_xywh)
        truth_HW = crop(scene.truth_HW.astype(np.uint8), outline.window) > 0
        overlaps.append(overlap(outline.probability_HW > 0.5, truth_HW))
    assert np.median(overlaps) > 0.6


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_scan_gives_the_mirrored_answer(scenes, axis):
    for scene in scenes:
        x, y, w, h = scene.bbox_xywh
        height, width = scene.truth_HW.shape
        box_xywh = (x, height - y - h, w, h) if axis == 0 else (width - x - w, y, w, h)
        plain = default_outliner().outline(scene.attenuation_HWC, scene.bbox_xywh)
        mirrored = default_outliner().outline(np.flip(scene.attenuation_HWC, axis).copy(), box_xywh)
        assert mirrored.expected_iou == pytest.approx(plain.expected_iou, abs=0.02)
        difference_HW = np.abs(np.flip(mirrored.probability_HW, axis) - plain.probability_HW)
        assert difference_HW.mean() < 0.01
        assert (difference_HW > 0.2).mean() < 0.01


def test_threads_get_the_bytes_that_one_alone_gets(scenes):
    def answer(scene):
        outline = default_outliner().outline(scene.attenuation_HWC, scene.bbox_xywh)
        return outline.probability_HW.tobytes(), outline.expected_iou

    alone = [answer(scene) for scene in scenes]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(answer, scenes * 3)) == alone * 3


def test_a_gray_scan_and_a_box_that_reaches_out_of_the_picture_are_seen(scenes):
    gray_HW1 = np.ascontiguousarray(scenes[0].attenuation_HWC[..., :1])
    height, width = gray_HW1.shape[:2]
    for box_xywh in (scenes[0].bbox_xywh, (-20.0, -20.0, width + 40.0, height + 40.0), (0.0, 0.0, 1.0, 1.0)):
        outline = default_outliner().outline(gray_HW1, box_xywh)
        assert np.isfinite(outline.probability_HW).all()


def test_a_network_in_training_is_set_to_use():
    network = OutlinerNetwork().train()
    Outliner(network)
    assert not network.training


def test_the_weights_are_loaded_once():
    assert default_outliner() is default_outliner()
