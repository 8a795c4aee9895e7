import numpy as np
import pytest

from rwsc.placement.ground import Ground
from rwsc.placement.room import MAX_OVERLAP, MIN_OVERLAP, Room


def room(margin=0, cell_px=1, side=12):
    region = np.zeros((side, side), bool)
    region[1:-1, 1:-1] = True
    return Room(Ground(cell_px, [region]), margin)


BLOCK = np.ones((4, 4), np.float32)


def test_places_and_holding_agree_everywhere():
    filled = room()
    filled.take(BLOCK, 3, 4)
    for how in ("apart", "upon", "anyhow"):
        places = filled.places(0, BLOCK, how)
        assert 0 < places.sum() < places.size
        for (top, left), is_place in np.ndenumerate(places):
            assert filled.holds(0, BLOCK, top, left, how) == is_place


@pytest.mark.parametrize("hw", [(1, 1), (2, 5), (5, 2), (7, 3), (3, 7), (9, 9), (30, 2)])
def test_places_are_counted_from_the_grids_corner_not_from_the_bags(hw):
    one, other = np.zeros((2, 11, 9), bool)
    one[2:8, 3:7] = True
    one[2, 3] = False
    other[9, 0:3] = True
    filled = Room(Ground(1, [one, other]), 0)
    mask = np.ones(hw, np.float32)
    for bag, bag_HW in enumerate((one, other)):
        places = filled.places(bag, mask, "apart")
        assert places.shape == tuple(max(0, side - own + 1) for side, own in zip((11, 9), hw, strict=True))
        for (top, left), is_place in np.ndenumerate(places):
            assert bag_HW[top : top + hw[0], left : left + hw[1]].all() == is_place


def test_upon_overlaps_by_the_stated_share():
    filled = room()
    filled.take(BLOCK, 3, 4)
    for top, left in np.argwhere(filled.places(0, BLOCK, "upon")):
        shared = max(0, 4 - abs(top - 3)) * max(0, 4 - abs(left - 4)) / 16
        assert MIN_OVERLAP <= shared <= MAX_OVERLAP


def test_apart_touches_no_cell_that_is_taken_even_in_part():
    filled = room()
    filled.take(np.full((1, 1), 0.01, np.float32), 5, 5)
    places = filled.places(0, BLOCK, "apart")
    assert not places[2:6, 2:6].any()
    assert places[1, 1]


@pytest.mark.parametrize(("margin", "cell_px", "cells"), [(0, 5, 100), (1, 5, 64), (5, 5, 64), (6, 5, 36)])
def test_the_margin_is_kept_in_whole_cells(margin, cell_px, cells):
    assert room(margin, cell_px).shares.tolist() == [cells]
    assert room(margin, cell_px).num_free_px == cells * cell_px**2


def test_nothing_is_held_beyond_the_grid():
    assert not room().holds(0, BLOCK, 10, 10, "anyhow")
