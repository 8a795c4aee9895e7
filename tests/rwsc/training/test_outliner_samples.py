import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.items.outliner_view import VIEW_PX
from rwsc.physics.phantom_scenes import draw_bags
from rwsc.training.outliner_samples import draw_sample, sloppy_box

seeds = st.integers(0, 2**31)


@pytest.fixture(scope="module")
def bags():
    return draw_bags(4, 2)


@settings(max_examples=15)
@given(seeds)
def test_a_sample_is_a_view_and_a_mask_that_lies_mostly_in_its_box(bags, seed):
    view_CNN, mask_NN = draw_sample(np.random.default_rng(seed), bags)
    assert view_CNN.shape == (4, VIEW_PX, VIEW_PX)
    assert mask_NN.shape == (VIEW_PX, VIEW_PX)
    assert view_CNN.dtype == mask_NN.dtype == np.float32
    assert view_CNN.min() >= 0
    assert 0 <= mask_NN.min() <= mask_NN.max() <= 1
    assert mask_NN.sum() >= 30
    assert (mask_NN * view_CNN[3]).sum() > 0.9 * mask_NN.sum()


@given(seeds, st.floats(-50, 500), st.floats(-50, 500), st.floats(4, 400), st.floats(4, 400))
def test_a_sloppy_box_holds_most_of_the_tight_one_and_is_not_much_larger(seed, x, y, w, h):
    left, top, width, height = sloppy_box(np.random.default_rng(seed), (x, y, w, h))
    for start, length, sloppy_start, sloppy_length in ((x, w, left, width), (y, h, top, height)):
        assert sloppy_start <= start + 0.025 * length + 1e-6
        assert sloppy_start >= start - 0.16 * length - 2 - 1e-6
        assert sloppy_start + sloppy_length >= start + 0.975 * length - 1e-6
        assert sloppy_start + sloppy_length <= start + 1.16 * length + 2 + 1e-6


def test_the_same_seed_draws_the_same_sample(bags):
    one, again, other = (draw_sample(np.random.default_rng(seed), bags) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert (one[0] != other[0]).any()


def excess(view_CNN, mask_NN):
    """Attenuation under the mask less that of the rest of the box."""
    is_beside_NN = (mask_NN == 0) & (view_CNN[3] == 1)
    return view_CNN[:3, mask_NN > 0.9].mean() - view_CNN[:3, is_beside_NN].mean()


def test_the_mask_lies_where_the_item_is_however_both_were_turned(bags):
    samples = [draw_sample(np.random.default_rng(seed), bags) for seed in range(24)]
    samples = [(view_CNN, mask_NN) for view_CNN, mask_NN in samples if (mask_NN > 0.9).any()]
    right = [excess(view_CNN, mask_NN) for view_CNN, mask_NN in samples]
    assert np.median(right) > 0.05
    for turns in (1, 2, 3):
        turned = [excess(view_CNN, np.rot90(mask_NN, turns)) for view_CNN, mask_NN in samples]
        assert np.mean(right) > 1.5 * np.mean(turned)
