import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.phantoms import ITEM_LABELS, draw_item
from rwsc.placement.pose import Pose, pose_item

BLUR_RTOL = 0.02

rotations = st.floats(-400, 400)
scales = st.floats(0.4, 2.0)
poses = st.builds(Pose, rotation_deg=rotations, scale=scales, flip=st.booleans())
items = st.builds(
    lambda seed, label: draw_item(np.random.default_rng(seed), label, 90),
    st.integers(0, 200),
    st.sampled_from(ITEM_LABELS),
)


def pose_of(item, **pose):
    return pose_item(item.transmission_HWC, item.alpha_HW, Pose(**pose))


def covered_attenuation(item):
    """All the matter of an item: attenuation times coverage, summed over pixels."""
    attenuation = -np.log(item.transmission_HWC.astype(np.float64))
    return (attenuation * item.alpha_HW[..., None]).sum(axis=(0, 1))


@settings(max_examples=25)
@given(items)
def test_the_identity_pose_only_crops(item):
    transmission = np.pad(item.transmission_HWC, ((3, 1), (0, 5), (0, 0)), constant_values=1)
    alpha = np.pad(item.alpha_HW, ((3, 1), (0, 5)))
    posed = pose_item(transmission, alpha, Pose())
    np.testing.assert_array_equal(posed.transmission_HWC, item.transmission_HWC)
    np.testing.assert_array_equal(posed.alpha_HW, item.alpha_HW)


@settings(max_examples=25)
@given(items, st.integers(-5, 5), st.booleans())
def test_quarter_turns_and_mirrors_move_pixels_and_change_none(item, turns, flip):
    posed = pose_of(item, rotation_deg=90.0 * turns, flip=flip)
    expected = np.rot90(item.alpha_HW[:, ::-1] if flip else item.alpha_HW, turns)
    np.testing.assert_array_equal(posed.alpha_HW, expected)
    expected = np.rot90(item.transmission_HWC[:, ::-1] if flip else item.transmission_HWC, turns)
    np.testing.assert_array_equal(posed.transmission_HWC, expected)


def test_a_turn_is_counter_clockwise_as_seen():
    alpha = np.zeros((41, 41), np.float32)
    alpha[20, 20:38] = 1
    alpha[18:23, 16:22] = 1
    posed = pose_item(np.full((41, 41, 1), 0.5, np.float32), alpha, Pose(rotation_deg=40.0))
    rows, columns = np.nonzero(posed.alpha_HW > 0.3)
    assert np.corrcoef(rows, columns)[0, 1] < -0.8
    thin_end = columns.argmax()
    assert rows[thin_end] < rows.mean()


@settings(max_examples=25)
@given(items, st.floats(0.1, 89.9), st.booleans())
def test_any_turn_agrees_with_the_quarter_turn_beyond_it(item, angle, flip):
    posed = pose_of(item, rotation_deg=angle, scale=1.1, flip=flip)
    beyond = pose_of(item, rotation_deg=angle + 90, scale=1.1, flip=flip)
    turned = np.rot90(posed.alpha_HW)
    assert abs(turned.shape[0] - beyond.alpha_HW.shape[0]) <= 2
    assert abs(turned.shape[1] - beyond.alpha_HW.shape[1]) <= 2
    assert turned.sum() == pytest.approx(beyond.alpha_HW.sum(), rel=0.01)


@settings(max_examples=40)
@given(items, poses)
def test_area_grows_with_the_square_of_the_scale(item, pose):
    posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    assert posed.alpha_HW.sum() == pytest.approx(pose.scale**2 * item.alpha_HW.sum(), rel=BLUR_RTOL)


@settings(max_examples=40)
@given(items, poses)
def test_mean_attenuation_is_kept(item, pose):
    posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    expected = covered_attenuation(item) / item.alpha_HW.sum()
    np.testing.assert_allclose(covered_attenuation(posed) / posed.alpha_HW.sum(), expected, rtol=BLUR_RTOL)


