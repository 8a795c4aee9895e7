import numpy as np
import pytest

from rwsc.corpus.display import UNLABELLED, to_rgb8, with_marks
from rwsc.sources.masks import encode_rle

LEVEL = 4000.0


def test_eight_bits_are_shown_as_they_are():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_rgb8(rgb, np.full(3, 250.0)), rgb)
    np.testing.assert_array_equal(to_rgb8(rgb[..., 0], np.array([250.0])), rgb[..., :1].repeat(3, 2))


def test_sixteen_bits_are_shown_with_air_at_white_whatever_their_range():
    scan = np.array([[4000, 2000, 400]], np.uint16)
    shown = to_rgb8(scan, np.array([LEVEL]))
    assert shown.shape == (1, 3, 3)
    assert shown[0, :, 0] == pytest.approx([255, 128, 26], abs=1)


def test_two_energies_are_shown_in_colour():
    scan = np.full((24, 24, 2), LEVEL, np.uint16)
    scan[:, 12:, 0], scan[:, 12:, 1] = 1200, 1600  # attenuates the low energy little more: light matter
    shown = to_rgb8(scan, np.array([LEVEL, LEVEL])).astype(int)
    assert shown.shape == (24, 24, 3)
    assert (shown[12, 3] > 240).all()
    assert shown[12, 20, 0] > shown[12, 20, 2] + 40


def thing(label="gun", at=(4, 6), size=(10, 8), frame=(40, 60)):
    mask = np.zeros(frame, bool)
    mask[at[1] : at[1] + size[1], at[0] : at[0] + size[0]] = True
    return {"label": label, "bbox_xywh": [*map(float, at), *map(float, size)], "mask_rle": encode_rle(mask)}


def test_boxes_are_drawn_tight_and_nothing_is_drawn_on_the_original():
    picture = np.full((40, 60, 3), 255, np.uint8)
    drawn = with_marks(picture, [thing()])
    assert (picture == 255).all()
    for x, y in ((4, 6), (13, 6), (4, 13), (13, 13)):
        assert (drawn[y, x] < 250).any()
    assert (drawn[9:11, 8:10] == 255).all()
    assert (drawn[-1] == 255).all()


def test_what_has_no_label_has_a_grey_outline_and_no_box():
    picture = np.full((40, 60, 3), 255, np.uint8)
    drawn = with_marks(picture, [], [thing(at=(30, 20))])
    colours = {tuple(int(level) for level in pixel) for pixel in drawn.reshape(-1, 3)}
    assert colours == {(255, 255, 255), UNLABELLED}


@pytest.mark.parametrize("label", ["нож", "小刀", "a\nb\x1b[31m", "<script>", "x" * 500, ""])
def test_class_names_of_any_kind_can_be_drawn(label):
    picture = np.full((40, 60, 3), 255, np.uint8)
    assert (with_marks(picture, [thing(label)]) < 250).any()
