"""Tables that say what they are, written so that equal rows give equal bytes."""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rwsc.errors import SourceError
from rwsc.storage.files import open_read, open_write

_KIND = b"rwsc.kind"
_VERSION = b"rwsc.version"
_UNSTABLE_METADATA = (b"pandas",)
"""Keys that hold the versions of other libraries, so they would change the bytes."""

_FORMAT: dict[str, Any] = {
    "compression": "zstd",
    "version": "2.6",
    "data_page_version": "1.0",
    "write_statistics": True,
    "write_page_checksum": True,
}
"""Fixed, so that a change of pyarrow's defaults changes no bytes."""

_BLOB_FORMAT = _FORMAT | {"write_statistics": False, "use_dictionary": False}
"""For values such as images, which are unlike each other: both would hold them twice."""


def write_table(
    uri: str, table: pa.Table, *, kind: str, version: int, row_group_rows: int | None = None
) -> None:
    """Write a table that names its kind and the version of its schema.

    Equal rows give equal bytes, however the table is cut into chunks.

    Args:
        uri: Address of the file; it appears whole or not at all.
        table: The rows.
        kind: What the table is, such as `rwsc.catalogue`.
        version: Version of its schema, 1 or above.
        row_group_rows: Rows a reader can fetch at once; None for pyarrow's own number.

    Raises:
        StorageError: The store refused, failed or could not be reached.
    """
    with open_write(uri) as file:
        _write(file, table, kind, version, row_group_rows)


def write_tables(uri: str, tables: Iterable[pa.Table], *, schema: pa.Schema, kind: str, version: int) -> int:
    """Write tables of one schema into one file as they come, each as a row group of its own.

    Args:
        uri: Address of the file; it appears whole or not at all.
        tables: The rows in parts; one part is held in memory at a time.
        schema: Columns of every part.
        kind: What the table is, such as `rwsc.catalogue`.
        version: Version of its schema, 1 or above.

    Returns:
        Number of rows written.

    Raises:
        StorageError: The store refused, failed or could not be reached.
    """
    with open_write(uri) as file:
        return _write_parts(file, tables, schema, kind, version, _FORMAT)


def encode_tables(tables: Iterable[pa.Table], *, schema: pa.Schema, kind: str, version: int) -> bytes:
    """Give the bytes of tables of images, each as a row group of its own; for what fits into memory."""
    buffer = io.BytesIO()
    _write_parts(buffer, tables, schema, kind, version, _BLOB_FORMAT)
    return buffer.getvalue()


def encode_table(table: pa.Table, *, kind: str, version: int) -> bytes:
    """Give the bytes of a table as `write_table` writes them; for small tables."""
    buffer = io.BytesIO()
    _write(buffer, table, kind, version, None)
    return buffer.getvalue()


def read_table(
    uri: str,
    *,
    kind: str,
    version: int | None = None,
    columns: list[str] | None = None,
) -> pa.Table:
    """Read a table that `write_table` wrote.

    Args:
        uri: Address of the file.
        kind: What the table must be.
        version: Newest version of the schema that the caller knows; None takes any.
        columns: Columns to read, in this order; None for all.

    Returns:
        The rows.

    Raises:
        ObjectMissing: There is no such file.
        SourceError: It is no Parquet file, is damaged, is of another kind or a newer version, or lacks a
            column.
        StorageError: The store refused, failed or could not be reached.
    """
    with open_table(uri, kind=kind, version=version, columns=columns or []) as parquet:
        table = parquet.read(columns=columns, use_threads=False)
        return table if columns is None else table.select(columns)


def decode_table(data: bytes, uri: str, *, kind: str, version: int | None = None) -> pa.Table:
    """Read the bytes of a table as `encode_table` gives them.

    Args:
        data: The bytes.
        uri: Where they were read, for messages.
        kind: What the table must be.
        version: Newest version of the schema that the caller knows; None takes any.

    Returns:
        The rows.

    Raises:
        SourceError: They are no Parquet file, are damaged, or are of another kind or a newer version.
    """
    try:
        file = open_parquet(pa.BufferReader(data))
        _check_label(uri, file.schema_arrow, kind, version, [])
        return file.read(use_threads=False)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(uri, error, kind) from None


