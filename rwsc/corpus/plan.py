"""The plan of a corpus: one row per image to make, named after its content."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np
import pyarrow as pa

from rwsc.corpus.controls import NO_CONTROLS, ControlsConfig, Role, roles_in_order
from rwsc.errors import SourceError
from rwsc.seeds import content_id, derive_seed

_TRAIN_SHARE = 0.7
_VAL_SHARE = 0.15

PLAN_KIND = "rwsc.plan"
PLAN_VERSION = 3
"""2 since shards are named after their first image, so that a plan can grow; 3 since images may come in pairs."""

PART_ROWS = 4096
"""Rows of a plan that are held at once, in whole shards: enough for a short directory of the file, few enough to be
read for the sake of one shard."""

_BAG_COLUMNS = (
    "scan_id", "uri", "sha256", "air_level", "dataset", "licence", "scanner_id", "view", "objects",
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
        ("bag_objects", pa.list_(BAG_OBJECT)),
        ("view", pa.string()),
        ("pair_id", pa.string()),
        ("partner", PARTNER),
    ]
)
"""Columns of a plan. What a worker must know of the bag is repeated here, so that it reads no catalogue."""


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
    bag_objects: list[dict]
    role: str = Role.POSITIVE.value
    """A value of `rwsc.corpus.controls.Role`."""

    view: str | None = None
    """Name of the view that the scan shows, where the catalogue states one."""

    pair_id: str | None = None
    """Alike in both images of a bag of two views, which share their seed and their items too."""

    partner: Partner | None = None
    """The other view, from which the same places can be drawn: an image of a pair is made without the other."""


def usable_bags(catalogue: pa.Table, kinds: Iterable[str], split: str | None) -> pa.Table:
    """Keep the scans of a catalogue that can serve as bags.

    Args:
        catalogue: All columns that a plan needs, `kind`, `status` and `split`.
        kinds: Kinds of scans to keep.
        split: Split to keep, or None for all. Where no bag of a catalogue states a split, `drawn_split` tells.

    Returns:
        The rows kept, sorted by scan id.

    Raises:
        SourceError: Nothing is left.
    """
    wanted = set(kinds)
    names = ["status", "kind", "split", "dataset", "group", "perceptual_hash", "scan_id"]
    rows = catalogue.select(names).to_pylist()
    is_bag = [row["status"] == "ok" and row["kind"] in wanted for row in rows]
    split_of = (
        (lambda row: row["split"])
        if any(row["split"] for row, is_one in zip(rows, is_bag, strict=True) if is_one)
        else drawn_split
    )
    keep = [
        is_one and (split is None or split_of(row) == split) for row, is_one in zip(rows, is_bag, strict=True)
    ]
    bags = catalogue.filter(pa.array(keep, pa.bool_())).sort_by("scan_id")
    if not bags.num_rows:
        wish = f"kind {' or '.join(sorted(wanted))}" + (f" in split {split!r}" if split else "")
        raise SourceError(
            f"the catalogue has no usable scan of {wish} among its {catalogue.num_rows} rows",
            remedy="rwsc sources check shows what a source holds; bag_kinds in [synth] chooses kinds",
        )
    return bags


def drawn_split(row: Mapping[str, Any]) -> str:
    """Assign a bag that states no split to one: 70 % train, 15 % val, 15 % test.

    Bags of one group, and bags that look alike to the last bit of their hash, fall together; a bag stays in
    its split whatever else a catalogue holds.

    Args:
        row: `dataset`, `group`, `perceptual_hash` and `scan_id` of the bag.

    Returns:
        train, val or test.
    """
    kin = f"{row['dataset']}/{row['group']}" if row["group"] else row["perceptual_hash"] or row["scan_id"]
    share = int(content_id("bag split", kin)[:8], 16) / 2**32
    return "train" if share < _TRAIN_SHARE else "val" if share < _TRAIN_SHARE + _VAL_SHARE else "test"


def build_plan(
    bags: pa.Table,
    *,
    num_images: int,
    seed: int,
    shard_images: int,
    controls: ControlsConfig = NO_CONTROLS,
    paired: bool = False,
) -> pa.Table:
    """Plan the images of a small corpus in one table; see `plan_parts`."""
    parts = plan_parts(
        bags, num_images=num_images, seed=seed, shard_images=shard_images, controls=controls, paired=paired
    )
    return pa.concat_tables(parts)


def plan_parts(
    bags: pa.Table,
    *,
    num_images: int,
    seed: int,
    shard_images: int,
    controls: ControlsConfig = NO_CONTROLS,
    paired: bool = False,
) -> Iterator[pa.Table]:
    """Plan the images of a corpus, a part at a time.

    Bags are used in passes, each pass in an order of its own, so every bag is used before any is used again.
    An image's id comes from its bag, its pass and the run's seed, and a shard's id from its first image, so a
    longer plan of the same bags begins with a shorter one, row for row. Controls are among the images, not on
    top of them, and turn some of them into something else without changing the bag or the seed of any. Of bags
    of two views both are planned, side by side, with one role and one seed.

    Args:
        bags: Rows of `usable_bags`, or of `rwsc.corpus.pairs.paired_bags`.
        num_images: Images to plan, controls included; even where they are paired.
        seed: The run's seed.
        shard_images: Images per shard, even where they are paired; the last shard may hold fewer.
        controls: Which shares of the images are controls.
        paired: Whether every two rows of the bags are the views of one.

    Yields:
        Tables of `PLAN_SCHEMA`, each of whole shards, about `PART_ROWS` rows of them; the rows of a shard side
        by side.
    """
    views = 2 if paired else 1
    scan_ids = bags["scan_id"].to_pylist()
    uses = _uses(scan_ids[::views], seed)
    roles = roles_in_order(controls)
    part_rows = max(1, PART_ROWS // shard_images) * shard_images
    for start in range(0, num_images, part_rows):
        indices, image_ids = [], []
        for bag, turn in islice(uses, min(part_rows, num_images - start) // views):
            for index in range(bag * views, (bag + 1) * views):
                indices.append(index)
                image_ids.append(content_id(scan_ids[index], str(turn), str(seed)))
        pair_ids = _pair_ids(image_ids) if paired else None
        shard_ids = [
            content_id("shard", image_ids[place]) for place in range(0, len(image_ids), shard_images)
        ]
        rows = bags.take(pa.array(indices))
        columns = {
            "image_id": pa.array(image_ids),
            "shard_id": pa.array([shard_ids[place // shard_images] for place in range(len(image_ids))]),
            "scan_id": rows["scan_id"],
            # What is drawn for an image comes from its seed; the images of a pair have one, and so draw alike.
            "seed": pa.array([derive_seed(seed, each) for each in pair_ids or image_ids], pa.int64()),
            "role": pa.array(
                [role.value for role in islice(roles, len(image_ids) // views) for _ in range(views)],
                pa.string(),
            ),
            "scan_uri": rows["uri"],
            "scan_sha256": rows["sha256"],
            "air_level": rows["air_level"],
            "dataset": rows["dataset"],
            "licence": rows["licence"],
            "scanner_id": rows["scanner_id"],
            "bag_objects": _bag_objects(rows["objects"]),
            "view": rows["view"],
            "pair_id": pa.array(pair_ids, pa.string()) if pair_ids else pa.nulls(len(indices), pa.string()),
            "partner": _partners(bags, indices) if paired else pa.nulls(len(indices), PARTNER),
        }
        part = {name: _cast(column, PLAN_SCHEMA.field(name).type) for name, column in columns.items()}
        yield pa.table(part).cast(PLAN_SCHEMA).combine_chunks()


def plan_stamp(
    bags: pa.Table,
    *,
    num_images: int,
    seed: int,
    shard_images: int,
    controls: ControlsConfig = NO_CONTROLS,
    paired: bool = False,
) -> str:
    """Hash all that a plan is made from, the addresses of its bags too, so that an unchanged one is known again.

    Args:
        bags: See `plan_parts`.
        num_images: See `plan_parts`.
        seed: See `plan_parts`.
        shard_images: See `plan_parts`.
        controls: See `plan_parts`.
        paired: See `plan_parts`.

    Returns:
        64 hexadecimal digits.
    """
    shares = (controls.empty_share, controls.negative_share)
    made_of = [PLAN_VERSION, num_images, seed, shard_images, *shares, paired]
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
