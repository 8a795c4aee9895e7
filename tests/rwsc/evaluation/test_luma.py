import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from reference import fusion_metrics as reference

from rwsc.evaluation.luma import to_luma


@given(st_np.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3))))
def test_luma_is_the_exact_fraction_rounded(picture):
    assert to_luma(picture).tolist() == reference.luma(picture)


def test_halves_go_to_the_even_level():
    found = [
        (r, g, b)
        for r in range(0, 256, 3)
        for g in range(0, 256, 5)
        for b in range(256)
        if (299 * r + 587 * g + 114 * b) % 1000 == 500
    ]
    levels = to_luma(np.array([found], np.uint8))
    assert len(found) > 1000
    assert not (levels % 2).any()


def test_white_black_and_grey_keep_their_level():
    levels = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_array_equal(to_luma(np.repeat(levels[..., None], 3, axis=2)), levels)
    assert to_luma(levels) is levels
    assert to_luma(levels).dtype == np.uint8
