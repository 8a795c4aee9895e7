import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.phantom_canvas import NEPERS_PER_DEPTH, Canvas, Material
from rwsc.physics.phantom_shapes import box, ellipse

SIDE = 60


def canvas_and_pen(*, size_px=40.0, angle=0.0):
    canvas = Canvas(SIDE, SIDE)
    return canvas, canvas.pen(SIDE / 2, SIDE / 2, size_px=size_px, angle=angle)


def test_an_empty_canvas_is_air():
    canvas, _ = canvas_and_pen()
    assert (canvas.attenuation_HWC() == 0).all()
    assert (canvas.cover_HW == 0).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(list(Material)), min_size=1, max_size=4), st.floats(0.1, 2))
def test_attenuations_of_things_on_each_other_add(materials, depth):
    canvas, pen = canvas_and_pen()
    for material in materials:
        pen.fill(box(-0.4, -0.4, 0.4, 0.4), material, depth)
    middle = canvas.attenuation_HWC()[SIDE // 2, SIDE // 2]
    np.testing.assert_allclose(middle, depth * sum(NEPERS_PER_DEPTH[m] for m in materials), rtol=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 6.3), st.floats(20, 40))
def test_area_does_not_depend_on_the_turn(angle, size_px):
    canvas, pen = canvas_and_pen(size_px=size_px, angle=angle)
    pen.fill(box(-0.4, -0.3, 0.4, 0.3), Material.METAL, 1)
    # OpenCV draws smooth outlines some two thirds of a pixel too wide.
    assert canvas.cover_HW.sum() == pytest.approx((0.8 * size_px + 1.3) * (0.6 * size_px + 1.3), rel=0.12)


@pytest.mark.parametrize("width_px", [0.2, 0.5, 1.0, 3.0, 7.0])
def test_a_thin_rod_attenuates_in_proportion_to_its_width(width_px):
    canvas, pen = canvas_and_pen()
    pen.stroke(np.array([[-0.4, 0.0], [0.4, 0.0]]), width_px / 40, Material.METAL, 1)
    across = canvas.depth_MHW[Material.METAL][:, SIDE // 2].sum()
    assert across == pytest.approx(width_px, rel=0.1)


def test_cutting_leaves_air():
    canvas, pen = canvas_and_pen()
    pen.fill(box(-0.5, -0.5, 0.5, 0.5), Material.ORGANIC, 1)
    pen.cut(ellipse(0, 0, 0.2, 0.2))
    assert canvas.attenuation_HWC()[SIDE // 2, SIDE // 2].tolist() == [0, 0, 0]
    assert canvas.cover_HW[SIDE // 2, SIDE // 2] == 0
    assert canvas.cover_HW[SIDE // 2, SIDE // 2 + 14] == 1


def test_keeping_drops_what_lies_outside():
    canvas, pen = canvas_and_pen()
    pen.fill(box(-0.7, -0.7, 0.7, 0.7), Material.ORGANIC, 1)
    pen.keep(ellipse(0, 0, 0.3, 0.3))
    assert (canvas.attenuation_HWC()[0] == 0).all()
    np.testing.assert_array_equal(canvas.cover_HW >= 0.5, pen.inside(ellipse(0, 0, 0.3, 0.3)))


def test_a_round_thing_is_deepest_in_the_middle_and_a_hollow_one_at_its_wall():
    depths = {}
    for profile in ("flat", "round", "rim"):
        canvas, pen = canvas_and_pen()
        pen.fill(ellipse(0, 0, 0.5, 0.5), Material.ORGANIC, 1, profile=profile)
        row = canvas.depth_MHW[Material.ORGANIC][SIDE // 2]
        depths[profile] = (row[SIDE // 2], row[SIDE // 2 + 17])
    assert depths["flat"][0] == depths["flat"][1] == 1
    assert depths["round"][0] > depths["round"][1]
    assert depths["rim"][0] < depths["rim"][1]


def test_a_mirrored_pen_draws_upside_down():
    upright, pen = canvas_and_pen()
    pen.fill([(-0.3, 0.0), (0.3, 0.0), (0.3, 0.4)], Material.METAL, 1)
    mirrored, pen = canvas_and_pen()
    pen.mirrored().fill([(-0.3, 0.0), (0.3, 0.0), (0.3, -0.4)], Material.METAL, 1)
    np.testing.assert_array_equal(upright.cover_HW, mirrored.cover_HW)


def test_a_pen_of_a_pen_is_where_the_two_moves_lead():
    direct, pen = canvas_and_pen()
    pen.fill(box(0.1, -0.1, 0.4, 0.2), Material.METAL, 1)
    nested, pen = canvas_and_pen()
    pen.at(0.1, -0.1, size=0.3).fill(box(0, 0, 1, 1), Material.METAL, 1)
    np.testing.assert_allclose(direct.cover_HW, nested.cover_HW, atol=0.07)


def test_what_lies_outside_the_frame_is_not_drawn():
    canvas, pen = canvas_and_pen()
    pen.fill(box(5, 5, 6, 6), Material.METAL, 1)
    pen.fill(box(-9, -9, 9, 9), Material.METAL, 1)
    assert (canvas.depth_MHW[Material.METAL] == 1).all()
