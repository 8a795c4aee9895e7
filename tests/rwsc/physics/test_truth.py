import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.dual_energy import DETECTOR, TRANSMISSION_FLOOR, Detector
from rwsc.physics.phantom_canvas import Material
from rwsc.physics.phantoms import ALL_LABELS, ITEM_LABELS
from rwsc.physics.pseudo_colour import MaterialClass, material_class
from rwsc.physics.truth import SIZE_SHARE, draw_bag_matter, draw_item_matter, draw_truth

seeds = st.integers(0, 2**31)
LOW, HIGH = 0, 1
FRAMES = (
    "bag_HW2",
    "item_HW2",
    "both_HW2",
    "bag_true_HW2",
    "item_true_HW2",
    "both_true_HW2",
    "alpha_HW",
    "body_HW",
)


def draw(seed, *, height_px=150, width_px=190, **settings):
    return draw_truth(np.random.default_rng(seed), height_px=height_px, width_px=width_px, **settings)


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(64, 220), st.integers(64, 220))
def test_a_truth_is_three_scans_of_one_frame(seed, height, width):
    truth = draw(seed, height_px=height, width_px=width)
    for name in FRAMES:
        assert getattr(truth, name).shape[:2] == (height, width)
    for scan in (truth.bag_HW2, truth.item_HW2, truth.both_HW2):
        assert scan.dtype == np.uint16
        assert scan.shape == (height, width, 2)
    for through in (truth.bag_true_HW2, truth.item_true_HW2, truth.both_true_HW2):
        assert through.dtype == np.float32
        assert through.min() > 0
        assert through.max() <= 1 + 1e-6
    for picture in (truth.bag_rgb, truth.item_rgb, truth.both_rgb):
        assert picture.dtype == np.uint8
        assert picture.shape == (height, width, 3)


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from(ALL_LABELS))
def test_the_item_lies_wholly_inside_the_body(seed, label):
    truth = draw(seed, labels=(label,))
    assert truth.label == label
    mask = truth.alpha_HW >= 0.5
    assert mask.any()
    assert truth.body_HW[mask].all()
    left, top, width, height = truth.bbox_xywh
    boxed = np.zeros_like(mask)
    boxed[top : top + height, left : left + width] = True
    assert boxed[mask].all()
    for side in (mask[top], mask[top + height - 1], mask[:, left], mask[:, left + width - 1]):
        assert side.any()


def test_items_are_as_large_as_they_should_be():
    lengths = []
    for seed in range(40):
        truth = draw(seed, height_px=300, width_px=360)
        rows, columns = (np.flatnonzero(truth.body_HW.any(axis=axis)) for axis in (1, 0))
        points = np.argwhere(truth.alpha_HW >= 0.5)[:, ::-1].astype(np.float32)
        length = max(cv2.minAreaRect(points)[1])
        lengths.append(length / max(np.ptp(rows) + 1, np.ptp(columns) + 1))
    # What a drawer calls a unit is the item's length but for its shape, and what fits nowhere is made smaller.
    assert min(lengths) > 0.6 * SIZE_SHARE[0]
    assert max(lengths) < 1.3 * SIZE_SHARE[1]
    assert np.std(lengths) > 0.05


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_both_is_the_bag_where_the_item_is_not(seed):
    truth = draw(seed, clean=True)
    near = cv2.dilate((truth.alpha_HW > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    np.testing.assert_array_equal(truth.both_true_HW2[~near], truth.bag_true_HW2[~near])
    np.testing.assert_array_equal(truth.both_HW2[~near], truth.bag_HW2[~near])
    assert (truth.item_true_HW2[~near] == 1).all()


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_both_attenuate_more_than_either_and_less_than_one_by_one(seed):
    truth = draw(seed, detector=Detector(blur_px=0))
    assert (truth.both_true_HW2 <= np.minimum(truth.bag_true_HW2, truth.item_true_HW2) + 1e-6).all()
    # Beam hardening: what the first leaves over is harder to stop.
    assert (truth.both_true_HW2 >= truth.bag_true_HW2 * truth.item_true_HW2 - 1e-6).all()


def test_the_error_of_multiplying_transmissions_per_energy():
    """What beam hardening costs composition per energy: figures that decision 0012 quotes."""
    nepers, classes = [], []
    for seed in range(40):
        truth = draw(seed, height_px=200, width_px=240, labels=ALL_LABELS, clean=True)
        product = truth.bag_true_HW2 * truth.item_true_HW2
        over = (truth.alpha_HW >= 0.5) & (material_class(truth.bag_true_HW2) != MaterialClass.AIR)
        as_nepers = [
            -np.log(np.maximum(through, TRANSMISSION_FLOOR)) for through in (product, truth.both_true_HW2)
        ]
        nepers.append(as_nepers[0][over] / as_nepers[1][over] - 1)
        classes.append((material_class(product) == material_class(truth.both_true_HW2))[over])
    error_2 = np.median(np.concatenate(nepers), axis=0)
    assert 0.03 < error_2[LOW] < 0.09
    assert 0.01 < error_2[HIGH] < 0.035
    assert 0.7 < np.concatenate(classes).mean() < 0.92


def test_scans_measure_the_truth_with_noise_of_their_own():
    detector = Detector()
    truth = draw(5, height_px=300, width_px=360, detector=detector)
    noise = []
    for scan, through in (
        (truth.bag_HW2, truth.bag_true_HW2),
        (truth.item_HW2, truth.item_true_HW2),
        (truth.both_HW2, truth.both_true_HW2),
    ):
        error = scan - (detector.offset + through * (detector.air_level_2 - detector.offset))
        spread = np.sqrt(
            through * detector.air_level_2**2 / np.array(detector.photons_in_air) + detector.read_noise**2
        )
        noise.append(error / spread)
        assert noise[-1].mean() == pytest.approx(0, abs=0.02)
        assert noise[-1].std() == pytest.approx(1, abs=0.02)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(noise[one].ravel(), noise[other].ravel())[0, 1]) < 0.02


def test_a_clean_scan_has_no_noise():
    truth = draw(3, clean=True)
    wanted = DETECTOR.offset + truth.both_true_HW2 * (truth.air_level_2 - DETECTOR.offset)
    np.testing.assert_allclose(truth.both_HW2, wanted, atol=0.6)


def test_the_same_seed_draws_the_same_truth():
    one, two, other = draw(7), draw(7), draw(8)
    for name in FRAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.both_HW2 != other.both_HW2).any()


