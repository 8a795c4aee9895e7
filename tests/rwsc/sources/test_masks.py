import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from rwsc.sources.masks import MaskSizeMismatch, decode_rle, encode_rle, mask_from_segmentation

# pycocotools has not caught up with NumPy 2's copy keyword.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MASKS = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda hw: arrays(bool, hw))
H, W = 30, 40


@given(MASKS)
def test_a_mask_survives_its_run_lengths(mask_HW):
    height, width = mask_HW.shape
    np.testing.assert_array_equal(decode_rle(encode_rle(mask_HW), height=height, width=width), mask_HW)


@given(st.integers(0, 2**31))
def test_compressed_run_lengths_read_as_pycocotools_reads_them(seed):
    mask_HW = np.random.default_rng(seed).random((57, 83)) < 0.02  # long runs: several characters each
    written = coco_mask.encode(np.asfortranarray(mask_HW.astype(np.uint8)))
    segmentation = {"size": [57, 83], "counts": written["counts"].decode()}
    ours = mask_from_segmentation(segmentation, height=57, width=83)
    np.testing.assert_array_equal(ours, coco_mask.decode(written).astype(bool))


@given(MASKS)
def test_plain_run_lengths_read_as_pycocotools_reads_them(mask_HW):
    height, width = mask_HW.shape
    flat = mask_HW.T.ravel().astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    counts = np.diff([0, *edges, flat.size]).tolist()
    theirs = coco_mask.decode(
        coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    )
    ours = mask_from_segmentation({"size": [height, width], "counts": counts}, height=height, width=width)
    np.testing.assert_array_equal(ours, theirs.astype(bool))
    np.testing.assert_array_equal(ours, mask_HW)


@given(st.lists(st.lists(st.integers(-20, 60), min_size=6, max_size=6), min_size=1, max_size=3))
def test_polygons_are_drawn_as_pycocotools_draws_them(polygons):
    theirs = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, H, W))).astype(bool)
    np.testing.assert_array_equal(mask_from_segmentation(polygons, height=H, width=W), theirs)


def test_a_hole_survives():
    mask_HW = np.zeros((H, W), bool)
    mask_HW[5:20, 5:25] = True
    mask_HW[10:14, 10:14] = False
    again_HW = decode_rle(encode_rle(mask_HW), height=H, width=W)
    assert not again_HW[11, 11]
    assert again_HW[6, 6]


def test_run_lengths_of_another_size_are_told_apart_from_damage():
    with pytest.raises(MaskSizeMismatch, match=r"\[20, 20\]"):
        mask_from_segmentation({"size": [20, 20], "counts": [400]}, height=H, width=W)


@pytest.mark.parametrize(
    "segmentation",
    [
        [],
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
        [[0, 0, 5, 0, 5, "5"]],
        [[0, 0, 5, 0, 5, True]],
        [[0, 0, 1e9, 0, 5, 5]],
        [[0, 0, 10**400, 0, 5, 5]],
        [1, 2, 3, 4, 5, 6],
        {},
        {"size": [H, W]},
        {"size": [H, W], "counts": None},
        {"size": [H, W], "counts": [H * W - 1]},
        {"size": [H, W], "counts": [-1, H * W + 1]},
        {"size": [H, W], "counts": [float(H * W)]},
        {"size": [H, W], "counts": "0"},
        {"size": [H, W], "counts": "PPPP"},
        {"size": [H, W], "counts": "o" * 100},
        {"size": [H, W], "counts": "\u00e9\u4e2d"},
        {"size": "large", "counts": [1]},
    ],
)
def test_damaged_segmentations_are_refused_before_any_pixel_is_drawn(segmentation):
    with pytest.raises(ValueError, match=r"polygon|run lengths|picture"):
        mask_from_segmentation(segmentation, height=H, width=W)


@given(st.text(max_size=30))
def test_any_text_is_a_mask_or_a_value_error(counts):
    try:
        mask_HW = decode_rle(counts, height=3, width=4)
    except ValueError:
        return
    assert mask_HW.shape == (3, 4)


def test_a_polygon_that_zigzags_for_ever_is_refused_before_it_is_drawn():
    zigzag = [value for corner in range(100_000) for value in (1000.0 * (corner % 2), corner % 7)]
    with pytest.raises(ValueError, match="outline is far longer"):
        mask_from_segmentation([zigzag], height=1000, width=1000)
