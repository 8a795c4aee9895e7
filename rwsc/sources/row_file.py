"""Write rows to a Parquet file as they come, in batches."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import pyarrow as pa

from rwsc.errors import ObjectExists
from rwsc.storage.parquet import write_tables
from rwsc.storage.prefix import Prefix, absolute_uri, split_uri


def refuse_existing(uri: str) -> None:
    """Stop before work that would end in replacing something.

    Args:
        uri: Address of an output.

    Raises:
        ObjectExists: Something is stored there.
    """
    parent, key = split_uri(absolute_uri(uri))
    if Prefix(parent).exists(key):
        raise ObjectExists(f"{uri} is there already", remedy="choose another output, or add --overwrite")


def write_rows(
    uri: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    schema: pa.Schema,
    kind: str,
    version: int,
    batch_rows: int,
) -> int:
    """Write rows to one file, which appears whole or not at all.

    Args:
        uri: Parquet file, local or s3://; replaced if it is there.
        rows: A value per column each.
        schema: Columns.
        kind: What the file is, kept in its metadata.
        version: Version of the columns' meaning, kept in its metadata.
        batch_rows: Rows held in memory, and rows of a row group.

    Returns:
        Number of rows written.
    """
    tables = (pa.Table.from_pylist(batch, schema=schema) for batch in _batches(rows, batch_rows))
    return write_tables(absolute_uri(uri), tables, schema=schema, kind=kind, version=version)


def _batches(rows: Iterable[Mapping[str, Any]], batch_rows: int) -> Iterator[list[Mapping[str, Any]]]:
    source = iter(rows)
    while batch := list(islice(source, batch_rows)):
        yield batch
