"""Commit a shard: images first, then its manifest, then its marker, which alone makes it exist."""

import hashlib
import io
import json
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import pyarrow.parquet as pq

from rwsc.corpus.manifest import MANIFEST_KIND, MANIFEST_VERSION, to_table
from rwsc.storage.parquet import encode_table
from rwsc.storage.prefix import Prefix


def image_key(shard_id: str, image_id: str, codec: str) -> str:
    """Give the key of an image inside its corpus; `codec` is ``png``, ``jpeg`` or ``npy``."""
    suffix = {"png": "png", "jpeg": "jpg", "npy": "npy"}[codec]
    return f"images/{shard_id}/{image_id}.{suffix}"


def manifest_key(shard_id: str) -> str:
    """Give the key of a shard's manifest inside its corpus."""
    return f"manifest/{shard_id}.parquet"


def marker_key(shard_id: str) -> str:
    """Give the key of the marker without which a shard does not exist."""
    return f"committed/{shard_id}.json"


def commit_shard(corpus: Prefix, shard_id: str, rows: list[dict[str, Any]]) -> None:
    """Write a shard's manifest and then its marker; its images must have been written before.

    A crash at any line leaves the shard uncommitted; writing it again writes the same bytes.

    Args:
        corpus: The corpus.
        shard_id: The shard.
        rows: One manifest row per planned image of the shard, in plan order.
    """
    manifest = encode_table(to_table(rows), kind=MANIFEST_KIND, version=MANIFEST_VERSION)
    corpus.write(manifest_key(shard_id), manifest)
    corpus.write(marker_key(shard_id), _marker(rows, manifest))


def committed_shards(corpus: Prefix) -> set[str]:
    """List the shards whose marker is there."""
    keys = (PurePosixPath(key) for key in corpus.list_keys("committed"))
    return {key.stem for key in keys if key.suffix == ".json"}


def read_marker(corpus: Prefix, shard_id: str) -> dict[str, Any]:
    """Read a shard's marker: number of rows per status and the manifest's hash."""
    return json.loads(corpus.read(marker_key(shard_id)))


def read_rows(corpus: Prefix, shard_id: str) -> list[dict[str, Any]]:
    """Read the manifest rows of a committed shard, in plan order."""
    return pq.read_table(io.BytesIO(corpus.read(manifest_key(shard_id)))).to_pylist()


def _marker(rows: list[dict[str, Any]], manifest: bytes) -> bytes:
    counts = Counter(row["status"] for row in rows)
    record = {
        "rows": len(rows),
        "status": {status: counts.get(status, 0) for status in ("made", "rejected", "failed")},
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
    }
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
