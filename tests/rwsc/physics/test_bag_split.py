import numpy as np
import pytest

from rwsc.physics.bag_split import split_region


def region(*boxes, height=200, width=220):
    region_HW = np.zeros((height, width), bool)
    for top, left, box_height, box_width in boxes:
        region_HW[top : top + box_height, left : left + box_width] = True
    return region_HW


def test_bags_that_touch_at_a_neck_are_cut_there():
    touching = region((40, 20, 80, 80), (40, 120, 90, 80), (70, 95, 25, 30))
    left, right = sorted(split_region(touching), key=lambda part: np.flatnonzero(part.any(axis=0))[0])
    assert (left | right).sum() == touching.sum()
    assert not (left & right).any()
    assert np.flatnonzero(left.any(axis=0))[-1] == pytest.approx(110, abs=8)


@pytest.mark.parametrize(
    "boxes",
    [
        [(40, 10, 60, 200)],
        [(40, 20, 80, 80), (50, 95, 60, 100)],
        [(0, 30, 200, 120)],
        [(40, 20, 100, 140), (130, 60, 40, 30)],
    ],
)
def test_one_bag_is_left_whole(boxes):
    parts = split_region(region(*boxes))
    assert len(parts) == 1
    np.testing.assert_array_equal(parts[0], region(*boxes))


def test_slivers_beside_a_bag_are_no_bags():
    assert len(split_region(region((40, 20, 100, 120), (0, 0, 200, 3), (190, 200, 6, 8)))) == 1
    assert split_region(region()) == []


@pytest.mark.parametrize("side", range(1, 9))
def test_regions_of_few_pixels_are_taken_apart_too(side):
    rng = np.random.default_rng(side)
    for _ in range(50):
        region_HW = rng.random((side, int(rng.integers(1, 9)))) < 0.6
        parts = split_region(region_HW)
        assert all(part_HW.shape == region_HW.shape for part_HW in parts)
        assert bool(parts) == region_HW.any()
