import numpy as np
from scipy.special import expit

from rwsc.evaluation.extraction import GOOD_IOU
from rwsc.evaluation.extraction_phantoms import check_phantoms, draw_boxed
from rwsc.evaluation.settling import Outcome, fit_confidence, try_settlings
from rwsc.items.config import ItemsConfig
from rwsc.items.in_box import SETTLING, Settling
from rwsc.items.outliner import default_outliner
from rwsc.items.outliner_view import Outline, window_around


class Counts:
    """The outliner, and how often it was asked."""

    def __init__(self):
        self.asked = 0

    def outline(self, attenuation_HWC, bbox_xywh):
        self.asked += 1
        return default_outliner().outline(attenuation_HWC, bbox_xywh)


class Halves:
    """The left half of a window surely item, the right half surely not."""

    def outline(self, attenuation_HWC, bbox_xywh):
        window = window_around(bbox_xywh)
        probability_HW = np.zeros(window.size_wh[::-1], np.float32)
        probability_HW[:, : window.size_wh[0] // 2] = 0.9
        return Outline(window=window, probability_HW=probability_HW, expected_iou=0.75, softness=0.05)


def test_each_outline_is_made_once_and_settled_in_every_way():
    outliner = Counts()
    ways = [SETTLING, Settling(bag=0.03, likely=0.5, item=0.97)]
    shipped, wide = try_settlings(6, 4, outliner, ways)
    assert outliner.asked == 6
    checks = list(check_phantoms(6, 4, ItemsConfig(), default_outliner()))
    assert [made.iou for made in shipped] == [check.iou for check in checks]
    assert [made.expected_iou for made in shipped] == [made.expected_iou for made in wide]
    assert [made.iou for made in shipped] != [made.iou for made in wide]


def test_what_is_sure_is_not_left_to_the_cut():
    ((made,),) = try_settlings(1, 4, Halves(), [SETTLING])
    assert made.agreement == 1
    assert (made.expected_iou, made.softness) == (0.75, 0.05)
    ((doubted,),) = try_settlings(1, 4, Halves(), [Settling(bag=-1, likely=0.5, item=2)])
    assert doubted.agreement < 1


def test_a_phantom_depends_on_its_number_and_the_seed_alone():
    one, same, other = (draw_boxed(np.random.default_rng([4, number])) for number in (2, 2, 3))
    assert np.array_equal(one.attenuation_HWC, same.attenuation_HWC)
    assert one.bbox_xywh == same.bbox_xywh != other.bbox_xywh


def drawn_outcomes(count, weights, rng):
    """Outcomes whose chance to be good is the logistic function of given weights."""
    seen_NT = np.column_stack([rng.random((count, 3)), np.ones(count)])
    good_N = rng.random(count) < expit(seen_NT @ weights)
    return [
        Outcome(
            iou=GOOD_IOU if good else GOOD_IOU - 0.1, expected_iou=one[0], softness=one[1], agreement=one[2]
        )
        for one, good in zip(seen_NT.tolist(), good_N, strict=True)
    ]


def test_the_fit_finds_the_function_that_outcomes_were_drawn_from():
    weights = np.array([3.0, -6.0, 5.0, -2.0])
    fitted = fit_confidence(drawn_outcomes(20_000, weights, np.random.default_rng(0)))
    found = [fitted.expected_iou, fitted.softness, fitted.agreement, fitted.constant]
    assert np.abs(found - weights).max() < 0.3
    assert 0.8 < fitted.auc < 0.95


def test_outcomes_that_a_line_parts_give_finite_weights():
    outcomes = [
        Outcome(iou=0.9 if number > 5 else 0.1, expected_iou=number / 10, softness=0.1, agreement=0.5)
        for number in range(11)
    ]
    fitted = fit_confidence(outcomes)
    assert fitted.auc == 1
    assert np.isfinite([fitted.expected_iou, fitted.softness, fitted.agreement, fitted.constant]).all()
    assert fitted.expected_iou > 0
