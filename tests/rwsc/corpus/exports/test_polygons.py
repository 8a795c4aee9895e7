import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rwsc.corpus.exports.polygons import MIN_CORNERS, one_polygon


def drawn(polygon_N2, shape):
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [polygon_N2.astype(np.int32)], 1)
    return canvas.astype(bool)


@pytest.fixture
def ring():
    mask = np.zeros((40, 60), bool)
    mask[5:35, 10:50] = True
    mask[15:25, 20:40] = False
    return mask


def test_one_part_comes_back_to_the_pixel():
    mask = cv2.ellipse(np.zeros((50, 70), np.uint8), (35, 25), (30, 12), 33, 0, 360, 1, -1).astype(bool)
    np.testing.assert_array_equal(drawn(one_polygon(mask), mask.shape), mask)


def test_a_hole_stays_open_but_for_one_line(ring):
    filled = drawn(one_polygon(ring), ring.shape)
    assert filled[ring].all()
    assert filled[15:25, 20:40].sum() <= 1  # bridges run over the object


def test_parts_are_joined_by_a_line(ring):
    mask = ring.copy()
    mask[:, 28:32] = False
    filled = drawn(one_polygon(mask), mask.shape)
    assert filled[mask].all()
    assert (filled & ~mask).sum() <= 8  # two gaps of four pixels at most


def test_a_part_inside_a_hole_is_kept(ring):
    mask = ring.copy()
    mask[19:21, 28:32] = True
    filled = drawn(one_polygon(mask), mask.shape)
    assert filled[mask].all()
    assert (filled & ~mask).sum() <= 8


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any))
def test_every_mask_is_covered_within_its_box_by_enough_corners(mask):
    polygon = one_polygon(mask)
    assert len(polygon) >= MIN_CORNERS
    assert drawn(polygon, mask.shape)[mask].all()
    rows, columns = np.nonzero(mask)
    assert (polygon.min(0) == (columns.min(), rows.min())).all()
    assert (polygon.max(0) == (columns.max(), rows.max())).all()
