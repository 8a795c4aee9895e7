"""What became of a corpus, in numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusTotals:
    """What became of a corpus."""

    planned: int
    made: int
    rejected: int
    failed: int
    objects: int
    """Labelled objects of made images, also those that were in the bags."""

    distractors: int
    roles: dict[str, dict[str, int]]
    """Images by role (positive, empty, negative) and status; roles that were not planned are left out."""

    occlusion: dict[str, dict[str, int]]
    """Inserted items by occlusion level: how many have it, for how many it was wanted, and for
    how many of these it was met."""

    reasons: dict[str, int]
    """Images that were not made by reason, the commonest first; numbers are left out of reasons."""


class Tally:
    """Counts manifest rows while somebody else reads them."""

    def __init__(self) -> None:
        self._fates: Counter[tuple[str, str]] = Counter()
        self._reasons: Counter[str] = Counter()
        self._occlusion: Counter[tuple[int, str]] = Counter()
        self._objects = self._distractors = 0

    def of(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Hand rows on and count them."""
        for row in rows:
            self.add(row)
            yield row

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        self._fates[row["role"], row["status"]] += 1
        if row["reason"]:
            self._reasons[without_numbers(row["reason"])] += 1
        if row["status"] == "made":
            self._count_things(row)

    def totals(self) -> CorpusTotals:
        """Sum up the rows that were handed on so far."""
        roles: dict[str, dict[str, int]] = {}
        for (role, status), number in sorted(self._fates.items()):
            roles.setdefault(role, {"made": 0, "rejected": 0, "failed": 0})[status] = number
        by_status: Counter[str] = Counter()
        for (_, status), number in self._fates.items():
            by_status[status] += number
        return CorpusTotals(
            planned=self._fates.total(),
            made=by_status["made"],
            rejected=by_status["rejected"],
            failed=by_status["failed"],
            objects=self._objects,
            distractors=self._distractors,
            roles=roles,
            occlusion={
                str(level): {name: self._occlusion[level, name] for name in ("items", "wanted", "met")}
                for level in sorted({level for level, _ in self._occlusion})
            },
            reasons=dict(self._reasons.most_common()),
        )

    def _count_things(self, row: Mapping[str, Any]) -> None:
        self._objects += len(row["objects"]) + len(row["bag_objects"] or [])
        self._distractors += len(row["distractors"])
        for thing in row["objects"]:
            level, wanted = thing["occlusion_level"], thing["occlusion_wanted"]
            self._occlusion[level, "items"] += 1
            if wanted is not None:
                self._occlusion[wanted, "wanted"] += 1
                self._occlusion[wanted, "met"] += level == wanted


def without_numbers(reason: str) -> str:
    """Put N for every number of a reason, so that equal faults count as one."""
    return re.sub(r"\d+(\.\d+)?", "N", reason)