@contextmanager
def open_table(
    uri: str,
    *,
    kind: str,
    version: int | None = None,
    columns: Sequence[str] = (),
    metadata: pq.FileMetaData | None = None,
) -> Iterator[pq.ParquetFile]:
    """Open a table that `write_table` wrote, to read some row groups of it, with ``use_threads=False``.

    Args:
        uri: Address of the file.
        kind: What the table must be.
        version: Newest version of the schema that the caller knows; None takes any.
        columns: Columns that it must have.
        metadata: The file's directory, where it was read before; otherwise it is read now.

    Yields:
        The open file; see `open_parquet`.

    Raises:
        ObjectMissing: There is no such file.
        SourceError: It is no Parquet file, is damaged, is of another kind or a newer version, or lacks a column.
        StorageError: The store refused, failed or could not be reached.
    """
    with open_read(uri) as file:
        try:
            parquet = open_parquet(file, metadata=metadata)
            _check_label(uri, parquet.schema_arrow, kind, version, columns)
            yield parquet
        except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:
            raise _damaged(uri, error, kind) from None


def open_parquet(
    file: BinaryIO | pa.NativeFile, *, metadata: pq.FileMetaData | None = None
) -> pq.ParquetFile:
    """Open a Parquet file that is read on the caller's thread alone, as long as that asks for ``use_threads=False``.

    A thread of Arrow's that lets go of a Python file while the interpreter ends aborts the process: a command that had
    done all would end with signal 6, now and then.

    Args:
        file: The file, open for reading.
        metadata: Its directory, where it was read before.

    Returns:
        The open file.
    """
    return pq.ParquetFile(file, metadata=metadata, page_checksum_verification=True, pre_buffer=False)


def _write(file: BinaryIO, table: pa.Table, kind: str, version: int, row_group_rows: int | None) -> None:
    labelled = table.replace_schema_metadata(_labelled(table.schema.metadata or {}, kind, version))
    pq.write_table(
        labelled.combine_chunks(),
        file,
        row_group_size=row_group_rows,
        **_FORMAT,
    )


def _write_parts(
    file: BinaryIO,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    kind: str,
    version: int,
    how: dict[str, Any],
) -> int:
    num_rows = 0
    marked = schema.with_metadata(_labelled(schema.metadata or {}, kind, version))
    with pq.ParquetWriter(file, marked, **how) as writer:
        for table in tables:
            writer.write_table(table.replace_schema_metadata(marked.metadata))
            num_rows += table.num_rows
    return num_rows


def _labelled(metadata: dict[bytes, bytes], kind: str, version: int) -> dict[bytes, bytes]:
    kept = {key: value for key, value in metadata.items() if key not in _UNSTABLE_METADATA}
    return {**kept, _KIND: kind.encode(), _VERSION: str(version).encode()}


def _check_label(uri: str, schema: pa.Schema, kind: str, version: int | None, columns: Sequence[str]) -> None:
    metadata = schema.metadata or {}
    found = metadata.get(_KIND, b"").decode(errors="replace")
    if found != kind:
        what = f"a table of the kind {found[:60]!r}" if found else "a Parquet file that rwsc did not write"
        raise SourceError(f"{uri} is {what}, not {kind!r}", remedy="check which file is meant")
    written = metadata.get(_VERSION, b"").decode(errors="replace")
    if not re.fullmatch("[0-9]{1,9}", written):
        raise SourceError(f"{uri} does not name the version of its schema", remedy="make the file again")
    if version is not None and int(written) > version:
        raise SourceError(
            f"{uri} has version {written} of {kind!r}; this rwsc knows versions up to {version}",
            remedy="update rwsc",
        )
    if lacking := [name for name in columns if name not in schema.names]:
        raise SourceError(f"{uri} has no column {', '.join(lacking)}", remedy="make the file again")


def _damaged(uri: str, error: Exception, kind: str) -> SourceError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
    return SourceError(
        f"{uri} is no Parquet file, or a damaged one: {reason}",
        remedy=f"make it again, or name the file that holds {kind!r}",
    )
