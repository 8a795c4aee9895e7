import math
import pickle
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.evaluation.metric_totals import MetricTotal, add_totals, total_of, totals_of

FINITE = st.floats(-1e6, 1e6)
SCORES = st.lists(st.one_of(FINITE, st.sampled_from([math.nan, math.inf, -math.inf])), max_size=12)


def total(scores):
    return totals_of({"q": score} for score in scores).get("q", MetricTotal())


@given(SCORES, st.randoms(), st.integers(1, 5))
def test_totals_are_the_same_whatever_the_order_and_the_shards(scores, random, num_shards):
    shuffled = random.sample(scores, len(scores))
    shards = [totals_of({"q": score} for score in shuffled[start::num_shards]) for start in range(num_shards)]
    random.shuffle(shards)
    assert add_totals(shards).get("q", MetricTotal()) == total(scores)


@given(SCORES)
def test_every_score_is_counted_once_and_only_finite_ones_are_averaged(scores):
    found = total(scores)
    finite = [score for score in scores if math.isfinite(score)]
    assert (found.finite, found.undefined) == (len(finite), sum(map(math.isnan, scores)))
    assert found.finite + found.undefined + found.infinite == len(scores)
    expected = float(sum(map(Fraction, finite)) / len(finite)) if finite else math.nan
    assert found.mean() == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


@given(st.lists(FINITE, min_size=2, max_size=12))
def test_the_spread_is_the_standard_deviation_of_a_sample(scores):
    assert total(scores).spread() == pytest.approx(statistics.stdev(scores), rel=1e-12, abs=1e-150)


def test_sums_do_not_lose_small_scores_beside_large_ones():
    assert total([1e16, 1.0, -1e16]).mean() == 1 / 3
    assert total([1e9 + 0.1, 1e9 + 0.2]).spread() == pytest.approx(0.1 / math.sqrt(2), rel=1e-6)


def test_too_few_scores_have_no_mean_or_spread():
    assert math.isnan(total([math.nan, math.inf]).mean())
    assert math.isnan(total([3.0]).spread())
    assert total([3.0]).mean() == 3


def test_metrics_are_kept_apart_and_may_be_missing_in_some():
    merged = add_totals(
        [totals_of([{"a": 1.0, "b": math.inf}]), {"c": total_of(2.0)}, totals_of([{"a": 3.0}])]
    )
    assert list(merged) == ["a", "b", "c"]
    assert merged["a"].mean() == 2
    assert merged["b"] == MetricTotal(infinite=1)


def test_a_total_travels_between_processes():
    found = total([0.1, 0.2, math.nan])
    assert pickle.loads(pickle.dumps(found)) == found