@settings(max_examples=40)
@given(items, poses)
def test_the_canvas_is_tight_and_air_outside_alpha(item, pose):
    posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    assert posed.transmission_HWC.dtype == posed.alpha_HW.dtype == np.float32
    assert posed.transmission_HWC.shape == (*posed.alpha_HW.shape, 3)
    for side in (posed.alpha_HW[0], posed.alpha_HW[-1], posed.alpha_HW[:, 0], posed.alpha_HW[:, -1]):
        assert side.any()
    assert (posed.transmission_HWC[posed.alpha_HW == 0] == 1).all()
    assert posed.alpha_HW.min() >= 0
    assert posed.alpha_HW.max() <= 1


@settings(max_examples=25)
@given(poses, st.floats(0.05, 0.95))
def test_a_plate_has_no_fringe(pose, transmission):
    """A plate of one attenuation keeps it to the last pixel of its rim, whatever lay around it."""
    alpha = np.zeros((50, 60), np.float32)
    alpha[15:35, 10:50] = 1
    plate = np.full((50, 60, 3), transmission, np.float32)
    plate[alpha == 0] = 0.001
    posed = pose_item(plate, alpha, pose)
    np.testing.assert_allclose(
        posed.transmission_HWC[posed.alpha_HW > 0], np.float32(transmission), rtol=1e-4
    )


@settings(max_examples=25)
@given(items, poses)
def test_what_lies_outside_alpha_does_not_matter(item, pose):
    other = np.where(item.alpha_HW[..., None] > 0, item.transmission_HWC, np.float32(0.01))
    one = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    two = pose_item(other, item.alpha_HW, pose)
    np.testing.assert_array_equal(one.transmission_HWC, two.transmission_HWC)


@settings(max_examples=20)
@given(items, poses)
def test_posing_never_makes_matter_denser_than_it_was(item, pose):
    posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    assert posed.transmission_HWC.min() >= item.transmission_HWC.min() * 0.999


def test_fine_detail_is_averaged_and_not_skipped_when_scaled_down():
    attenuation = np.random.default_rng(0).uniform(0, 1, (160, 160, 1)).astype(np.float32)
    posed = pose_item(np.exp(-attenuation), np.ones((160, 160), np.float32), Pose(scale=0.25))
    inside = -np.log(posed.transmission_HWC[4:-4, 4:-4])
    assert inside.mean() == pytest.approx(0.5, abs=0.02)
    # The mean of 16 pixels varies a quarter as much as a pixel.
    assert inside.std() == pytest.approx(attenuation.std() / 4, rel=0.4)


def test_a_posed_item_can_be_posed_again():
    item = draw_item(np.random.default_rng(0), "wrench", 90)
    there = pose_of(item, rotation_deg=35.0)
    back = pose_item(there.transmission_HWC, there.alpha_HW, Pose(rotation_deg=-35.0))
    assert back.alpha_HW.sum() == pytest.approx(item.alpha_HW.sum(), rel=BLUR_RTOL)
    assert abs(back.alpha_HW.shape[0] - item.alpha_HW.shape[0]) <= 5


def test_a_grey_item_keeps_its_one_channel():
    posed = pose_item(np.full((20, 30, 1), 0.4, np.float32), np.ones((20, 30), np.float32), Pose(30.0, 0.7))
    assert posed.transmission_HWC.shape == (*posed.alpha_HW.shape, 1)


def test_the_inputs_are_left_alone():
    item = draw_item(np.random.default_rng(0), "gun", 60)
    before = item.transmission_HWC.copy(), item.alpha_HW.copy()
    for array in (item.transmission_HWC, item.alpha_HW):
        array.setflags(write=False)
    pose_of(item)
    pose_of(item, rotation_deg=20.0, scale=0.6)
    np.testing.assert_array_equal(item.transmission_HWC, before[0])
    np.testing.assert_array_equal(item.alpha_HW, before[1])


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ValueError, match=f"scale of a pose must be above 0, not {scale}"):
        Pose(scale=scale)


def test_a_turn_by_no_number_is_refused():
    with pytest.raises(ValueError, match="rotation of a pose must be a number of degrees, not nan"):
        Pose(rotation_deg=math.nan)


def test_an_alpha_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 5, 3\) does not match its alpha, \(5, 4\)"):
        pose_item(np.ones((4, 5, 3)), np.ones((5, 4)), Pose())


def test_an_item_that_covers_nothing_is_refused():
    with pytest.raises(ValueError, match="covers no pixel"):
        pose_item(np.ones((4, 5, 3)), np.zeros((4, 5)), Pose())
