import numpy as np
import pytest

from rwsc.evaluation.probe import PATCH_PX, PATCHES, choose_places, cut_patches, probe_auc

ALPHA = np.zeros((90, 110), np.float32)
ALPHA[20:60, 30:90] = 1


def patches_of(number_of_bags, *, trace=0.0, seed=0):
    found = []
    for group in range(number_of_bags):
        rng = np.random.default_rng(group)
        places_N2 = choose_places(rng, ALPHA)
        levels = rng.uniform(60, 200, (9, 11, 3)).repeat(10, 0).repeat(10, 1)
        noise = np.random.default_rng([seed, group]).normal(0, 4, levels.shape)
        levels[20:60, 30:90] -= trace
        picture = np.clip(levels + noise, 0, 255).astype(np.uint8)
        found.append(cut_patches(picture, ALPHA, places_N2, group))
    return found


def test_places_lie_on_the_rim_and_inside():
    places_N2 = choose_places(np.random.default_rng(0), ALPHA)
    assert places_N2.shape == (PATCHES, 2)
    assert (ALPHA[tuple(places_N2.T)] == 1).all()
    rim_N2 = places_N2[: PATCHES // 2]
    assert all(y in (20, 59) or x in (30, 89) for y, x in rim_N2)


def test_a_patch_has_its_place_in_the_middle_and_the_cover_last():
    picture = np.zeros((90, 110, 3), np.uint8)
    picture[40, 50] = 255
    patches = cut_patches(picture, ALPHA, np.array([[40, 50], [0, 0]]), 3)
    assert patches.group == 3
    assert patches.pixels_NCHW.shape == (2, 7, PATCH_PX, PATCH_PX)
    assert np.argwhere(patches.pixels_NCHW[0, 0] == 0.5).tolist() == [[PATCH_PX // 2, PATCH_PX // 2]]
    assert (patches.pixels_NCHW[0, 6] == 1).any()


def test_what_differs_by_noise_alone_cannot_be_told_and_a_trace_can():
    true = patches_of(24)
    assert np.mean(probe_auc(true, patches_of(24, seed=1), seed=0)) == pytest.approx(0.5, abs=0.12)
    assert np.mean(probe_auc(true, patches_of(24, trace=60, seed=1), seed=0)) > 0.85


def test_the_same_seed_gives_the_same_figures():
    one, other = patches_of(8), patches_of(8, trace=10, seed=1)
    assert probe_auc(one, other, seed=3) == probe_auc(one, other, seed=3)


def test_pictures_of_other_bags_or_too_few_are_refused():
    with pytest.raises(ValueError, match="same bags in the same order"):
        probe_auc(patches_of(8), patches_of(8)[::-1], seed=0)
    with pytest.raises(ValueError, match="3 bags are too few"):
        probe_auc(patches_of(3), patches_of(3), seed=0)
