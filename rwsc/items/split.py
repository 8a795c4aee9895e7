"""Assign whole physical items to train, val and test, and prove that nothing is on both sides."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from rwsc.errors import ConfigError, ObjectExists, SourceError
from rwsc.items.bank import bank_uri, iter_bank
from rwsc.items.likeness import Signature, closest_apart, find_alike, join_linked, signature_of
from rwsc.items.pixels import decode_alpha, decode_transmission, pixels_of
from rwsc.items.schema import ITEMS_KIND, ITEMS_SCHEMA, ITEMS_VERSION
from rwsc.seeds import derive_seed
from rwsc.sources.row_file import refuse_existing
from rwsc.storage.parquet import write_tables

SPLITS = ("train", "val", "test")

By = Literal["physical", "group"]
"""What stays together: physical items and scans; or, beyond these, what the source photographed together."""

_FACTS = [
    "item_id", "physical_item_id", "identity_stated", "label", "dataset", "split", "group", "source_scan_id", "status",
]  # fmt: skip
_MAX_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitItem:
    """What a split must know of a usable item."""

    item_id: str
    physical_item_id: str
    label: str
    source_scan_id: str
    dataset: str | None = None
    group: str | None = None
    split: str | None = None
    identity_stated: bool = False

    @property
    def group_name(self) -> str | None:
        """Dataset and group as one name; None where the source names no group."""
        return None if self.group is None else f"{self.dataset or ''}\x1f{self.group}"


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
    def is_proven(self) -> bool:
        """Whether nothing lies in two splits."""
        return not self.num_leaks

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values, ready for JSON."""
        return {
            "by": self.by,
            "num_items": {label: dict(counts) for label, counts in self.num_items.items()},
            "num_physical": {label: dict(counts) for label, counts in self.num_physical.items()},
            "is_proven": self.is_proven,
            "num_leaks": dict(self.num_leaks),
            "leaks": self.leaks,
            "num_groups_shared": self.num_groups_shared,
            "num_stated_apart": self.num_stated_apart,
            "closest": [
                {"label": pair.label, "item_ids": list(pair.item_ids), "distance": round(pair.distance, 4)}
                for pair in self.closest
            ],
        }


def split_bank(
    items_uri: str,
    output_uri: str,
    *,
    shares: Mapping[str, float],
    by: By = "physical",
    keep: bool = False,
    seed: int = 0,
    overwrite: bool = False,
) -> SplitReport:
    """Write a bank anew with a split for every usable item, and prove from what was written that nothing leaks.

    Args:
        items_uri: The bank.
        output_uri: Bank to write; may be the same, and appears whole or not at all.
        shares: Share of each of `SPLITS`; they are brought to a sum of 1.
        by: What stays together.
        keep: Keep the splits that the rows bear; only things without one are assigned.
        seed: Chooses among equally good assignments.
        overwrite: Replace a bank that is there.

    Returns:
        What the written bank holds.

    Raises:
        ConfigError: The shares make no sense.
        ObjectExists: There is a bank, or the bank itself would be replaced, and `overwrite` is not set.
        ObjectMissing: There is nothing at `items_uri`.
        SourceError: `items_uri` is no item bank or holds no usable item.
    """
    source, target = bank_uri(items_uri), bank_uri(output_uri)
    checked = check_shares(shares)
    if not overwrite and target != source:
        refuse_existing(target)
    items = list(_usable(source))
    if not items:
        raise SourceError(
            f"{source} holds no usable item", remedy="rwsc items show tells why items were rejected"
        )
    # Told last: consent to replace a bank is no help where there is none to split.
    if not overwrite and target == source:
        raise ObjectExists(
            f"{source} would be replaced", remedy="name another bank with -o, or add --overwrite"
        )
    splits = assign_splits(items, shares=checked, by=by, keep=keep, seed=seed)
    tables = (_with_splits(table, splits) for table in iter_bank(source))
    write_tables(target, tables, schema=ITEMS_SCHEMA, kind=ITEMS_KIND, version=ITEMS_VERSION)
    return check_split(target, by=by)


