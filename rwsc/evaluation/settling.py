"""Compare on phantoms what the graph cut may settle of an outline, and fit the confidence in what it makes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from rwsc.evaluation.extraction import GOOD_IOU
from rwsc.evaluation.extraction_phantoms import BoxedPhantom, draw_boxed
from rwsc.evaluation.masks import area_under_roc, iou
from rwsc.items.in_box import SeesBoxes, Settling, settle
from rwsc.items.outliner_view import Outline

_RIDGE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a settling made of one phantom."""

    iou: float
    expected_iou: float
    softness: float
    agreement: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Confidence:
    """A logistic function of what an outline says of itself."""

    expected_iou: float
    softness: float
    agreement: float
    constant: float
    auc: float | None
    """Probability that it ranks a good mask of those it was fitted on above another."""


def try_settlings(
    count: int, seed: int, outliner: SeesBoxes, settlings: Sequence[Settling]
) -> list[list[Outcome]]:
    """Outline the items of phantoms, and settle each outline in every way.

    Args:
        count: Phantoms.
        seed: Decides them; phantom n does not depend on `count`.
        outliner: What marks items in boxes.
        settlings: The ways.

    Returns:
        The outcomes, phantom by phantom, for each way in its order.
    """
    outcomes: list[list[Outcome]] = [[] for _ in settlings]
    for number in range(count):
        phantom = draw_boxed(np.random.default_rng([seed, number]))
        seen = outliner.outline(phantom.attenuation_HWC, phantom.bbox_xywh)
        for settling, made in zip(settlings, outcomes, strict=True):
            made.append(_outcome(phantom, seen, settling))
    return outcomes


def fit_confidence(outcomes: Sequence[Outcome]) -> Confidence:
    """Fit the probability that a mask is good, which is to overlap the truth by `GOOD_IOU`, by maximum likelihood.

    Args:
        outcomes: Of one settling, good ones and others.

    Returns:
        The function; its evidence is the weighted sum of its terms and the constant, in natural logarithms of odds.
    """
    seen_NT = np.array([[made.expected_iou, made.softness, made.agreement, 1.0] for made in outcomes])
    good_N = np.array([made.iou >= GOOD_IOU for made in outcomes])

    def cost(weight_T: np.ndarray) -> tuple[float, np.ndarray]:
        evidence_N = seen_NT @ weight_T
        loss = np.logaddexp(0, evidence_N) - good_N * evidence_N
        # The least pull to 0 keeps the weights finite where a straight line parts good from bad.
        gradient_T = seen_NT.T @ (expit(evidence_N) - good_N) + 2 * _RIDGE * weight_T
        return float(loss.sum() + _RIDGE * (weight_T**2).sum()), gradient_T

    weights = minimize(cost, np.zeros(4), jac=True, method="BFGS").x
    return Confidence(
        expected_iou=float(weights[0]),
        softness=float(weights[1]),
        agreement=float(weights[2]),
        constant=float(weights[3]),
        auc=area_under_roc(good_N.tolist(), (seen_NT @ weights).tolist()),
    )


def _outcome(phantom: BoxedPhantom, seen: Outline, settling: Settling) -> Outcome:
    found = settle(phantom.attenuation_HWC, seen, settling)
    return Outcome(
        iou=iou(found.mask_HW, phantom.true_HW),
        expected_iou=seen.expected_iou,
        softness=seen.softness,
        agreement=found.agreement,
    )
