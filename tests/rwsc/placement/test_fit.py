import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rwsc.placement.fit import feasible_offsets, longest_side, shrink


def regions(longest):
    return hnp.arrays(bool, st.tuples(*[st.integers(1, longest)] * 2), elements=st.integers(0, 3).map(bool))


def tight(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


masks = regions(5).filter(np.any).map(tight)


def offsets_one_by_one(region, mask):
    height, width = mask.shape
    return [
        [y, x]
        for y in range(region.shape[0] - height + 1)
        for x in range(region.shape[1] - width + 1)
        if region[y : y + height, x : x + width][mask].all()
    ]


@settings(max_examples=200)
@given(regions(14), masks)
def test_offsets_are_those_found_one_by_one(region, mask):
    assert feasible_offsets(region, mask).tolist() == offsets_one_by_one(region, mask)


def test_offsets_are_exact_at_the_size_of_real_scans():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :350]
    region = ((y - 150) / 140) ** 2 + ((x - 170) / 160) ** 2 < 1
    region[rng.integers(0, 300, 3), rng.integers(0, 350, 3)] = False
    mask = tight(np.abs((y - x)[:90, :90]) < 20)
    offsets = feasible_offsets(region, mask)
    is_feasible = np.zeros((211, 261), dtype=bool)
    is_feasible[tuple(offsets.T)] = True
    for top, left in zip(rng.integers(0, 211, 3000), rng.integers(0, 261, 3000), strict=True):
        assert is_feasible[top, left] == region[top : top + 90, left : left + 90][mask].all()


def test_there_is_no_place_in_an_empty_region():
    assert feasible_offsets(np.zeros((5, 6), bool), np.ones((1, 1), bool)).shape == (0, 2)


@settings(max_examples=100)
@given(regions(12), st.integers(0, 4))
def test_shrinking_keeps_what_is_further_than_the_margin_from_the_edge(region, margin):
    padded = np.pad(region, margin + 1)
    outside = np.argwhere(~padded)
    expected = [
        [
            padded[y, x] and (((outside - (y, x)) ** 2).sum(axis=1).min() > margin**2)
            for x in range(padded.shape[1])
        ]
        for y in range(padded.shape[0])
    ]
    inner = slice(margin + 1, -(margin + 1))
    np.testing.assert_array_equal(shrink(region, margin), np.array(expected)[inner, inner])


def test_shrinking_by_nothing_gives_a_copy():
    region = np.ones((4, 4), bool)
    shrunk = shrink(region, 0)
    shrunk[0, 0] = False
    assert region.all()


@pytest.mark.parametrize(("height", "width"), [(3, 9), (9, 3), (1, 1)])
def test_the_longest_side_is_that_of_the_largest_part(height, width):
    region = np.zeros((30, 40), bool)
    region[20 : 20 + height, 5 : 5 + width] = True
    assert longest_side(region) == max(height, width)
    region[2, 38] = True
    assert longest_side(region) == max(height, width)


def test_an_empty_region_has_no_side():
    assert longest_side(np.zeros((4, 4), bool)) == 0
