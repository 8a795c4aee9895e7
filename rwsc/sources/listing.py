"""Listed images on disk, between the process that lists a source and those that look at its images."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from rwsc.sources.row_file import write_rows
from rwsc.sources.schema import Sidecar, SourceObject, SourceScan
from rwsc.storage.parquet import read_table

LISTING_KIND = "rwsc.listing"
LISTING_VERSION = 1

_SCHEMA = pa.schema([("scan", pa.string())])


def write_listing(uri: str, scans: Iterable[SourceScan]) -> int:
    """Write listed images to one file, which appears whole or not at all.

    Args:
        uri: Parquet file, local or s3://; replaced if it is there.
        scans: The images.

    Returns:
        Number of images.
    """
    rows = ({"scan": json.dumps(asdict(scan), separators=(",", ":"))} for scan in scans)
    return write_rows(uri, rows, schema=_SCHEMA, kind=LISTING_KIND, version=LISTING_VERSION, batch_rows=1000)


def read_listing(uri: str) -> list[SourceScan]:
    """Read what `write_listing` wrote.

    Args:
        uri: The Parquet file.

    Returns:
        The images, in their order.

    Raises:
        SourceError: The file is no listing.
    """
    table = read_table(uri, kind=LISTING_KIND, version=LISTING_VERSION, columns=_SCHEMA.names)
    return [_scan(json.loads(text)) for text in table["scan"].to_pylist()]


def _scan(values: dict[str, Any]) -> SourceScan:
    sidecar = values["sidecar"]
    return SourceScan(
        **{
            **values,
            "objects": tuple(_object(thing) for thing in values["objects"]),
            "sidecar": None if sidecar is None else Sidecar(**sidecar),
            "stated_size_wh": tuple(values["stated_size_wh"]),
            "flags": tuple(values["flags"]),
        }
    )


def _object(values: dict[str, Any]) -> SourceObject:
    box = values["bbox_xywh"]
    return SourceObject(
        **{**values, "bbox_xywh": None if box is None else tuple(box), "flags": tuple(values["flags"])}
    )
