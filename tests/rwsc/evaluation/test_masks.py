import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from rwsc.evaluation.masks import area_under_roc, grabcut_in_box, iou

PAIRS = st_np.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6).flatmap(
    lambda shape: st.tuples(st_np.arrays(bool, shape), st_np.arrays(bool, shape))
)
RANKED = st.lists(st.tuples(st.booleans(), st.integers(-2, 3).map(lambda step: step / 4)), max_size=30)


def pixels_of(mask_HW):
    return {(y, x) for y, row in enumerate(mask_HW.tolist()) for x, is_on in enumerate(row) if is_on}


@given(PAIRS)
def test_iou_is_that_of_the_sets_of_pixels(pair):
    first, second = map(pixels_of, pair)
    expected = len(first & second) / len(first | second) if first | second else 1.0
    assert iou(*pair) == pytest.approx(expected)
    assert iou(*pair) == iou(*pair[::-1])


def wins(ranked):
    """Count by hand, pair by pair."""
    good = [score for is_good, score in ranked if is_good]
    bad = [score for is_good, score in ranked if not is_good]
    if not good or not bad:
        return None
    return sum((one > other) + 0.5 * (one == other) for one in good for other in bad) / (len(good) * len(bad))


@given(RANKED)
def test_area_under_roc_is_the_share_of_pairs_in_order(ranked):
    expected = wins(ranked)
    found = area_under_roc([is_good for is_good, _ in ranked], [score for _, score in ranked])
    assert found is None if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("is_good", "score", "expected"),
    [
        ([True, False], [0.9, 0.1], 1.0),
        ([True, False], [0.1, 0.9], 0.0),
        ([True, False, True, False], [0.5, 0.5, 0.5, 0.5], 0.5),
        ([True, True, False, False], [0.8, 0.3, 0.5, 0.1], 0.75),
        ([True, True, False], [0.8, 0.5, 0.5], 0.75),
        ([True, True], [0.1, 0.2], None),
        ([], [], None),
    ],
)
def test_area_under_roc_by_hand(is_good, score, expected):
    assert area_under_roc(is_good, score) == expected


def blob_on_noise():
    rng = np.random.default_rng(0)
    image = rng.integers(190, 256, (70, 90, 3), dtype=np.uint8)
    cv2.ellipse(image, (45, 35), (18, 10), 20, 0, 360, (90, 40, 30), -1)
    return image


def blob_on_stripes(seed):
    """Unclear enough for margin, sweeps and start of GrabCut to show in what it finds."""
    rng = np.random.default_rng(seed)
    image = rng.integers(190, 256, (70, 90, 3), dtype=np.uint8)
    image[:, ::9] -= 90
    image[::7] -= 60
    cv2.ellipse(image, (45, 35), (18, 10), 20, 0, 360, (150, 120, 110), -1)
    return cv2.GaussianBlur(cv2.add(image, rng.integers(0, 40, image.shape, dtype=np.uint8)), (0, 0), 1)


@pytest.mark.parametrize("image", [blob_on_noise(), blob_on_stripes(0), blob_on_stripes(1)])
def test_grabcut_is_opencvs_on_the_box_with_30_percent_around_it(image):
    # 0.3 of 40 x 24 pixels are 12 and 7.2, and pixels that the margin touches count on its near side.
    part = image[15:54, 13:77].copy()
    label_HW = np.zeros(part.shape[:2], np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(part, label_HW, (12, 8, 40, 24), *models, 5, cv2.GC_INIT_WITH_RECT)
    expected_HW = np.zeros(image.shape[:2], bool)
    expected_HW[15:54, 13:77] = (label_HW & 1) > 0  # GC_FGD and GC_PR_FGD are the odd ones
    found_HW = grabcut_in_box(image, (25.0, 23.0, 40.0, 24.0))
    np.testing.assert_array_equal(found_HW, expected_HW)
    truth_HW = cv2.ellipse(np.zeros((70, 90), np.uint8), (45, 35), (18, 10), 20, 0, 360, 1, -1) > 0
    assert iou(found_HW, truth_HW) > 0.9


def test_grabcut_leaves_the_picture_as_it_is_and_repeats_itself():
    image = blob_on_noise()
    before = image.copy()
    first_HW = grabcut_in_box(image, (25.0, 23.0, 40.0, 24.0))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(first_HW, grabcut_in_box(image, (25.0, 23.0, 40.0, 24.0)))


def test_a_box_that_fills_the_picture_is_all_item():
    assert grabcut_in_box(blob_on_noise(), (0.0, 0.0, 90.0, 70.0)).all()


def test_a_box_at_the_picture_s_corner_keeps_within_it():
    image = blob_on_noise()
    cv2.circle(image, (8, 8), 7, (90, 40, 30), -1)
    found_HW = grabcut_in_box(image, (0.0, 0.0, 18.0, 18.0))
    assert found_HW.shape == (70, 90)
    assert not found_HW[18:].any()
    assert not found_HW[:, 18:].any()
    assert iou(found_HW[:18, :18], (image < 150).all(axis=2)[:18, :18]) > 0.9
