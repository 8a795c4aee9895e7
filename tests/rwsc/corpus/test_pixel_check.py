import numpy as np
import pytest

from rwsc.corpus.display import Pixels
from rwsc.corpus.pixel_check import check_pixels, count_outside
from rwsc.sources.masks import encode_rle

AIR = np.full(3, 250.0)


def image_of(change=None, *, uri="images/a/b.png", things=1):
    """A bag with an item of 20 x 20 px in a fused rectangle of 50 x 50, and what `change` does to the image."""
    rng = np.random.default_rng(0)
    bag = rng.integers(120, 220, (90, 100, 3), dtype=np.uint8)
    mask_HW = np.zeros((90, 100), dtype=bool)
    mask_HW[30:50, 40:60] = True
    made = bag.copy()
    made[mask_HW] = made[mask_HW] // 2
    if change is not None:
        change(made)
    thing = {"mask_rle": encode_rle(mask_HW), "fused_xywh": [25, 15, 50, 50]}
    row = {"uri": uri, "objects": [thing] * things, "empty_insertions": [], "distractors": []}
    return check_pixels(row, Pixels(scan=bag, air_level=AIR, made=made))


def test_a_good_image_has_no_fault():
    found = image_of()
    assert (found.outside_px, found.brighter_share, found.seam, found.faults) == (0, 0, 0, [])


def test_a_pixel_outside_the_fused_rectangle_is_found_and_one_inside_is_not():
    def outside(made):
        made[5, 7, 1] ^= 1

    def inside(made):
        made[20, 30, 1] ^= 1

    assert image_of(outside).outside_px == 1
    assert image_of(outside).faults == ["outside"]
    assert image_of(inside).faults == []


@pytest.mark.parametrize("shape", [(90, 100), (90, 100, 3)])
def test_pixels_outside_are_counted_once_whatever_their_channels(shape):
    row = {
        "objects": [{"fused_xywh": [25, 15, 50, 50]}],
        "empty_insertions": [{"fused_xywh": [-5, 80, 20, 20]}],
    }
    scan = np.zeros(shape, np.uint16)
    assert count_outside(row, scan, scan) == 0
    assert count_outside(row, scan + 1, scan) == 90 * 100 - 50 * 50 - 15 * 10


def test_of_jpeg_nobody_asks_for_equal_pixels():
    def noise(made):
        made[::2, ::2] ^= 1

    assert image_of(noise).faults == ["outside"]
    assert image_of(noise, uri="images/a/b.jpg").outside_px is None
    assert image_of(noise, uri="images/a/b.jpg").faults == []


def test_an_item_that_brightens_is_found():
    def brighten(made):
        made[30:50, 40:45] = 249

    found = image_of(brighten)
    assert found.faults == ["brighter"]
    assert found.brighter_share == pytest.approx(0.25)


def test_a_rectangle_that_shows_is_a_seam_and_a_soft_rim_is_none():
    def tint(made):
        made[15:65, 25:75] -= 8

    def rim(made):
        made[28:52, 38:62] -= 8

    assert image_of(tint).faults == ["seam"]
    assert image_of(tint).seam == pytest.approx(8 / 250, abs=1e-3)
    assert image_of(rim).faults == []


def test_an_image_without_anything_put_in_is_its_bag():
    found = image_of(lambda made: None, things=0)
    assert found.brighter_share == found.seam == 0
    assert found.outside_px == 400
