"""Both views of a bag side by side, and items that were cut out of both views of theirs.

A scanner of two views gives two scans of a bag, which share dataset, scanner and group and differ in the name of their
view. A thing is known in both where its bag shows exactly one usable item of its class in each.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from rwsc.errors import SourceError
from rwsc.items.bank import Item

_TOGETHER = ("dataset", "scanner_id", "group")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ItemPair:
    """One thing as both views show it."""

    views: tuple[Item, Item]
    """In the order of the views' names."""

    @property
    def label(self) -> str:
        """Its class."""
        return self.views[0].label

    @property
    def scanner_id(self) -> str | None:
        """The scanner that saw it."""
        return self.views[0].scanner_id

    @property
    def dataset(self) -> str | None:
        """The dataset it comes from."""
        return self.views[0].dataset

    @property
    def num_channels(self) -> int:
        """2 where both cut-outs have two energies, else 3."""
        return max(item.num_channels for item in self.views)


def item_pairs(items: Iterable[Item], views: Collection[str]) -> list[ItemPair]:
    """Find the things of which both views are known.

    Args:
        items: A bank.
        views: Names of the two views.

    Returns:
        The pairs, in the order of their first items. Where a bag shows several of a class in a view, none of them is
        among these: which is which is not known.

    Raises:
        SourceError: There is none.
    """
    shown: dict[tuple[str | None, ...], dict[str, list[Item]]] = {}
    for item in items:
        if item.group is not None and item.view is not None and item.view in views:
            key = (*(getattr(item, name) for name in _TOGETHER), item.label)
            shown.setdefault(key, {}).setdefault(item.view, []).append(item)
    names = sorted(views)
    pairs = [
        ItemPair(views=(by_view[names[0]][0], by_view[names[1]][0]))
        for by_view in shown.values()
        if [len(by_view.get(name, ())) for name in names] == [1, 1]
    ]
    if not pairs:
        raise SourceError(
            f"the bank holds no item that was cut out of both views, {' and '.join(names)}, of a bag",
            remedy="rwsc items build keeps the views that the catalogue states; leave paired_views empty without them",
        )
    return sorted(pairs, key=lambda pair: pair.views[0].item_id)


def drawn_from(items: Sequence[Item], views: Collection[str]) -> Sequence[Item] | Sequence[ItemPair]:
    """Give what is drawn from a bank for a corpus of such views: its items, or, of two views, its pairs."""
    return item_pairs(items, views) if views else items


def paired_bags(bags: pa.Table, views: Collection[str]) -> pa.Table:
    """Keep the bags of which both views are there, the scans of a bag side by side.

    Args:
        bags: Rows of `rwsc.corpus.usable_bags.usable_bags`.
        views: Names of the two views.

    Returns:
        Rows, in the order of the first views' scan ids; of each bag the view whose name sorts first goes first.

    Raises:
        SourceError: There is no such bag.
    """
    names = sorted(views)
    shown: dict[tuple[str | None, ...], dict[str, list[int]]] = {}
    for row, scan in enumerate(bags.select([*_TOGETHER, "view"]).to_pylist()):
        if scan["group"] and scan["view"] in names:
            shown.setdefault(tuple(scan[name] for name in _TOGETHER), {}).setdefault(scan["view"], []).append(
                row
            )
    both = [[by_view.get(name, []) for name in names] for by_view in shown.values()]
    pairs = sorted((first[0], second[0]) for first, second in both if len(first) == len(second) == 1)
    if not pairs:
        raise SourceError(
            f"of {bags.num_rows} usable scans no two show the views {' and '.join(names)} of one bag",
            remedy="a bag's scans share dataset and group and name their view in the catalogue; "
            "leave paired_views empty to take each scan by itself",
        )
    return bags.take(pa.array([row for pair in pairs for row in pair]))
