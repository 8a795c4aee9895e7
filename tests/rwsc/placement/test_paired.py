from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.phantoms import draw_item
from rwsc.placement.config import PlacementConfig
from rwsc.placement.ground import Ground
from rwsc.placement.paired import View, draw_paired_placements
from rwsc.placement.placed import NoRoom, do_overlap
from rwsc.seeds import stream


def region(height, width, top, left, bag_height, bag_width):
    inside = np.zeros((height, width), bool)
    inside[top : top + bag_height, left : left + bag_width] = True
    return Ground.of_region(inside)


def two_views():
    """One bag: 300 belt lines long from above, read at half the pitch from the side, along the other axis."""
    above = View(region(220, 400, 20, 60, 160, 300), "x")
    side = View(region(200, 180, 30, 20, 150, 120), "y")
    return above, side


def items(number):
    rng = np.random.default_rng(number)
    return [(draw_item(rng, "gun", 60), draw_item(rng, "gun", 60)) for _ in range(number)]


def along(view, placement):
    """First line and extent along the belt, as shares of the bag."""
    first, span = view.span_px
    begin, extent = (
        (placement.x_px, placement.posed.alpha_HW.shape[1])
        if view.belt == "x"
        else (placement.y_px, placement.posed.alpha_HW.shape[0])
    )
    return (begin - first) / span, extent / span


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_an_item_begins_and_ends_at_the_same_belt_lines_in_both_views(seed):
    views = two_views()
    pairs = draw_paired_placements(stream(seed), views, items(2), PlacementConfig(items_min=0 + 1))
    assert not isinstance(pairs, NoRoom)
    for one, other in pairs:
        # Two pixels of the coarser view: rounding, and the crop of a soft rim.
        np.testing.assert_allclose(along(views[0], one), along(views[1], other), atol=2.5 / 150)
        assert one.pose.flip == other.pose.flip
        for view, placement in zip(views, (one, other), strict=True):
            inside = np.kron(view.ground.bags[0], np.ones([view.ground.cell_px] * 2, bool))
            assert inside[placement.window][placement.posed.alpha_HW > 0].all()
    if len(pairs) == 2:
        assert not do_overlap(pairs[0][0], pairs[1][0])
        assert not do_overlap(pairs[0][1], pairs[1][1])


def test_mirroring_goes_along_the_belt_in_both_views():
    views = two_views()
    config = PlacementConfig(scale_min=1, scale_max=1)
    poses = [draw_paired_placements(stream(seed), views, items(1), config)[0] for seed in range(30)]
    turns = {(one.pose.flip, one.pose.rotation_deg, other.pose.rotation_deg) for one, other in poses}
    assert turns == {(False, 0.0, 0.0), (True, 0.0, 180.0)}


def test_the_same_stream_draws_the_same_pairs():
    drawn = [draw_paired_placements(stream(3), two_views(), items(2), PlacementConfig()) for _ in range(2)]
    assert [(a.x_px, a.y_px, b.x_px, b.y_px) for a, b in drawn[0]] == [
        (a.x_px, a.y_px, b.x_px, b.y_px) for a, b in drawn[1]
    ]


def test_a_view_without_a_bag_is_refused():
    above, _ = two_views()
    empty = View(Ground.of_region(np.zeros((50, 50), bool)), "x")
    assert draw_paired_placements(stream(0), (above, empty), items(1), PlacementConfig()) == NoRoom(
        "there is no bag to lie in in one of the views"
    )


def test_what_is_longer_than_the_bag_has_no_place():
    above, side = two_views()
    refused = draw_paired_placements(
        stream(0), (above, side), items(1), PlacementConfig(scale_min=9, scale_max=9)
    )
    assert refused == NoRoom("1 of 1 items fit into no place of both views")
    assert side.span_px == pytest.approx((30, 150), abs=2)


def several(*boxes):
    """Bags in one frame, in the order given."""
    frames = [region(300, 700, *each) for each in boxes]
    return replace(frames[0], bags=[bag_HW for frame in frames for bag_HW in frame.bags])


def test_views_of_several_bags_are_refused_since_none_is_known_to_be_the_others():
    """Bags come in no order: the first one from above need not be the first one from the side."""
    above = View(several((60, 40, 130, 250), (100, 400, 130, 260)), "x")
    side = View(several((80, 400, 130, 260), (120, 40, 130, 250)), "x")
    alone = two_views()[1]
    for views, counts in (
        ((above, side), "2 and 2"),
        ((above, alone), "2 and 1"),
        ((alone, side), "1 and 2"),
    ):
        refused = draw_paired_placements(stream(0), views, items(1), PlacementConfig())
        assert refused == NoRoom(
            f"the views show {counts} bags, and which of them is the same in both is not known"
        )
