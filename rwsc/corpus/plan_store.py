"""Where the plan of a corpus lies: one Parquet file with a row group per shard."""

import pyarrow as pa
import pyarrow.parquet as pq

from rwsc.corpus.plan import PLAN_KIND, PLAN_VERSION, PlannedImage, planned_images
from rwsc.errors import SourceError
from rwsc.storage.files import open_read
from rwsc.storage.parquet import write_table
from rwsc.storage.prefix import Prefix

PLAN_KEY = "plan.parquet"


def write_plan(corpus: Prefix, plan: pa.Table, *, shard_images: int) -> None:
    """Write a plan; the same plan gives the same bytes.

    Args:
        corpus: The corpus.
        plan: A table of `PLAN_SCHEMA`, the rows of a shard side by side.
        shard_images: Rows of every shard but the last.
    """
    uri = corpus.uri_of(PLAN_KEY)
    write_table(uri, plan, kind=PLAN_KIND, version=PLAN_VERSION, row_group_rows=shard_images)


def read_shard(corpus: Prefix, shard_id: str, number: int) -> list[PlannedImage]:
    """Read the rows of one shard alone.

    Args:
        corpus: The corpus.
        shard_id: The shard.
        number: Its place in the plan, from 0.

    Returns:
        Its rows in plan order.

    Raises:
        SourceError: The plan holds another shard at that place.
    """
    uri = corpus.uri_of(PLAN_KEY)
    with open_read(uri) as file:
        plan = pq.ParquetFile(file).read_row_group(number)
    rows = list(planned_images(plan))
    if {row.shard_id for row in rows} != {shard_id}:
        raise SourceError(
            f"{uri} does not hold shard {shard_id} at place {number}",
            remedy="the plan was replaced; use another output folder",
        )
    return rows


def read_air_levels(corpus: Prefix) -> dict[str, list[float]]:
    """Read the air level of every planned image's bag, by image id."""
    with open_read(corpus.uri_of(PLAN_KEY)) as file:
        table = pq.read_table(file, columns=["image_id", "air_level"])
    return dict(zip(table["image_id"].to_pylist(), table["air_level"].to_pylist(), strict=True))
