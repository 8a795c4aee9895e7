"""Who is ahead of whom in a metric: seed by seed, on the pairs that both were measured on."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rwsc.evaluation.metric_totals import MetricTotal, total_of

Verdict = Literal["better", "worse", "equal", "undecided"]
"""Undecided: nothing can be compared, or means and infinite scores speak against each other."""

Scores: TypeAlias = Mapping[int | None, Sequence[Mapping[str, float]]]
"""Scores of each pair, in the order of the pairs, by seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """An arm that is to do better against another one in one metric, seed by seed."""

    first: str
    other: str
    metric: str
    difference: float
    """Mean of the first less mean of the other, over the seeds compared and the pairs that are finite in both.
    Infinite where infinite scores are all that tells them apart; NaN where nothing can be compared."""

    verdict: Verdict
    """How the first does in the mean."""

    is_better: bool
    """Whether that is better."""

    ahead: int
    """Seeds in which the first is better."""

    behind: int
    """Seeds in which it is worse."""

    seeds: int
    """Seeds compared: those in which both have a score of one pair at least."""

    infinitely_better: int
    """Scores, of all seeds, that are infinitely good for the first alone."""

    infinitely_worse: int
    """Scores, of all seeds, that are infinitely good for the other alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seed:
    """What one seed says."""

    first: MetricTotal
    other: MetricTotal
    better: int
    worse: int

    @property
    def infinite(self) -> int:
        """What infinite scores say: above 0 for the first, below for the other."""
        return self.better - self.worse


def claim_of(
    first: Scores, other: Scores, *, metric: str, is_high_better: bool, titles: tuple[str, str]
) -> Claim | None:
    """Compare two arms in one metric.

    Where no seed has scores of both, nothing is claimed: the claim has no seeds. A pair that is undefined in
    either counts in neither.

    Args:
        first: Scores of the arm that is to be ahead.
        other: Scores of the other.
        metric: Name of the score.
        is_high_better: Whether more is better, or less.
        titles: What tables call the two.

    Returns:
        The claim; None while one of the two has not been measured at all.
    """
    if not first or not other:
        return None
    sign = 1 if is_high_better else -1
    found = [_seed(rows, other[seed], metric, sign) for seed, rows in first.items() if seed in other]
    seeds = [seed for seed in found if seed is not None]
    verdicts = [_verdict(sign * _difference([seed], seed.infinite * sign), seed.infinite) for seed in seeds]
    infinite = sum(seed.infinite for seed in seeds)
    difference = _difference(seeds, infinite * sign) if seeds else math.nan
    verdict = _verdict(sign * difference, infinite)
    return Claim(
        first=titles[0],
        other=titles[1],
        metric=metric,
        difference=difference,
        verdict=verdict,
        is_better=verdict == "better",
        ahead=verdicts.count("better"),
        behind=verdicts.count("worse"),
        seeds=len(seeds),
        infinitely_better=sum(seed.better for seed in seeds),
        infinitely_worse=sum(seed.worse for seed in seeds),
    )


def _seed(
    first: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]], metric: str, sign: int
) -> _Seed | None:
    """Compare the pairs of one seed; None where no pair has a score of both."""
    ours, theirs = MetricTotal(), MetricTotal()
    better = worse = compared = 0
    for mine, its in zip(first, other, strict=True):
        a, b = mine.get(metric, math.nan), its.get(metric, math.nan)
        if math.isnan(a) or math.isnan(b):
            continue
        compared += 1
        if math.isfinite(a) and math.isfinite(b):
            ours, theirs = ours + total_of(a), theirs + total_of(b)
        elif a != b:
            better, worse = (better + 1, worse) if sign * a > sign * b else (better, worse + 1)
    return _Seed(first=ours, other=theirs, better=better, worse=worse) if compared else None


def _difference(seeds: Sequence[_Seed], infinite: int) -> float:
    finite = [seed for seed in seeds if seed.first.finite]
    if not finite:
        return math.copysign(math.inf, infinite) if infinite else 0.0
    return statistics.fmean(seed.first.mean() for seed in finite) - statistics.fmean(
        seed.other.mean() for seed in finite
    )


def _verdict(gap: float, infinite: int) -> Verdict:
    """Judge a gap, above 0 where the first is better, and what infinite scores add to it."""
    if math.isnan(gap) or gap * infinite < 0:
        return "undecided"
    if gap == 0 and infinite == 0:
        return "equal"
    return "better" if gap > 0 or infinite > 0 else "worse"
