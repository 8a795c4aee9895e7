"""The plan of a corpus: one row per image to make, named after its content."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import pyarrow as pa

from rwsc.corpus.controls import NO_CONTROLS, ControlsConfig, Role, roles_in_order
from rwsc.corpus.usable_bags import KIN_COLUMNS, bag_kin
from rwsc.seeds import content_id, derive_seed

PLAN_KIND = "rwsc.plan"
PLAN_VERSION = 4
"""2 since shards are named after their first image, so that a plan can grow; 3 since images may come in pairs; 4 since
it says which scans show one bag, and what was cut out of them."""

PART_ROWS = 4096
"""Rows of a plan that are held at once, in whole shards: enough for a short directory of the file, few enough to be
read for the sake of one shard."""

_BAG_COLUMNS = (
    "uri", "sha256", "air_level", "licence", "scanner_id", "view", "objects", "bag_items", *KIN_COLUMNS,
)  # fmt: skip

BAG_OBJECT = pa.struct(
    [("label", pa.string()), ("bbox_xywh", pa.list_(pa.float64())), ("mask_rle", pa.string())]
)

PARTNER = pa.struct(
    [
        ("scan_id", pa.string()),
        ("scan_uri", pa.string()),
        ("scan_sha256", pa.string()),
        ("air_level", pa.list_(pa.float32())),
        ("view", pa.string()),
    ]
)

PLAN_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("shard_id", pa.string()),
        ("scan_id", pa.string()),
        ("seed", pa.int64()),
        ("role", pa.string()),
        ("scan_uri", pa.string()),
        ("scan_sha256", pa.string()),
        ("air_level", pa.list_(pa.float32())),
        ("dataset", pa.string()),
        ("licence", pa.string()),
        ("scanner_id", pa.string()),
        ("bag_kin", pa.string()),
        ("bag_objects", pa.list_(BAG_OBJECT)),
        ("bag_items", pa.list_(pa.string())),
        ("view", pa.string()),
        ("pair_id", pa.string()),
        ("partner", PARTNER),
    ]
)
"""Columns of a plan. What a worker must know of the bag is repeated here, so that it reads no catalogue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanSettings:
    """What is asked of a plan, beside its bags."""

    num_images: int
    """Images to plan, controls included; even where they are paired."""

    seed: int
    """The run's seed."""

    shard_images: int
    """Images per shard, even where they are paired; the last shard may hold fewer."""

    controls: ControlsConfig = NO_CONTROLS
    """Which shares of the images are controls."""

    paired: bool = False
    """Whether every two rows of the bags are the views of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Partner:
    """The scan of a bag's other view."""

    scan_id: str
    scan_uri: str
    scan_sha256: str
    air_level: list[float]
    view: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedImage:
    """One row of a plan."""

    image_id: str
    shard_id: str
    scan_id: str
    seed: int
    scan_uri: str
    scan_sha256: str
    air_level: list[float]
    dataset: str | None
    licence: str | None
    scanner_id: str | None
    bag_kin: str
    """Alike in all scans of one bag; see `rwsc.corpus.usable_bags.bag_kin`."""

    bag_objects: list[dict]
    bag_items: list[str]
    """Physical items of the bank that were cut out of this scan, sorted."""

    role: str = Role.POSITIVE.value
    """A value of `rwsc.corpus.controls.Role`."""

    view: str | None = None
    """Name of the view that the scan shows, where the catalogue states one."""

    pair_id: str | None = None
    """Alike in both images of a bag of two views, which share their seed and their items too."""

    partner: Partner | None = None
    """The other view, from which the same places can be drawn: an image of a pair is made without the other."""


def build_plan(bags: pa.Table, settings: PlanSettings) -> pa.Table:
    """Plan the images of a small corpus in one table; see `plan_parts`."""
    return pa.concat_tables(plan_parts(bags, settings))


