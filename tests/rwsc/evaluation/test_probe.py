import numpy as np
import pytest

from rwsc.evaluation.probe import NUM_FOLDS, PATCHES, choose_places, cut_patches, deal_folds, probe_auc

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
        found.append(cut_patches(picture, ALPHA, places_N2))
    return found


def test_places_lie_on_the_rim_and_inside():
    places_N2 = choose_places(np.random.default_rng(0), ALPHA)
    assert places_N2.shape == (PATCHES, 2)
    assert (ALPHA[tuple(places_N2.T)] == 1).all()
    rim_N2 = places_N2[: PATCHES // 2]
    assert all(y in (20, 59) or x in (30, 89) for y, x in rim_N2)


def auc(one, other, seed=0):
    return probe_auc(one, other, folds=deal_folds(len(one), seed=seed), seed=seed)


def test_a_patch_has_its_place_in_the_middle_and_the_cover_last():
    picture = np.zeros((90, 110, 3), np.uint8)
    picture[40, 50] = 255
    patches_NHWC = cut_patches(picture, ALPHA, np.array([[40, 50], [0, 0]]))
    side = patches_NHWC.shape[1]
    assert patches_NHWC.shape == (2, side, side, 4)
    assert np.argwhere(patches_NHWC[0, ..., 0]).tolist() == [[side // 2, side // 2]]
    assert patches_NHWC[0, side // 2, side // 2].tolist() == [255] * 4
    assert patches_NHWC[1, ..., 3].max() == 0 or ALPHA[: side // 2, : side // 2].max() == 1


def test_folds_differ_by_one_at_most_and_with_the_seed():
    folds = deal_folds(10, seed=0)
    assert sorted(np.bincount(folds, minlength=NUM_FOLDS).tolist()) == [2, 2, 3, 3]
    assert folds.tolist() != deal_folds(10, seed=1).tolist()


def test_what_differs_by_noise_alone_cannot_be_told_and_a_trace_can():
    true = patches_of(16)
    assert np.mean(auc(true, patches_of(16, seed=1))) == pytest.approx(0.5, abs=0.12)
    assert np.mean(auc(true, patches_of(16, trace=60, seed=1))) > 0.85


def test_a_fold_is_tested_by_a_network_that_never_saw_it():
    # Here a picture can be known by heart, but nothing learned of some holds for others.
    rng = np.random.default_rng(0)
    pictures = [
        cut_patches(rng.integers(0, 256, (90, 110, 3), np.uint8), ALPHA, np.full((PATCHES, 2), 45))
        for _ in range(16)
    ]
    assert np.mean(auc(pictures[:8], pictures[8:])) == pytest.approx(0.5, abs=0.25)


def test_the_same_seed_gives_the_same_figures():
    one, other = patches_of(8), patches_of(8, trace=10, seed=1)
    assert auc(one, other, seed=3) == auc(one, other, seed=3)


def test_pictures_without_partner_or_without_a_second_fold_are_refused():
    with pytest.raises(ValueError, match="8, 7 pictures and 8 folds"):
        probe_auc(patches_of(8), patches_of(7), folds=[0, 1] * 4, seed=0)
    with pytest.raises(ValueError, match="all pictures are in one fold"):
        probe_auc(patches_of(2), patches_of(2), folds=[1, 1], seed=0)
