"""Which scans of a catalogue can be bags, which of them show one bag, and in which split they are."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from rwsc.errors import SourceError
from rwsc.seeds import content_id

_TRAIN_SHARE = 0.7
_VAL_SHARE = 0.15

KIN_COLUMNS = ("dataset", "group", "perceptual_hash", "scan_id")
"""What `bag_kin` looks at."""


def usable_bags(catalogue: pa.Table, kinds: Iterable[str], split: str | None) -> pa.Table:
    """Keep the scans of a catalogue that can serve as bags.

    Args:
        catalogue: All columns that a plan needs, `kind`, `status` and `split`.
        kinds: Kinds of scans to keep.
        split: Split to keep, or None for all. Where no bag of a catalogue states a split, `drawn_split` tells.

    Returns:
        The rows kept, sorted by scan id.

    Raises:
        SourceError: Nothing is left.
    """
    wanted = set(kinds)
    names = ["status", "kind", "split", *KIN_COLUMNS]
    rows = catalogue.select(names).to_pylist()
    is_bag = [row["status"] == "ok" and row["kind"] in wanted for row in rows]
    split_of = (
        (lambda row: row["split"])
        if any(row["split"] for row, is_one in zip(rows, is_bag, strict=True) if is_one)
        else drawn_split
    )
    keep = [
        is_one and (split is None or split_of(row) == split) for row, is_one in zip(rows, is_bag, strict=True)
    ]
    bags = catalogue.filter(pa.array(keep, pa.bool_())).sort_by("scan_id")
    if not bags.num_rows:
        wish = f"kind {' or '.join(sorted(wanted))}" + (f" in split {split!r}" if split else "")
        raise SourceError(
            f"the catalogue has no usable scan of {wish} among its {catalogue.num_rows} rows",
            remedy="rwsc sources check shows what a source holds; bag_kinds in [synth] chooses kinds",
        )
    return bags


def bag_kin(row: Mapping[str, Any]) -> str:
    """Name what the scans of one bag have in common, and those that look alike to the last bit of their hash.

    Args:
        row: `KIN_COLUMNS` of the bag.

    Returns:
        Dataset and group, or where the source names no group the perceptual hash, or else the scan's id.
    """
    if row["group"]:
        return f"{row['dataset']}/{row['group']}"
    return str(row["perceptual_hash"] or row["scan_id"])


def drawn_split(row: Mapping[str, Any]) -> str:
    """Assign a bag that states no split to one: 70 % train, 15 % val, 15 % test.

    Bags of one `bag_kin` fall together; a bag stays in its split whatever else a catalogue holds.

    Args:
        row: `KIN_COLUMNS` of the bag.

    Returns:
        train, val or test.
    """
    share = int(content_id("bag split", bag_kin(row))[:8], 16) / 2**32
    return "train" if share < _TRAIN_SHARE else "val" if share < _TRAIN_SHARE + _VAL_SHARE else "test"
