import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rwsc.placement.pose import Pose, pose_item
from rwsc.placement.priors import (
    GRID,
    Observation,
    Priors,
    density_rank,
    direction_of,
    draw_direction,
    draw_relative_size,
    learn_priors,
    position_weights,
)


def thing(x, y, *, width=10.0, height=10.0, label="gun", **more):
    """A thing whose middle lies at (x, y) of a bag of 100 x 200."""
    bbox = (50 + x - width / 2, 20 + y - height / 2, width, height)
    return Observation(label=label, bbox_xywh=bbox, bag_xywh=(50.0, 20.0, 100.0, 200.0), **more)


def test_positions_are_where_things_were_and_everywhere_a_little():
    learned = learn_priors([thing(90, 20)] * 30)
    grid = np.array(learned.position)
    assert np.unravel_index(grid.argmax(), grid.shape) == (1, 10)
    assert grid.sum() == pytest.approx(1, abs=1e-3)
    assert grid.min() > 0
    weights = position_weights(learned, 40, 24)
    assert weights.shape == (40, 24)
    assert weights[:10, 16:].sum() > 0.5 * weights.sum()


def test_a_thing_beyond_its_bag_counts_at_the_edge():
    grid = np.array(learn_priors([thing(-30, 500)]).position)
    assert np.unravel_index(grid.argmax(), grid.shape) == (GRID - 1, 0)


def test_classes_with_enough_things_have_sizes_of_their_own():
    small = [thing(50, 50, width=3, height=4, label="blade")] * 25
    large = [thing(50, 50, width=30, height=40, label="saw")] * 5
    learned = learn_priors(small + large)
    assert set(learned.size) == {"", "blade"}
    diagonal = np.hypot(100, 200)
    assert draw_relative_size(learned, "blade", 0.5) == pytest.approx(5 / diagonal, rel=1e-3)
    assert draw_relative_size(learned, "saw", 0.99) > 40 / diagonal


def test_directions_are_those_of_the_masks_and_are_drawn_again():
    learned = learn_priors([thing(50, 50, direction_deg=20.0)] * 40)
    drawn = np.array([draw_direction(learned, share) for share in np.linspace(0, 0.999, 500)])
    assert ((drawn >= 15) & (drawn < 30)).mean() > 0.9
    assert drawn.min() >= 0
    assert drawn.max() <= 180


def test_without_masks_thin_boxes_tell_directions_and_compact_ones_do_not():
    flat = learn_priors([thing(50, 50, width=60, height=8, label="knife")] * 20)
    assert np.argmax(flat.direction) in (0, 11)
    assert flat.direction[0] == pytest.approx(flat.direction[11])
    assert learn_priors([thing(50, 50)] * 20).direction == []


def test_densities_rank_among_those_seen():
    learned = learn_priors([thing(50, 50, density=each) for each in np.linspace(1, 2, 101)])
    assert density_rank(learned, 1.5) == pytest.approx(0.5)
    assert (density_rank(learned, 0.2), density_rank(learned, 9.0)) == (0, 1)
    assert learn_priors([thing(50, 50)]).density == []


def test_there_is_nothing_to_learn_from_nothing():
    with pytest.raises(ValueError, match="nothing to learn from"):
        learn_priors([])


def test_priors_survive_their_file():
    learned = learn_priors([thing(20, 30, direction_deg=100.0, density=0.4)] * 25)
    assert Priors.model_validate_json(learned.model_dump_json()) == learned


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("position", [[1.0]], "needs 12 rows of 12 numbers"),
        ("position", [[0.0] * GRID] * GRID, "shares from 0 to 1, not all 0"),
        ("position", [[float("nan")] * GRID] * GRID, "shares from 0 to 1"),
        ("size", {}, "lacks ''"),
        ("size", {"": [0.0] * 11}, "above 0"),
        ("size", {"": [2.0, 1.0] * 5 + [3.0]}, "rising order"),
        ("density", [1e9] * 11, "from 0 to 100"),
        ("direction", [0.5, 0.5], "needs 12 numbers"),
        ("version", 2, "version"),
        ("surprise", 1, "surprise"),
    ],
)
def test_priors_that_make_no_sense_are_refused(field, value, message):
    values = learn_priors([thing(50, 50)]).model_dump()
    with pytest.raises(ValidationError, match=message):
        Priors.model_validate({**values, field: value})


@given(st.floats(0, 360), st.booleans())
def test_a_turn_turns_the_direction(turn, flip):
    alpha = np.zeros((20, 90), np.float32)
    alpha[6:14] = 1
    item = np.full((20, 90, 1), 0.5, np.float32)
    posed = pose_item(item, alpha, Pose(rotation_deg=turn, scale=1.0, flip=flip))
    direction, aspect = direction_of(posed.mask_HW)
    off = (direction - turn + 90) % 180 - 90
    assert abs(off) < 3
    assert 8 < aspect < 14


def test_one_pixel_has_a_direction_too():
    direction, aspect = direction_of(np.ones((1, 1), bool))
    assert 0 <= direction < 180
    assert aspect == pytest.approx(1)