def check_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Bring shares to a sum of 1.

    Args:
        shares: Share of each of `SPLITS`, 0 or more; those not named are 0.

    Returns:
        A share for every split.

    Raises:
        ConfigError: One is negative, no number or infinite, or all are 0.
    """
    for name, share in shares.items():
        if name not in SPLITS or not 0 <= share < float("inf"):
            raise ConfigError(
                f"a share of {share} for the split {name!r} makes no sense", remedy="give 0 to 1"
            )
    total = sum(shares.values())
    if not total:
        raise ConfigError(
            "the shares of all splits are 0", remedy="give for example --train 0.7 --val 0.15 --test 0.15"
        )
    return {name: shares.get(name, 0.0) / total for name in SPLITS}


def assign_splits(
    items: Sequence[SplitItem], *, shares: Mapping[str, float], by: By, keep: bool = False, seed: int = 0
) -> dict[str, str]:
    """Choose a split for every item such that what belongs together stays together.

    What belongs together goes whole, the largest first, to the split where the squared differences between wanted and
    reached shares of its classes grow least. With one class no split ends further above its share than the largest
    of them is.

    Args:
        items: Usable items, in any order.
        shares: Shares of the splits, of sum 1.
        by: What stays together.
        keep: Whether splits that items bear stay. Where what belongs together bears several, all of it goes
            to the one most of it bears; of equals to the later of train, val, test.
        seed: Orders what is equally large.

    Returns:
        A split by item id.
    """
    ordered = sorted(items, key=lambda item: item.item_id)
    totals = Counter(item.label for item in ordered)
    reached: dict[str, Counter[str]] = {name: Counter() for name in SPLITS}
    splits: dict[str, str] = {}
    free: list[list[SplitItem]] = []
    for unit in _units(ordered, by):
        borne = Counter(item.split for item in unit if item.split in SPLITS) if keep else Counter()
        if borne:
            name = max(SPLITS, key=lambda name: (borne[name], SPLITS.index(name)))
            reached[name].update(item.label for item in unit)
            splits.update((item.item_id, name) for item in unit)
        else:
            free.append(unit)
    free.sort(key=lambda unit: (-len(unit), derive_seed(seed, "split", unit[0].item_id)))
    for unit in free:
        counts = Counter(item.label for item in unit)
        name = min(
            (name for name in SPLITS if shares[name] > 0),
            key=lambda name: sum(
                _growth(label, counts, reached[name], shares[name], totals) for label in counts
            ),
        )
        reached[name].update(counts)
        splits.update((item.item_id, name) for item in unit)
    return splits


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
    for item, signature in _described(uri):
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


def _growth(
    label: str, counts: Counter[str], reached: Counter[str], share: float, totals: Counter[str]
) -> float:
    """Say by how much the squared difference of a class grows, in shares of the class."""
    missing = share * totals[label] - reached[label]
    return counts[label] * (counts[label] - 2 * missing) / totals[label] ** 2


def _units(ordered: list[SplitItem], by: By) -> list[list[SplitItem]]:
    firsts: dict[tuple[str, str], int] = {}
    links = []
    for number, item in enumerate(ordered):
        names = [("thing", item.physical_item_id), ("scan", item.source_scan_id)]
        if by == "group" and item.group_name is not None:
            names.append(("group", item.group_name))
        links += [(firsts.setdefault(name, number), number) for name in names]
    units: dict[int, list[SplitItem]] = defaultdict(list)
    for item, first in zip(ordered, join_linked(len(ordered), links), strict=True):
        units[first].append(item)
    return list(units.values())


def _usable(uri: str) -> Iterator[SplitItem]:
    for table in iter_bank(uri, _FACTS):
        yield from (_item(row) for row in table.to_pylist() if row["status"] == "ok")


def _item(row: Mapping[str, Any]) -> SplitItem:
    facts = {name: row[name] for name in _FACTS if name != "status"}
    return SplitItem(**{**facts, "identity_stated": bool(facts["identity_stated"])})


def _described(uri: str) -> Iterator[tuple[SplitItem, Signature | None]]:
    for table in iter_bank(uri, [*_FACTS, "transmission_png", "alpha_png"]):
        for row in table.to_pylist():
            if row["status"] == "ok":
                with pixels_of(row["item_id"]):
                    pixels = decode_transmission(row["transmission_png"]), decode_alpha(row["alpha_png"])
                yield _item(row), signature_of(*pixels)


def _with_splits(table: pa.Table, splits: Mapping[str, str]) -> pa.Table:
    # A rejected row may bear the id of a usable one that is annotated twice; it belongs to no split.
    rows = zip(table["item_id"].to_pylist(), table["status"].to_pylist(), strict=True)
    column = pa.array([splits[item_id] if status == "ok" else None for item_id, status in rows], pa.string())
    return table.set_column(table.schema.get_field_index("split"), ITEMS_SCHEMA.field("split"), column)


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
