"""The summaries of a finished corpus, made from its manifest: the COCO file and the totals."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rwsc.corpus.coco import COCO_KEY, write_coco
from rwsc.corpus.commit import read_rows, settle_shard
from rwsc.corpus.plan_store import PlannedShard
from rwsc.corpus.tally import CorpusTotals, Tally
from rwsc.errors import RwscError
from rwsc.sources.parallel import map_in_order
from rwsc.storage.prefix import Prefix

REPORT_KEY = "report.json"

_READERS = 16
"""Manifests that are read at once: in a bucket each costs a round trip."""


_FOLDERS = ("", "images", "manifest", "committed")


class ShortShardsError(Exception):
    """Shards that are committed with fewer rows than are planned: the corpus grew, and their part was not made yet."""

    def __init__(self, shards: list[PlannedShard]) -> None:
        super().__init__(f"{len(shards)} shards lack rows")
        self.shards = shards


def sum_up(
    corpus: Prefix, shards: Sequence[PlannedShard], labels: list[str], about: dict[str, Any]
) -> CorpusTotals:
    """Write the COCO file and the totals of a corpus whose shards are all committed.

    What killed runs left is put in order first: markers of replacements that were cut off, unfinished files. Manifests
    pass through memory a few at a time.

    Args:
        corpus: The corpus.
        shards: All of its shards, in plan order.
        labels: Every class of the corpus.
        about: What else the report says.

    Returns:
        The totals.

    Raises:
        ShortShardsError: Some shards lack rows; nothing was written.
    """
    for folder in _FOLDERS:
        corpus.sweep(folder)
    tally = Tally()
    write_coco(tally.of(_rows(corpus, shards)), labels, corpus.uri_of(COCO_KEY))
    totals = tally.totals()
    report = {"totals": asdict(totals), **about}
    corpus.write(REPORT_KEY, (json.dumps(report, indent=1) + "\n").encode())
    return totals


def read_totals(corpus: Prefix) -> CorpusTotals | None:
    """Read the totals of a finished corpus; None when a summary is missing or damaged and must be made again."""
    if not corpus.exists(COCO_KEY):
        return None
    try:
        return CorpusTotals(**json.loads(corpus.read(REPORT_KEY))["totals"])
    except (RwscError, ValueError, KeyError, TypeError, RecursionError):
        return None


def is_summed_up(corpus: Prefix) -> bool:
    """Tell whether a corpus was finished, and not touched since."""
    return corpus.exists(REPORT_KEY)


def forget_totals(corpus: Prefix) -> None:
    """Take back that a corpus is finished, before some of it changes."""
    corpus.delete(REPORT_KEY)


def _rows(corpus: Prefix, shards: Sequence[PlannedShard]) -> Iterator[dict[str, Any]]:
    short: list[PlannedShard] = []
    read = map_in_order(lambda shard: _in_order(corpus, shard.shard_id), shards, max_workers=_READERS)
    for shard, rows in zip(shards, read, strict=True):
        if len(rows) < shard.num_images:
            short.append(shard)
        yield from rows
    if short:
        raise ShortShardsError(short)


def _in_order(corpus: Prefix, shard_id: str) -> list[dict[str, Any]]:
    settle_shard(corpus, shard_id)
    corpus.sweep(f"images/{shard_id}")
    return read_rows(corpus, shard_id)