def plan_parts(bags: pa.Table, settings: PlanSettings) -> Iterator[pa.Table]:
    """Plan the images of a corpus, a part at a time.

    Bags are used in passes, each pass in an order of its own, so every bag is used before any is used again.
    An image's id comes from its bag, its pass and the run's seed, and a shard's id from its first image, so a
    longer plan of the same bags begins with a shorter one, row for row. Controls are among the images, not on
    top of them, and turn some of them into something else without changing the bag or the seed of any. Of bags
    of two views both are planned, side by side, with one role and one seed.

    Args:
        bags: Rows of `rwsc.corpus.usable_bags.usable_bags`, or of `rwsc.corpus.pairs.paired_bags`, with the column
            of `rwsc.corpus.bag_items.with_bag_items`.
        settings: What is asked of the plan.

    Yields:
        Tables of `PLAN_SCHEMA`, each of whole shards, about `PART_ROWS` rows of them; the rows of a shard side
        by side.
    """
    views = _num_views(settings)
    uses = _uses(bags["scan_id"].to_pylist()[::views], settings.seed)
    roles = roles_in_order(settings.controls)
    part_rows = max(1, PART_ROWS // settings.shard_images) * settings.shard_images
    for start in range(0, settings.num_images, part_rows):
        number = min(part_rows, settings.num_images - start) // views
        yield _part(bags, list(islice(uses, number)), list(islice(roles, number)), settings)


def plan_stamp(bags: pa.Table, settings: PlanSettings) -> str:
    """Hash all that a plan is made from, the addresses of its bags too, so that an unchanged one is known again.

    Args:
        bags: See `plan_parts`.
        settings: See `plan_parts`.

    Returns:
        64 hexadecimal digits.
    """
    made_of = [
        PLAN_VERSION,
        settings.num_images,
        settings.seed,
        settings.shard_images,
        settings.controls.empty_share,
        settings.controls.negative_share,
        settings.paired,
    ]
    digest = hashlib.sha256(json.dumps(made_of).encode())
    for batch in bags.select(_BAG_COLUMNS).combine_chunks().to_batches():
        digest.update(batch.serialize())
    return digest.hexdigest()


def planned_images(plan: pa.Table) -> Iterator[PlannedImage]:
    """Give the rows of a plan as records."""
    for row in plan.to_pylist():
        row["bag_objects"] = row["bag_objects"] or []
        row["partner"] = row["partner"] and Partner(**row["partner"])
        yield PlannedImage(**row)


def shards_of(plan: pa.Table) -> list[str]:
    """Give the ids of the shards of a plan, or of a part of it, in plan order."""
    return list(dict.fromkeys(plan["shard_id"].to_pylist()))


def _num_views(settings: PlanSettings) -> int:
    return 2 if settings.paired else 1


def _part(bags: pa.Table, uses: list[tuple[int, int]], roles: list[Role], settings: PlanSettings) -> pa.Table:
    """Plan an image of every view of each bag that is used; a use is a bag's place and its turn."""
    views, seed = _num_views(settings), settings.seed
    indices = [bag * views + view for bag, _ in uses for view in range(views)]
    turns = [turn for _, turn in uses for _ in range(views)]
    rows = bags.take(pa.array(indices))
    scan_ids = rows["scan_id"].to_pylist()
    image_ids = [content_id(*each, str(seed)) for each in zip(scan_ids, map(str, turns), strict=True)]
    pair_ids = _pair_ids(image_ids) if settings.paired else None
    columns = {
        "image_id": pa.array(image_ids),
        "shard_id": pa.array(_shard_ids(image_ids, settings.shard_images)),
        "scan_id": rows["scan_id"],
        # What is drawn for an image comes from its seed; the images of a pair have one, and so draw alike.
        "seed": pa.array([derive_seed(seed, each) for each in pair_ids or image_ids], pa.int64()),
        "role": pa.array([role.value for role in roles for _ in range(views)], pa.string()),
        "scan_uri": rows["uri"],
        "scan_sha256": rows["sha256"],
        "air_level": rows["air_level"],
        "dataset": rows["dataset"],
        "licence": rows["licence"],
        "scanner_id": rows["scanner_id"],
        "bag_kin": pa.array(map(bag_kin, rows.select(KIN_COLUMNS).to_pylist()), pa.string()),
        "bag_objects": _bag_objects(rows["objects"]),
        "bag_items": rows["bag_items"],
        "view": rows["view"],
        "pair_id": pa.array(pair_ids, pa.string()) if pair_ids else pa.nulls(len(indices), pa.string()),
        "partner": _partners(bags, indices) if settings.paired else pa.nulls(len(indices), PARTNER),
    }
    part = {name: _cast(column, PLAN_SCHEMA.field(name).type) for name, column in columns.items()}
    return pa.table(part).cast(PLAN_SCHEMA).combine_chunks()


def _uses(scan_ids: list[str], seed: int) -> Iterator[tuple[int, int]]:
    for turn in count():
        for index in _pass_order(scan_ids, seed, turn):
            yield index, turn


def _pass_order(scan_ids: list[str], seed: int, turn: int) -> list[int]:
    keys = [derive_seed(seed, turn, scan_id) for scan_id in scan_ids]
    return [int(index) for index in np.argsort(np.array(keys, dtype=np.int64), kind="stable")]


def _bag_objects(objects: pa.ChunkedArray) -> pa.Array:
    kept = [
        [
            {name: thing[name] for name in ("label", "bbox_xywh", "mask_rle")}
            for thing in (things or [])
            if "outside" not in (thing["flags"] or [])
        ]
        for things in objects.to_pylist()
    ]
    return pa.array(kept, pa.list_(BAG_OBJECT))


def _shard_ids(image_ids: list[str], shard_images: int) -> list[str]:
    ids = [content_id("shard", first) for first in image_ids[::shard_images]]
    return [ids[place // shard_images] for place in range(len(image_ids))]


def _pair_ids(image_ids: list[str]) -> list[str]:
    return [content_id("pair", first) for first in image_ids[::2] for _ in range(2)]


def _partners(bags: pa.Table, indices: Iterable[int]) -> pa.Array:
    others = bags.take(pa.array([index ^ 1 for index in indices]))
    columns = {"scan_id": "scan_id", "scan_uri": "uri", "scan_sha256": "sha256"}
    columns |= {"air_level": "air_level", "view": "view"}
    values = [others[columns[field.name]].combine_chunks().cast(field.type) for field in PARTNER]
    return pa.StructArray.from_arrays(values, fields=list(PARTNER))


def _cast(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)
