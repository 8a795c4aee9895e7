"""Write a bank anew with a split for every usable item, and prove from what was written that nothing leaks."""

from collections.abc import Mapping

import pyarrow as pa

from rwsc.errors import ObjectExists, SourceError
from rwsc.items.assign import By, assign_splits, check_shares
from rwsc.items.bank import bank_uri, iter_bank
from rwsc.items.leaks import SplitReport, check_split
from rwsc.items.schema import ITEMS_KIND, ITEMS_SCHEMA, ITEMS_VERSION
from rwsc.items.split_item import usable_items
from rwsc.sources.row_file import refuse_existing
from rwsc.storage.parquet import write_tables


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
        shares: Share of each of `rwsc.items.assign.SPLITS`; they are brought to a sum of 1.
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
    items = list(usable_items(source))
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


def _with_splits(table: pa.Table, splits: Mapping[str, str]) -> pa.Table:
    # A rejected row may bear the id of a usable one that is annotated twice; it belongs to no split.
    rows = zip(table["item_id"].to_pylist(), table["status"].to_pylist(), strict=True)
    column = pa.array([splits[item_id] if status == "ok" else None for item_id, status in rows], pa.string())
    return table.set_column(table.schema.get_field_index("split"), ITEMS_SCHEMA.field("split"), column)
