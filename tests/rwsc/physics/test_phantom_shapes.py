import cv2
import numpy as np
import pytest

from rwsc.physics.phantom_shapes import box, closed, dashes, ellipse, moved, smooth


def area(points):
    return cv2.contourArea(np.asarray(points, dtype=np.float32))


def test_an_ellipse_has_its_area():
    assert area(ellipse(3, -2, 2, 0.5, num_points=100)) == pytest.approx(np.pi, rel=0.01)


@pytest.mark.parametrize("radius", [0.0, 0.3, 5.0])
def test_a_box_lies_in_its_corners_and_rounding_takes_some_of_its_area(radius):
    outline = box(-1, 0, 3, 2, radius=radius)
    assert outline.min(axis=0).tolist() == pytest.approx([-1, 0])
    assert outline.max(axis=0).tolist() == pytest.approx([3, 2])
    lost = (4 - np.pi) * min(radius, 1) ** 2
    assert area(outline) == pytest.approx(8 - lost, rel=0.02)


def test_a_smooth_curve_goes_through_its_points():
    knots = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
    curve = smooth(knots, steps=5)
    np.testing.assert_allclose(curve[::5], knots)
    np.testing.assert_allclose(smooth(knots, closed=True, steps=5)[::5], knots)


def test_dashes_cover_their_share_of_the_line():
    line = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]])
    cut = dashes(line, num_dashes=70, share=0.5)
    assert len(cut) == 70
    assert sum(np.hypot(*(end - start)) for start, end in cut) == pytest.approx(3.5, rel=0.02)


def test_moving_scales_first():
    assert moved([[1.0, 2.0]], by=(10.0, 0.0), scale=2.0).tolist() == [[12.0, 4.0]]


def test_a_closed_line_ends_where_it_begins():
    line = closed(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))
    assert line[0].tolist() == line[-1].tolist()
    assert len(line) == 4
