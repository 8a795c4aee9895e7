import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.physics.basis import MAX_NEPERS, to_amounts, to_nepers
from rwsc.physics.dual_energy import GRAMS_PER_DEPTH, transmit
from rwsc.physics.phantom_canvas import Material

WITHOUT_EDGE = [material for material in Material if material is not Material.LEAD]
"""Lead has an absorption edge inside the beam's range; no mixture of two other matters attenuates alike."""

NEPERS = st.floats(0, 2 * MAX_NEPERS, width=32)


def draw_depths(seed, num_rays=400):
    rng = np.random.default_rng(seed)
    depth_MHW = np.zeros((len(Material), 1, num_rays), np.float32)
    for material in WITHOUT_EDGE:
        depth_MHW[material] = rng.exponential(0.6, num_rays) * (rng.random(num_rays) < 0.4)
    return depth_MHW


def nepers_of(depth_MHW):
    return -np.log(transmit(depth_MHW))


@pytest.mark.parametrize("seed", range(3))
def test_attenuation_is_found_again(seed):
    nepers_HW2 = nepers_of(draw_depths(seed))
    low_enough = nepers_HW2[..., 1] < MAX_NEPERS
    again_HW2 = to_nepers(to_amounts(nepers_HW2))
    np.testing.assert_allclose(again_HW2[low_enough], nepers_HW2[low_enough], atol=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_amounts_of_matter_add_up_where_attenuations_do_not(seed):
    one, other = draw_depths(seed), draw_depths(100 + seed) / 2
    added_HW2 = to_nepers(to_amounts(nepers_of(one)) + to_amounts(nepers_of(other)))
    true_HW2 = nepers_of(one + other)
    low_enough = true_HW2[..., 1] < MAX_NEPERS
    assert np.quantile(np.abs(added_HW2 - true_HW2)[low_enough], 0.99) < 5e-3
    plain_HW2 = nepers_of(one) + nepers_of(other)
    assert np.quantile(np.abs(plain_HW2 - true_HW2)[low_enough], 0.9) > 0.2


@pytest.mark.parametrize(("material", "column"), [(Material.ORGANIC, 0), (Material.METAL, 1)])
def test_the_basis_is_organic_matter_and_steel(material, column):
    depth_MHW = np.zeros((len(Material), 1, 20), np.float32)
    depth_MHW[material] = np.linspace(0.1, 1.5, 20)
    grams_HW2 = to_amounts(nepers_of(depth_MHW)).grams
    np.testing.assert_allclose(
        grams_HW2[..., column], depth_MHW[material] * GRAMS_PER_DEPTH[material], rtol=0.02
    )
    assert np.abs(grams_HW2[..., 1 - column]).max() < 0.03 * grams_HW2[..., column].max()


def test_between_two_rays_amounts_change_smoothly():
    low = np.linspace(0.9, 6, 4000, dtype=np.float32)
    grams_P2 = to_amounts(np.stack([low, low * np.float32(0.5)], axis=1)).grams
    assert np.abs(np.diff(grams_P2, 2, axis=0)).max() < 2e-2


@given(st.lists(st.tuples(NEPERS, NEPERS), min_size=1, max_size=20))
def test_whatever_was_measured_is_kept(pairs):
    """Also what no matter attenuates like: noise in air, another beam."""
    nepers_P2 = np.array(pairs, dtype=np.float32)
    amounts = to_amounts(nepers_P2)
    assert (amounts.rest >= 0).all()
    np.testing.assert_allclose(to_nepers(amounts), nepers_P2, atol=5e-3)


def test_air_is_no_matter_at_all():
    amounts = to_amounts(np.zeros((3, 2), np.float32))
    assert not amounts.grams.any()
    assert not amounts.rest.any()
    assert not to_nepers(amounts).any()
