import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rwsc.placement.placed import Placement, do_overlap
from rwsc.placement.pose import Pose, PosedItem

shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
corners = st.tuples(st.integers(0, 8), st.integers(0, 8))


def placement(alpha_HW, corner):
    posed = PosedItem(np.full((*alpha_HW.shape, 3), 0.5, np.float32), alpha_HW)
    return Placement(0, Pose(), *corner, posed)


def disc(shape):
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (((y + x) % 2) == 0).astype(np.float32)


@given(shapes, corners, shapes, corners)
def test_overlap_is_a_common_pixel_of_both_masks(one_shape, one_corner, other_shape, other_corner):
    one, other = placement(disc(one_shape), one_corner), placement(disc(other_shape), other_corner)
    expected = bool((one.mask_in(20, 20) & other.mask_in(20, 20)).any())
    assert do_overlap(one, other) == do_overlap(other, one) == expected


def test_the_box_is_that_of_the_mask_and_not_of_the_canvas():
    alpha = np.full((5, 7), 0.1, np.float32)
    alpha[1:3, 2:6] = 0.9
    placed = placement(alpha, (10, 20))
    assert placed.bbox_xywh == (12.0, 21.0, 4.0, 2.0)
    assert placed.window == (slice(20, 25), slice(10, 17))
