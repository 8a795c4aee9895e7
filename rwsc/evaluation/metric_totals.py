"""Means of scores over many pictures that come out the same whatever the order and the shards."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricTotal:
    """Scores of some pictures in one metric, added up without rounding; totals of shards merge with ``+``."""

    finite: int = 0
    """Scores that count."""

    undefined: int = 0
    """Scores that are NaN: counted here, in no mean."""

    infinite: int = 0
    """Scores that are infinite, such as the PSNR of equal pictures: counted here, in no mean."""

    total: Fraction = Fraction()
    """Exact sum of the finite scores."""

    squares: Fraction = Fraction()
    """Exact sum of their squares."""

    def __add__(self, other: "MetricTotal") -> "MetricTotal":
        """Merge with the total of other pictures."""
        return MetricTotal(
            finite=self.finite + other.finite,
            undefined=self.undefined + other.undefined,
            infinite=self.infinite + other.infinite,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    def mean(self) -> float:
        """Give the mean of the finite scores, rounded once; NaN without any."""
        return float(self.total / self.finite) if self.finite else math.nan

    def spread(self) -> float:
        """Give the standard deviation of the finite scores (over n - 1); NaN for fewer than two."""
        if self.finite < 2:
            return math.nan
        return math.sqrt((self.squares - self.total**2 / self.finite) / (self.finite - 1))


def total_of(score: float) -> MetricTotal:
    """Give the total of a single score."""
    if math.isnan(score):
        return MetricTotal(undefined=1)
    if math.isinf(score):
        return MetricTotal(infinite=1)
    exact = Fraction(score)
    return MetricTotal(finite=1, total=exact, squares=exact**2)


def add_totals(parts: Iterable[Mapping[str, MetricTotal]]) -> dict[str, MetricTotal]:
    """Merge totals of shards, or of single pictures, metric by metric.

    Args:
        parts: Totals by the name of the metric; a metric may be missing in some.

    Returns:
        Totals over all, in the order in which metrics first appear.
    """
    merged: dict[str, MetricTotal] = {}
    for part in parts:
        for name, total in part.items():
            merged[name] = merged.get(name, MetricTotal()) + total
    return merged


def totals_of(rows: Iterable[Mapping[str, float]]) -> dict[str, MetricTotal]:
    """Add up pictures.

    Args:
        rows: Scores of one picture each, by the name of the metric.

    Returns:
        Totals by the name of the metric.
    """
    return add_totals({name: total_of(score) for name, score in row.items()} for row in rows)
