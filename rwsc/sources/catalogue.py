"""The catalogue on disk: written in batches, read whole or scan by scan, named by its content."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rwsc.errors import SourceError
from rwsc.sources.row_file import refuse_existing, write_rows
from rwsc.sources.schema import CATALOGUE_KIND, CATALOGUE_SCHEMA, CATALOGUE_VERSION, Scan
from rwsc.storage.parquet import read_table
from rwsc.storage.table_check import check_table

_NOT_HASHED = ("uri", "reason", "status")
_BATCH_ROWS = 1000
_REQUIRED = (
    "kind", "status", "objects.label", "objects.bbox_xywh", "objects.flags", "bags.bbox_xywh", "bags.area_px",
    "bags.mean_attenuation",
)  # fmt: skip
_REQUIRED_OF_USABLE = ("uri", "scan_id", "sha256", "width", "height", "air_level")
_LENGTHS = {"objects.bbox_xywh": 4, "bags.bbox_xywh": 4}


def write_catalogue(uri: str, scans: Iterable[Scan], *, overwrite: bool = False) -> int:
    """Write a catalogue as its rows come in.

    Args:
        uri: Parquet file, local or s3://; it appears whole or not at all.
        scans: The rows; a thousand are held at a time.
        overwrite: Replace what is there.

    Returns:
        Number of rows.

    Raises:
        ObjectExists: Something is stored there and `overwrite` is not set.
    """
    if not overwrite:
        refuse_existing(uri)
    rows = (scan.to_row() for scan in scans)
    return write_rows(
        uri,
        rows,
        schema=CATALOGUE_SCHEMA,
        kind=CATALOGUE_KIND,
        version=CATALOGUE_VERSION,
        batch_rows=_BATCH_ROWS,
    )


def read_catalogue(uri: str, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a catalogue.

    Args:
        uri: The Parquet file.
        columns: Columns to read; None reads all.

    Returns:
        A table, rows in the order they were written.

    Raises:
        SourceError: The file is no catalogue, or a damaged one.
    """
    wanted = CATALOGUE_SCHEMA.names if columns is None else list(columns)
    table = read_table(uri, kind=CATALOGUE_KIND, version=CATALOGUE_VERSION, columns=wanted)
    check_table(table, uri, schema=CATALOGUE_SCHEMA, required=_REQUIRED, lengths=_LENGTHS)
    if "status" in wanted:
        _check_statuses(table, uri)
    return table


def iter_scans(catalogue: pa.Table) -> Iterator[Scan]:
    """Give the rows of a table with all of a catalogue's columns as records, a batch in memory at a time."""
    for batch in catalogue.select(CATALOGUE_SCHEMA.names).to_batches(max_chunksize=_BATCH_ROWS):
        yield from map(Scan.from_row, batch.to_pylist())


def catalogue_hash(catalogue: pa.Table) -> str:
    """Hash the usable rows of a catalogue, whatever their order and wherever the files lie.

    Args:
        catalogue: A table with all of a catalogue's columns.

    Returns:
        64 hexadecimal digits; equal for equal usable scans.
    """
    digests = [_row_digest(scan) for scan in iter_scans(catalogue) if scan.status == "ok"]
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _check_statuses(table: pa.Table, uri: str) -> None:
    is_usable = pc.equal(table["status"], "ok")
    names = [name for name in _REQUIRED_OF_USABLE if name in table.column_names]
    usable = table.select(names).filter(is_usable)
    check_table(usable, uri, schema=CATALOGUE_SCHEMA, required=_REQUIRED_OF_USABLE)
    faults = []
    if "reason" in table.column_names and pc.any(pc.equal(pc.is_valid(table["reason"]), is_usable)).as_py():
        faults.append("a reason goes with every status but ok")
    if "uri" in names and pc.any(pc.equal(usable["uri"], "")).as_py():
        faults.append("a usable scan has an empty address")
    if "air_level" in names:
        levels = pc.list_flatten(usable["air_level"]).to_numpy()
        if not (np.isfinite(levels) & (levels > 0)).all():
            faults.append("an air level is not above 0")
    if faults:
        raise SourceError(f"{uri} is damaged: {'; '.join(faults)}", remedy="make the catalogue again")


def _row_digest(scan: Scan) -> bytes:
    row = {name: value for name, value in scan.to_row().items() if name not in _NOT_HASHED}
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()
