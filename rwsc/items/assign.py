"""Assign whole physical items to train, val and test."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from rwsc.errors import ConfigError
from rwsc.items.likeness import join_linked
from rwsc.items.split_item import SplitItem
from rwsc.seeds import derive_seed

SPLITS = ("train", "val", "test")

By = Literal["physical", "group"]
"""What stays together: physical items and scans; or, beyond these, what the source photographed together."""


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
        name = _where_least_grows(counts, reached, shares, totals)
        reached[name].update(counts)
        splits.update((item.item_id, name) for item in unit)
    return splits


def _where_least_grows(
    counts: Counter[str],
    reached: Mapping[str, Counter[str]],
    shares: Mapping[str, float],
    totals: Counter[str],
) -> str:
    """Choose the split whose squared differences, in shares of each class, grow least by so many items."""

    def growth(name: str) -> float:
        missing = {label: shares[name] * totals[label] - reached[name][label] for label in counts}
        return sum(
            number * (number - 2 * missing[label]) / totals[label] ** 2 for label, number in counts.items()
        )

    return min((name for name in SPLITS if shares[name] > 0), key=growth)


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
