"""Which physical items of a bank were cut out of the bags themselves, so that an item is known again in its own bag."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa

from rwsc.items.bank import bank_uri, iter_bank

_COLUMN = "bag_items"


def items_by_scan(items: str) -> dict[str, list[str]]:
    """Read what was cut out of each scan: of the whole bank, whatever its split and whether it was accepted.

    Args:
        items: A bank's address.

    Returns:
        Physical items, sorted, by the scan's id.

    Raises:
        SourceError: The file is no item bank, or a damaged one.
        StorageError: It cannot be read.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for table in iter_bank(bank_uri(items), ["source_scan_id", "physical_item_id"]):
        for scan_id, item in zip(*(column.to_pylist() for column in table.columns), strict=True):
            found[scan_id].add(item)
    return {scan_id: sorted(names) for scan_id, names in found.items()}


def scans_of_other_splits(items: str, split: str) -> set[str]:
    """Tell the scans that show an item of another split: as bags of this one, they would take it along.

    Args:
        items: A bank's address.
        split: The split that a corpus is made for.

    Returns:
        Ids of the scans; of a bank without splits none.

    Raises:
        SourceError: The file is no item bank, or a damaged one.
        StorageError: It cannot be read.
    """
    found: set[str] = set()
    for table in iter_bank(bank_uri(items), ["source_scan_id", "split"]):
        for scan_id, of in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if of not in (None, split):
                found.add(scan_id)
    return found


def with_bag_items(bags: pa.Table, by_scan: Mapping[str, Sequence[str]]) -> pa.Table:
    """Say of each bag which physical items were cut out of it.

    Args:
        bags: Rows of `rwsc.corpus.usable_bags.usable_bags`.
        by_scan: What `items_by_scan` gives.

    Returns:
        The rows with a column `bag_items`, whose lists are empty where nothing was cut out.
    """
    lists = [by_scan.get(scan_id, ()) for scan_id in bags["scan_id"].to_pylist()]
    return bags.append_column(_COLUMN, pa.array(lists, pa.list_(pa.string())))


def bag_items_hash(bags: pa.Table) -> str:
    """Hash what was cut out of which bag; 64 hexadecimal digits.

    Args:
        bags: What `with_bag_items` gave.

    Returns:
        The hash; equal whatever the order of the bags.
    """
    names, lists = (bags[name].to_pylist() for name in ("scan_id", _COLUMN))
    cut = {scan_id: items for scan_id, items in zip(names, lists, strict=True) if items}
    return hashlib.sha256(json.dumps(cut, sort_keys=True).encode()).hexdigest()
