import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rwsc.physics.air import estimate_air_level
from rwsc.sources.bags import find_bags
from rwsc.storage.images import decode_image

AIR = np.array([250.0])


def belt(height=300, width=500):
    return np.full((height, width), 250, np.uint8)


def put(image, top, left, height, width, *, transmission=0.5):
    image[top : top + height, left : left + width] = round(250 * transmission)
    return image


def test_a_bag_is_described_in_the_pixels_of_the_picture():
    (bag,) = find_bags(put(belt(), 60, 100, 150, 250), AIR)
    np.testing.assert_allclose(bag.bbox_xywh, [100, 60, 250, 150], atol=8)
    assert bag.area_px == pytest.approx(150 * 250, rel=0.08)
    assert bag.mean_attenuation == pytest.approx(np.log(2), rel=0.05)


def test_bags_apart_are_told_apart_largest_first():
    image = put(put(belt(), 60, 20, 120, 150), 60, 250, 170, 230, transmission=0.3)
    large, small = find_bags(image, AIR)
    assert large.bbox_xywh[0] == pytest.approx(250, abs=8)
    assert small.bbox_xywh[0] == pytest.approx(20, abs=8)
    assert large.mean_attenuation == pytest.approx(-np.log(0.3), rel=0.08)


def test_an_empty_belt_has_no_bag():
    assert find_bags(belt(), AIR) == []
    assert find_bags(np.full((3, 3, 3), 250, np.uint8), np.array([250.0, 250.0, 250.0])) == []


def test_colour_and_sixteen_bits_give_the_same_bags():
    image = put(belt(), 60, 100, 150, 250)
    (grey,) = find_bags(image, AIR)
    (colour,) = find_bags(np.repeat(image[..., None], 3, axis=2), np.full(3, 250.0))
    (deep,) = find_bags(image.astype(np.uint16) * 257, AIR * 257)
    for other in (colour, deep):
        assert other.bbox_xywh == grey.bbox_xywh
        assert other.mean_attenuation == pytest.approx(grey.mean_attenuation, rel=1e-3)


@pytest.mark.skipif(
    not os.environ.get("RWSC_SCANS"), reason="needs real scans: set RWSC_SCANS to their folder"
)
def test_conveyor_frames_are_found_and_single_bags_kept_whole():
    root = Path(os.environ["RWSC_SCANS"])
    described = json.loads((root / "annotations.json").read_text())["images"]
    counts = Counter()
    for image in [image for image in described if image.get("background")]:
        pixels = decode_image((root / image["file_name"]).read_bytes())
        found = len(find_bags(pixels, estimate_air_level(pixels))) > 1
        counts["multi-bag" in image["background"], found] += 1
    if not counts[True, True]:
        pytest.skip("these scans show no conveyor frames")
    recall = counts[True, True] / (counts[True, True] + counts[True, False])
    precision = counts[True, True] / (counts[True, True] + counts[False, True])
    assert recall >= 0.9
    assert precision >= 0.98