def test_bags_are_of_many_materials():
    used = sum(
        (draw_bag_matter(np.random.default_rng(seed), 120, 150)[0] > 0).any(axis=(1, 2)).astype(int)
        for seed in range(12)
    )
    assert (used[[Material.ORGANIC, Material.INORGANIC, Material.METAL]] == 12).all()
    assert (used[[Material.WATER, Material.PVC, Material.COPPER]] >= 6).all()
    assert used[Material.LEAD] >= 1


@pytest.mark.parametrize("label", ALL_LABELS)
def test_items_are_tight_and_have_matter_where_they_cover(label):
    for seed in range(4):
        depth_MHW, cover_HW = draw_item_matter(np.random.default_rng(seed), label, 90)
        for side in (cover_HW[0], cover_HW[-1], cover_HW[:, 0], cover_HW[:, -1]):
            assert side.any()
        assert (depth_MHW.sum(axis=0)[cover_HW >= 0.5] > 0).all()
        assert depth_MHW.min() >= 0


def test_items_are_drawn_of_the_first_classes_unless_asked():
    assert {draw(seed, height_px=80, width_px=90).label for seed in range(40)} == set(ITEM_LABELS)


def test_items_are_turned():
    angles = []
    for seed in range(60):
        depth_MHW, _ = draw_item_matter(np.random.default_rng(seed), "hammer", 60)
        y, x = np.nonzero(depth_MHW[Material.METAL] > 0.5)
        angles.append(np.arctan2(y.mean() - depth_MHW.shape[1] / 2, x.mean() - depth_MHW.shape[2] / 2))
    counts, _ = np.histogram(angles, bins=4, range=(-np.pi, np.pi))
    assert counts.min() >= 6


def test_items_are_mirrored():
    """Seen along the shaft towards the head, an axe has its edge on one side or on the other."""
    sides = []
    for seed in range(24):
        _, cover_HW = draw_item_matter(np.random.default_rng(seed), "axe", 80)
        points = np.argwhere(cover_HW > 0.5)[:, ::-1].astype(float)
        points -= points.mean(axis=0)
        _, _, axes = np.linalg.svd(points, full_matrices=False)
        along, across = points @ axes[0], points @ axes[1]
        turned = np.linalg.det(axes)
        # The head is nearer to the middle of mass than the shaft's end is: it lies against the skew along.
        sides.append(np.sign(turned * (along**3).mean() * (across**3).mean()))
    assert min(sides.count(1), sides.count(-1)) >= 5


def test_the_seen_cover_reaches_as_far_as_the_scan_shows_the_item():
    truth = draw_truth(np.random.default_rng(4), height_px=200, width_px=240, clean=True)
    assert (truth.seen_alpha_HW >= truth.alpha_HW).all()
    darkened_HW = truth.item_true_HW2.min(axis=2) < 0.98
    assert (truth.seen_alpha_HW[darkened_HW] > 0).all()
    assert (truth.alpha_HW[darkened_HW] == 0).any()  # which the geometric cover does not
    far_HW = cv2.dilate((truth.alpha_HW > 0).astype(np.uint8), np.ones((9, 9))) == 0
    assert not truth.seen_alpha_HW[far_HW].any()
