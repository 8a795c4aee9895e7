import math

import pytest

from rwsc.evaluation.study_claims import claim_of


def compare(first, other, *, is_high_better=True):
    """Compare scores given as lists of values by seed."""
    rows = [
        {seed: [{"x": value} for value in values] for seed, values in arm.items()} for arm in (first, other)
    ]
    return claim_of(*rows, metric="x", is_high_better=is_high_better, titles=("on", "off"))


def figures(claim):
    return claim.difference, claim.verdict, claim.ahead, claim.behind, claim.seeds


def test_the_difference_is_of_means_over_seeds_and_seeds_are_counted():
    claim = compare({0: [1.0, 3.0], 1: [5.0]}, {1: [6.0], 0: [0.5, 1.5]})
    assert figures(claim) == (0.0, "equal", 1, 1, 2)
    claim = compare({0: [1.0, 3.0], 1: [5.0]}, {1: [4.0], 0: [0.5, 1.5]})
    assert figures(claim) == (1.0, "better", 2, 0, 2)
    assert claim.is_better
    claim = compare({0: [1.0], 1: [5.0]}, {0: [0.5], 1: [4.0]}, is_high_better=False)
    assert figures(claim) == (0.75, "worse", 0, 2, 2)
    assert not claim.is_better


def test_seeds_that_one_arm_lacks_count_in_neither_difference_nor_verdict():
    claim = compare({0: [1.0], 1: [1.0], 2: [4.0]}, {0: [1.5], 1: [1.5]}, is_high_better=False)
    assert figures(claim) == (-0.5, "better", 2, 0, 2)


@pytest.mark.parametrize(
    ("first", "other"), [({0: [1.0]}, {1: [2.0]}), ({0: [math.nan]}, {0: [2.0]}), ({0: []}, {0: []})]
)
def test_without_a_common_seed_there_are_no_seeds_and_no_verdict(first, other):
    claim = compare(first, other)
    assert math.isnan(claim.difference)
    assert figures(claim)[1:] == ("undecided", 0, 0, 0)
    assert not claim.is_better


def test_an_arm_that_is_not_measured_yet_makes_no_claim():
    assert compare({}, {0: [1.0]}) is None
    assert compare({0: [1.0]}, {}) is None


def test_a_seed_without_any_score_is_not_compared_and_not_lost():
    claim = compare({0: [1.0], 1: [1.0]}, {0: [2.0], 1: [math.nan]}, is_high_better=False)
    assert figures(claim) == (-1.0, "better", 1, 0, 1)


def test_a_pair_that_is_undefined_in_one_arm_counts_in_neither():
    claim = compare({0: [1.0, 100.0, 3.0]}, {0: [2.0, math.nan, 3.0]})
    assert figures(claim) == (-0.5, "worse", 0, 1, 1)


def test_infinite_scores_speak_for_the_arm_that_has_them():
    claim = compare({0: [math.inf, math.inf, 50.0]}, {0: [70.0, 70.0, 49.0]})
    assert figures(claim) == (1.0, "better", 1, 0, 1)
    assert (claim.infinitely_better, claim.infinitely_worse) == (2, 0)
    claim = compare({0: [70.0]}, {0: [math.inf]})
    assert figures(claim) == (-math.inf, "worse", 0, 1, 1)
    assert (claim.infinitely_better, claim.infinitely_worse) == (0, 1)
    claim = compare({0: [math.inf, 60.0], 1: [math.inf, 60.0]}, {0: [50.0, math.inf], 1: [50.0, 50.0]})
    assert (claim.infinitely_better, claim.infinitely_worse) == (2, 1)


def test_pairs_that_are_infinite_in_both_tell_nothing():
    claim = compare({0: [math.inf, 40.0]}, {0: [math.inf, 30.0]})
    assert figures(claim) == (10.0, "better", 1, 0, 1)
    assert (claim.infinitely_better, claim.infinitely_worse) == (0, 0)
    assert figures(compare({0: [math.inf]}, {0: [math.inf]})) == (0.0, "equal", 0, 0, 1)


def test_where_means_and_infinite_scores_disagree_nobody_is_ahead():
    claim = compare({0: [math.inf, 40.0, 40.0]}, {0: [90.0, 60.0, 60.0]})
    assert figures(claim) == (-20.0, "undecided", 0, 0, 1)
    assert (claim.infinitely_better, claim.infinitely_worse) == (1, 0)
