import cv2
import numpy as np
import pytest

from rwsc.placement.ground import Content
from rwsc.placement.plausibility import Plausibility
from rwsc.placement.priors import Observation, learn_priors

ITEM = np.ones((6, 24), np.float32)


def judge(attenuation_HW, priors=None):
    transmission = np.exp(-attenuation_HW).astype(np.float32)
    bag_HW = np.ones(transmission.shape, bool)
    return Plausibility(Content(np.zeros((1, 1)), np.ones(1), transmission), bag_HW, priors)


def clothes(level=0.6):
    noise = np.random.default_rng(0).normal(0, 0.05, (100, 120))
    return level + cv2.GaussianBlur(noise, (0, 0), 2)


def test_ordinary_bag_is_plausible():
    assert judge(clothes()).score(ITEM, 40, 40) > 0.8


@pytest.mark.parametrize("level", [0.0, 5.0])
def test_on_nothing_and_under_everything_are_not(level):
    assert judge(np.full((100, 120), level)).score(ITEM, 40, 40) == 0


def test_the_more_is_seen_through_it_the_better():
    scores = [judge(np.full((100, 120), level)).score(ITEM, 40, 40) for level in (1.0, 2.5, 3.0, 3.5, 4.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1
    assert scores[-1] == 0


def test_on_a_frame_is_less_plausible_than_beside_it():
    bag = clothes()
    for row in range(30, 50, 4):
        bag[row : row + 2] += 2.5
    judged = judge(bag)
    assert judged.score(ITEM, 36, 40) < 0.6 * judged.score(ITEM, 70, 40)


def test_askew_to_what_lies_around_is_odder_than_along_or_across():
    y, x = np.mgrid[:100, :120]
    along, askew = 0.6 + 0.2 * np.sin(y / 2), 0.6 + 0.2 * np.sin((x + y) / 2 / np.sqrt(2))
    assert judge(askew).score(ITEM, 40, 40) < 0.7 * judge(along).score(ITEM, 40, 40)
    across = 0.6 + 0.2 * np.sin(x / 2)
    assert judge(across).score(ITEM, 40, 40) == pytest.approx(judge(along).score(ITEM, 40, 40), abs=0.1)


def test_a_density_like_those_of_real_things_scores_better():
    seen = [
        Observation(label="gun", bbox_xywh=(0, 0, 1, 1), bag_xywh=(0, 0, 9, 9), density=density)
        for density in np.linspace(0.4, 0.8, 50)
    ]
    priors = learn_priors(seen)
    usual, rare = (judge(np.full((100, 120), d), priors).score(ITEM, 40, 40) for d in (0.6, 1.5))
    assert usual == 1
    assert rare == pytest.approx(0.1)
