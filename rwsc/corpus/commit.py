"""Commit a shard: images first, then its manifest, then its marker, which alone makes it exist."""

import hashlib
import json
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from rwsc.corpus.containers import container_key
from rwsc.corpus.manifest import (
    BOX_LENGTHS,
    MANIFEST_KIND,
    MANIFEST_SCHEMA,
    MANIFEST_VERSION,
    REQUIRED,
    REQUIRED_INSIDE,
    STATUSES,
    lacking_columns,
    to_table,
)
from rwsc.errors import SourceError
from rwsc.sources.json_fields import one_line
from rwsc.storage.parquet import decode_table, encode_table
from rwsc.storage.prefix import Prefix
from rwsc.storage.table_check import check_table

_NEXT = "next"
"""Entry of a marker that stands for what the shard is about to be replaced by."""


def image_key(shard_id: str, image_id: str, codec: str, layout: str = "files") -> str:
    """Give the manifest's `uri` of an image.

    Args:
        shard_id: The shard.
        image_id: The image.
        codec: ``png``, ``jpeg`` or ``npy``.
        layout: ``files``, ``parquet`` or ``webdataset``.

    Returns:
        A key inside the corpus; in a container the container's key, ``#`` and the image's name.
    """
    name = f"{image_id}.{({'png': 'png', 'jpeg': 'jpg', 'npy': 'npy'})[codec]}"
    return f"images/{shard_id}/{name}" if layout == "files" else f"{container_key(shard_id, layout)}#{name}"


def manifest_key(shard_id: str) -> str:
    """Give the key of a shard's manifest inside its corpus."""
    return f"manifest/{shard_id}.parquet"


def marker_key(shard_id: str) -> str:
    """Give the key of the marker without which a shard does not exist."""
    return f"committed/{shard_id}.json"


def commit_shard(corpus: Prefix, shard_id: str, rows: list[dict[str, Any]]) -> None:
    """Write a shard's manifest and then its marker; its images must have been written before.

    A crash at any line of a new shard leaves it uncommitted. A shard that is there already is replaced through a
    marker that describes both, so that a crash leaves the old one or the new one, each with a marker that fits;
    a marker that describes both is read by the manifest beside it, until `settle_shard`. Writing it again writes the
    same bytes, also when several do it at once.

    Args:
        corpus: The corpus.
        shard_id: The shard.
        rows: One manifest row per planned image of the shard, in plan order.

    Raises:
        SourceError: The shard has a marker that cannot be read.
    """
    manifest = encode_table(to_table(rows), kind=MANIFEST_KIND, version=MANIFEST_VERSION)
    marker = _marker(rows, manifest)
    if corpus.exists(marker_key(shard_id)) and (old := read_marker(corpus, shard_id)) != marker:
        corpus.write(marker_key(shard_id), _encoded(old | {_NEXT: marker}))
    corpus.write(manifest_key(shard_id), manifest)
    corpus.write(marker_key(shard_id), _encoded(marker))


def settle_shard(corpus: Prefix, shard_id: str) -> None:
    """Let the marker of a committed shard describe it alone, as if no replacement of it had been interrupted.

    Args:
        corpus: The corpus; nobody is to replace the shard meanwhile.
        shard_id: The shard.

    Raises:
        ObjectMissing: The shard is not committed.
        SourceError: The marker is damaged.
    """
    settled, is_settled = _read_marker(corpus, shard_id)
    if not is_settled:
        corpus.write(marker_key(shard_id), _encoded(settled))


def is_committed(corpus: Prefix, shard_id: str) -> bool:
    """Tell whether a shard's marker is there."""
    return corpus.exists(marker_key(shard_id))


def committed_shards(corpus: Prefix) -> set[str]:
    """List the shards whose marker is there."""
    keys = (PurePosixPath(key) for key in corpus.list_keys("committed"))
    return {key.stem for key in keys if key.suffix == ".json"}


def read_marker(corpus: Prefix, shard_id: str) -> dict[str, Any]:
    """Read a shard's marker: number of rows per status and the manifest's hash.

    Args:
        corpus: The corpus.
        shard_id: The shard.

    Returns:
        `rows`, `status` and `manifest_sha256`. Of a shard whose replacement was interrupted, those of the manifest
        that is there.

    Raises:
        ObjectMissing: The shard is not committed.
        SourceError: The marker is damaged.
    """
    return _read_marker(corpus, shard_id)[0]


def read_rows(corpus: Prefix, shard_id: str) -> list[dict[str, Any]]:
    """Read the manifest rows of a committed shard, in plan order.

    Args:
        corpus: The corpus.
        shard_id: The shard.

    Returns:
        A value per column each.

    Raises:
        ObjectMissing: There is no manifest.
        SourceError: The manifest is none, or damaged.
    """
    key = manifest_key(shard_id)
    uri = corpus.uri_of(key)
    table = decode_table(corpus.read(key), uri, kind=MANIFEST_KIND, version=MANIFEST_VERSION)
    check_table(
        table, uri, schema=MANIFEST_SCHEMA, required=(*REQUIRED, *REQUIRED_INSIDE), lengths=BOX_LENGTHS
    )
    if lacking := lacking_columns(table.schema):
        raise SourceError(f"{uri} has no column {', '.join(lacking)}", remedy="rwsc verify says more")
    return table.to_pylist()


def _read_marker(corpus: Prefix, shard_id: str) -> tuple[dict[str, Any], bool]:
    """Read what describes the manifest that is there, and whether the marker holds nothing else."""
    marker = _decoded(corpus.read(marker_key(shard_id)), corpus.uri_of(marker_key(shard_id)))
    following = marker.pop(_NEXT, None)
    if following is None:
        return marker, True
    is_there = following["manifest_sha256"] == _sha256(corpus.read(manifest_key(shard_id)))
    return (following if is_there else marker), False


def _marker(rows: list[dict[str, Any]], manifest: bytes) -> dict[str, Any]:
    counts = Counter(row["status"] for row in rows)
    return {
        "rows": len(rows),
        "status": {status: counts.get(status, 0) for status in STATUSES},
        "manifest_sha256": _sha256(manifest),
    }


def _encoded(marker: dict[str, Any]) -> bytes:
    return (json.dumps(marker, indent=1, sort_keys=True) + "\n").encode()


def _decoded(data: bytes, uri: str) -> dict[str, Any]:
    try:
        marker = json.loads(data)
        for record in (marker, marker.get(_NEXT, marker)):
            if not isinstance(record["manifest_sha256"], str) or not isinstance(record["rows"], int):
                raise TypeError("a value of another type")
            if not all(isinstance(record["status"][status], int) for status in STATUSES):
                raise TypeError("a count that is no number")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceError(
            f"{uri} is no marker of a shard: {one_line(error)[:100]}",
            remedy="delete it; the command that made the corpus makes the shard again",
        ) from None
    return marker


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
