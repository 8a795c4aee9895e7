"""Prove that nothing of a bank lies in two of its splits, or find what does."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rwsc.items.assign import By
from rwsc.items.bank import bank_uri
from rwsc.items.likeness import Signature, closest_apart, find_alike
from rwsc.items.split_item import SplitItem, described_items

_MAX_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosestPair:
    """The two most alike items of a class that lie in different splits."""

    label: str
    item_ids: tuple[str, str]
    distance: float
    """0 for equal pictures; 1 less `rwsc.items.likeness`."""


@dataclass(kw_only=True)
class SplitReport:
    """What a bank's splits hold, and whether anything lies in two of them."""

    by: By
    num_items: dict[str, Counter[str]] = field(default_factory=dict)
    """Usable items per split for each class; those of no split under the empty name."""

    num_physical: dict[str, Counter[str]] = field(default_factory=dict)
    """Physical items per split for each class."""

    leaks: dict[str, list[str]] = field(default_factory=dict)
    """What lies in two splits: the first few of each kind, by kind."""

    num_leaks: Counter[str] = field(default_factory=Counter)
    """How many there are of each kind."""

    num_groups_shared: int = 0
    """Groups of the source in two splits; a leak only where groups are to stay together."""

    num_stated_apart: int = 0
    """Pairs across splits that look alike, but of which the source states that they are two things."""

    closest: list[ClosestPair] = field(default_factory=list)
    """Per class, the closest pair across splits among those that could be one thing."""

    @property
    def num_in_splits(self) -> int:
        """Usable items that bear a split."""
        return sum(counts.total() - counts[""] for counts in self.num_items.values())

    @property
    def num_without_split(self) -> int:
        """Usable items that bear none, and of which nothing is proven."""
        return sum(counts[""] for counts in self.num_items.values())

    @property
    def is_proven(self) -> bool:
        """Whether there are items in splits, and nothing lies in two of these."""
        return self.num_in_splits > 0 and not self.num_leaks

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values, ready for JSON."""
        return {
            "by": self.by,
            "num_items": {label: dict(counts) for label, counts in self.num_items.items()},
            "num_physical": {label: dict(counts) for label, counts in self.num_physical.items()},
            "is_proven": self.is_proven,
            "num_without_split": self.num_without_split,
            "num_leaks": dict(self.num_leaks),
            "leaks": self.leaks,
            "num_groups_shared": self.num_groups_shared,
            "num_stated_apart": self.num_stated_apart,
            "closest": [
                {"label": pair.label, "item_ids": list(pair.item_ids), "distance": round(pair.distance, 4)}
                for pair in self.closest
            ],
        }


def check_split(items_uri: str, *, by: By = "physical") -> SplitReport:
    """Read a bank and look for anything that lies in two of its splits.

    Physical items, scans and groups are compared by name; pictures are compared with one another as
    `rwsc.items.likeness` does, from the pixels in the file, not from the ids.

    Args:
        items_uri: The bank.
        by: What is meant to stay together.

    Returns:
        The findings.

    Raises:
        SourceError: It is no item bank.
    """
    uri = bank_uri(items_uri)
    report = SplitReport(by=by)
    items, signatures = list[SplitItem](), list[Signature | None]()
    for item, signature in described_items(uri):
        items.append(item)
        signatures.append(signature)
    _count(items, report)
    _find(report, "physical item", _shared((item.physical_item_id, item.split) for item in items))
    _find(report, "source scan", _shared((item.source_scan_id, item.split) for item in items))
    groups = _shared((item.group_name, item.split) for item in items)
    report.num_groups_shared = len(groups)
    if by == "group":
        _find(report, "group", [name.replace("\x1f", "/") for name in groups])
    for label in sorted(report.num_items):
        numbers = [number for number, item in enumerate(items) if item.label == label and item.split]
        seen = [
            (items[number], signature) for number in numbers if (signature := signatures[number]) is not None
        ]
        _compare(report, label, [item for item, _ in seen], [signature for _, signature in seen])
    return report


def _count(items: list[SplitItem], report: SplitReport) -> None:
    things: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for item in items:
        report.num_items.setdefault(item.label, Counter())[item.split or ""] += 1
        things[item.label][item.split or ""].add(item.physical_item_id)
    for label, by_split in things.items():
        report.num_physical[label] = Counter({name: len(ids) for name, ids in by_split.items()})


def _shared(named: Iterator[tuple[str | None, str | None]]) -> list[str]:
    """Give the names that lie in two splits or more; items of no split lie in none."""
    splits: dict[str, set[str]] = defaultdict(set)
    for name, split in named:
        if name is not None and split:
            splits[name].add(split)
    return sorted(name for name, found in splits.items() if len(found) > 1)


def _find(report: SplitReport, kind: str, found: Sequence[str]) -> None:
    if found:
        report.num_leaks[kind] += len(found)
        examples = report.leaks.setdefault(kind, [])
        examples += found[: _MAX_EXAMPLES - len(examples)]


def _compare(report: SplitReport, label: str, items: list[SplitItem], signatures: list[Signature]) -> None:
    alike = []
    for pair in find_alike(signatures):
        first, second = items[pair.first], items[pair.second]
        if first.split == second.split:
            continue
        if first.identity_stated and second.identity_stated:
            report.num_stated_apart += 1
        else:
            alike.append(f"{first.item_id} and {second.item_id}, distance {1 - pair.likeness:.2f}")
    _find(report, "near-duplicate", alike)
    splits = [str(item.split) for item in items]
    closest = closest_apart(signatures, splits, [item.identity_stated for item in items])
    if closest is not None:
        ids = (items[closest.first].item_id, items[closest.second].item_id)
        report.closest.append(ClosestPair(label=label, item_ids=ids, distance=1 - closest.likeness))
