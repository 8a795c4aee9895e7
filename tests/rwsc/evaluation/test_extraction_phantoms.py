import numpy as np
import pytest

from rwsc.evaluation.extraction_phantoms import check_phantoms, transmission_error
from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Cut
from rwsc.items.outliner_on_demand import OutlinerOnDemand
from rwsc.items.outliner_view import Outline, window_around
from rwsc.physics.phantom_scenes import OTHER, Scene
from rwsc.physics.phantoms import ITEM_LABELS

SEED = 4


class FillsBoxes:
    """Takes all of a box for the item, or none of it."""

    def __init__(self, probability=1.0):
        self.probability = probability

    def outline(self, attenuation_HWC, bbox_xywh):
        x, y, w, h = bbox_xywh
        window = window_around(bbox_xywh)
        left, top = int(x) - window.left, int(y) - window.top
        probability_HW = np.zeros(window.size_wh[::-1], np.float32)
        probability_HW[top : top + int(h), left : left + int(w)] = self.probability
        return Outline(window=window, probability_HW=probability_HW, expected_iou=0.75, softness=0.05)


def checks_of(count, *, outliner, config=None, seed=SEED):
    return list(check_phantoms(count, seed, config or ItemsConfig(), outliner))


@pytest.fixture(scope="module")
def eight():
    with OutlinerOnDemand() as outliner:
        return checks_of(8, outliner=outliner)


def test_a_scene_depends_on_its_number_and_the_seed_alone(eight):
    with OutlinerOnDemand() as outliner:
        assert checks_of(3, outliner=outliner) == eight[:3]
        (other,) = checks_of(1, outliner=outliner, seed=SEED + 1)
    assert (other.density, other.error_mixed) != (eight[0].density, eight[0].error_mixed)
    assert len({check.density for check in eight}) == 8


def test_scenes_are_items_of_many_classes_in_bags(eight):
    assert {check.label for check in eight} <= {*ITEM_LABELS, OTHER}
    assert len({check.label for check in eight}) > 1
    assert any(check.density > 0.2 for check in eight)
    for check in eight:
        assert check.density >= 0
        assert 0 <= check.iou <= 1
        assert 0 <= check.confidence <= 1


def test_taking_the_bag_away_brings_the_transmission_nearer_to_the_truth(eight):
    mixed = np.array([check.error_mixed for check in eight])
    unmixed = np.array([check.error_unmixed for check in eight])
    assert unmixed.mean() < 0.6 * mixed.mean()
    assert (mixed > 0).all()
    # An item over hardly anything gains nothing, one over a dense bag most.
    dense = [check.error_mixed - check.error_unmixed for check in eight if check.density > 0.5]
    sparse = [check.error_mixed - check.error_unmixed for check in eight if check.density < 0.2]
    assert min(dense) > max([*sparse, 0.0])


def test_un_mixing_is_measured_under_the_true_mask_whatever_was_found(eight):
    nothing = checks_of(3, outliner=FillsBoxes(0.0))
    for check, same_scene in zip(nothing, eight, strict=False):
        assert (check.iou, check.confidence, check.reason) == (0.0, 0.0, "no item seen in its box")
        assert (check.error_mixed, check.error_unmixed) == (same_scene.error_mixed, same_scene.error_unmixed)


def test_what_is_found_is_held_against_the_truth_and_the_gate():
    for check in checks_of(3, outliner=FillsBoxes(), config=ItemsConfig(min_confidence=1.0)):
        assert 0 < check.iou < 1  # a box is more than the item in it
        assert 0 < check.confidence < 1
        assert check.reason not in (None, "no item seen in its box")


@pytest.mark.parametrize("bag", [0.0, 0.25, 1.5])
def test_a_bag_that_is_left_in_darkens_the_item_by_its_transmission(bag):
    """On an even bag the error is known: that of e^-(item + bag) for e^-item, and none once it is taken away."""
    bag_HWC = np.full((60, 80, 3), bag, np.float32)
    cover_HW = np.zeros((60, 80), np.float32)
    cover_HW[20:40, 25:55] = 1
    cover_HW[27:33, 35:45] = 0  # a hole, which must not count
    item_HWC = cover_HW[..., None] * np.float32([0.5, 1.0, 2.0])
    scene = Scene(bag_HWC + item_HWC, bag_HWC, cover_HW, (25, 20, 30, 20), "gun")
    mixed, unmixed = (
        transmission_error(
            scene, scene.attenuation_HWC, Cut(mask_HW=cover_HW > 0.5, method=method), ItemsConfig()
        )
        for method in ("given", "mask_unmixed")
    )
    own_C = np.exp(-np.array([0.5, 1.0, 2.0]))
    assert mixed == pytest.approx(np.mean(own_C * (1 - np.exp(-bag))), rel=1e-4, abs=1e-6)
    assert unmixed == pytest.approx(0.0, abs=1e-4)
