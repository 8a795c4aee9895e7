import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rwsc.placement.fit import covered_share, fits, shrink, slide, whole_cells


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
    assert np.argwhere(fits(region, mask)).tolist() == offsets_one_by_one(region, mask)


def test_offsets_are_exact_at_the_size_of_real_scans():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :350]
    region = ((y - 150) / 140) ** 2 + ((x - 170) / 160) ** 2 < 1
    region[rng.integers(0, 300, 3), rng.integers(0, 350, 3)] = False
    mask = tight(np.abs((y - x)[:90, :90]) < 20)
    is_feasible = fits(region, mask)
    assert is_feasible.shape == (211, 261)
    for top, left in zip(rng.integers(0, 211, 3000), rng.integers(0, 261, 3000), strict=True):
        assert is_feasible[top, left] == region[top : top + 90, left : left + 90][mask].all()


def test_there_is_no_place_in_an_empty_region():
    assert not fits(np.zeros((5, 6), bool), np.ones((1, 1), bool)).any()
    assert fits(np.ones((5, 6), bool), np.ones((6, 2), bool)).shape == (0, 5)


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


@pytest.mark.parametrize("margin", range(4, 10))
def test_small_and_large_margins_shrink_alike(margin):
    region = np.random.default_rng(margin).random((60, 70)) > 0.004
    y, x = np.nonzero(~np.pad(region, 1))
    distance = np.hypot(np.arange(1, 61)[:, None, None] - y, np.arange(1, 71)[None, :, None] - x).min(axis=2)
    np.testing.assert_array_equal(shrink(region, margin), distance > margin)


def test_shrinking_by_nothing_gives_a_copy():
    region = np.ones((4, 4), bool)
    shrunk = shrink(region, 0)
    shrunk[0, 0] = False
    assert region.all()


@settings(max_examples=60)
@given(regions(12), st.integers(1, 4))
def test_a_cell_is_whole_when_all_its_pixels_are(region, cell_px):
    cells = whole_cells(region, cell_px)
    assert cells.shape == (region.shape[0] // cell_px, region.shape[1] // cell_px)
    for (row, column), is_whole in np.ndenumerate(cells):
        block = region[row * cell_px : (row + 1) * cell_px, column * cell_px : (column + 1) * cell_px]
        assert is_whole == block.all()


@settings(max_examples=60)
@given(masks, st.integers(1, 4), st.integers(0, 3), st.integers(0, 3))
def test_covered_shares_add_up_to_the_mask_and_no_touched_cell_is_missed(mask, cell_px, down, right):
    down, right = down % cell_px, right % cell_px
    shares = covered_share(mask, cell_px, (down, right))
    assert shares.sum() * cell_px**2 == pytest.approx(mask.sum())
    touched = {((y + down) // cell_px, (x + right) // cell_px) for y, x in np.argwhere(mask)}
    assert touched == {tuple(cell) for cell in np.argwhere(shares > 0).tolist()}


def test_sliding_sums_the_map_under_the_kernel():
    rng = np.random.default_rng(0)
    map_HW, kernel_HW = rng.random((9, 11)), rng.random((3, 4))
    sums = slide(map_HW, kernel_HW)
    assert sums.shape == (7, 8)
    assert sums[2, 5] == pytest.approx((map_HW[2:5, 5:9] * kernel_HW).sum(), rel=1e-5)
