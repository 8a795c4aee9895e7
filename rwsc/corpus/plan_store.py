"""Where the plan of a corpus lies: one Parquet file, whose row groups hold whole shards."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import accumulate
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rwsc.corpus.plan import PARTNER, PLAN_KIND, PLAN_SCHEMA, PLAN_VERSION, PlannedImage, planned_images
from rwsc.errors import SourceError
from rwsc.storage.parquet import open_table, write_tables
from rwsc.storage.prefix import Prefix
from rwsc.storage.table_check import check_table

PLAN_KEY = "plan.parquet"
_STAMP = b"rwsc.plan_of"
_REQUIRED = (
    "image_id", "shard_id", "scan_id", "seed", "scan_uri", "scan_sha256", "air_level", "role", "bag_kin", "bag_items",
)  # fmt: skip
_REQUIRED_INSIDE = (
    "bag_objects.label", "bag_objects.bbox_xywh", *(f"partner.{field.name}" for field in PARTNER),
)  # fmt: skip


class PlannedShard(NamedTuple):
    """A shard of a plan."""

    shard_id: str
    num_images: int
    number: int
    """Its place in the plan, from 0."""


def write_plan(corpus: Prefix, parts: Iterable[pa.Table], *, stamp: str) -> int:
    """Write a plan as its parts come; the same plan gives the same bytes.

    Args:
        corpus: The corpus.
        parts: Tables of `PLAN_SCHEMA`, each of whole shards; one is held in memory at a time.
        stamp: What tells this plan from any other; see `StoredPlan.stamp`.

    Returns:
        Number of planned images.
    """
    schema = PLAN_SCHEMA.with_metadata({_STAMP: stamp.encode()})
    return write_tables(corpus.uri_of(PLAN_KEY), parts, schema=schema, kind=PLAN_KIND, version=PLAN_VERSION)


class StoredPlan:
    """The plan of a corpus as it lies there: its directory is read once, its rows when they are asked for."""

    def __init__(self, corpus: Prefix) -> None:
        """Read the directory of the plan.

        Args:
            corpus: The corpus.

        Raises:
            ObjectMissing: It has no plan.
            SourceError: Its plan is none, or damaged.
        """
        self.uri = corpus.uri_of(PLAN_KEY)
        self._metadata: pq.FileMetaData | None = None
        with self._open() as parquet:
            self._metadata = parquet.metadata
            self.stamp = (parquet.schema_arrow.metadata or {}).get(_STAMP, b"").decode(errors="replace")
        sizes = (self._metadata.row_group(group).num_rows for group in range(self._metadata.num_row_groups))
        self._starts = [0, *accumulate(sizes)]
        self._held: tuple[int, pa.Table] | None = None

    @property
    def num_images(self) -> int:
        """Planned images."""
        return self._starts[-1]

    def shard(self, shard_id: str, number: int, *, shard_images: int) -> list[PlannedImage]:
        """Read the rows of one shard; its neighbours come with it and are kept for the next call.

        Args:
            shard_id: The shard.
            number: Its place in the plan, from 0.
            shard_images: Rows of every shard but the last.

        Returns:
            Its rows in plan order.

        Raises:
            SourceError: The plan holds another shard at that place.
        """
        first = number * shard_images
        group = bisect_right(self._starts, first) - 1
        rows: list[PlannedImage] = []
        if first < self.num_images:
            rows = list(planned_images(self._group(group).slice(first - self._starts[group], shard_images)))
        if {row.shard_id for row in rows} != {shard_id}:
            raise SourceError(
                f"{self.uri} does not hold shard {shard_id} at place {number}",
                remedy="the plan was replaced; use another output folder",
            )
        return rows

    def parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Read some columns of all rows, one row group at a time."""
        with self._open() as parquet:
            for group in range(parquet.metadata.num_row_groups):
                yield self._checked(
                    parquet.read_row_group(group, columns=list(columns), use_threads=False), columns
                )

    def shards(self) -> list[PlannedShard]:
        """Read which shards there are, in plan order."""
        sizes: dict[str, int] = {}
        for part in self.parts(["shard_id"]):
            for found in part["shard_id"].value_counts().to_pylist():
                sizes[found["values"]] = sizes.get(found["values"], 0) + found["counts"]
        return [PlannedShard(*each, number) for number, each in enumerate(sizes.items())]

    def find(self, image_id: str) -> PlannedImage | None:
        """Look for an image; None where the plan has none of that name."""
        for group, part in enumerate(self.parts(["image_id"])):
            place = pc.index(part["image_id"], image_id).as_py()
            if place >= 0:
                return next(planned_images(self._group(group).slice(place, 1)))
        return None

    def _group(self, group: int) -> pa.Table:
        held = self._held
        if held is None or held[0] != group:
            with self._open() as parquet:
                rows = parquet.read_row_group(group, columns=PLAN_SCHEMA.names, use_threads=False)
                held = self._held = (group, self._checked(rows, PLAN_SCHEMA.names))
        return held[1]

    def _checked(self, rows: pa.Table, columns: Iterable[str]) -> pa.Table:
        if lacking := set(columns) - set(rows.column_names):
            raise SourceError(
                f"{self.uri} has no column {', '.join(sorted(lacking))}",
                remedy="rwsc synth with the corpus' settings writes its plan again, once it is deleted",
            )
        check_table(rows, self.uri, schema=PLAN_SCHEMA, required=(*_REQUIRED, *_REQUIRED_INSIDE))
        return rows

    def _open(self) -> AbstractContextManager[pq.ParquetFile]:
        return open_table(self.uri, kind=PLAN_KIND, version=PLAN_VERSION, metadata=self._metadata)
