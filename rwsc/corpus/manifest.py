"""The manifest: exactly one row per planned image, whatever became of it.

`uri` says where a made image lies inside the corpus: ``images/<shard>/<image_id>.png``, a file of its own, or
``images/<shard>.parquet#<image_id>.png`` and ``images/<shard>.tar#<image_id>.png``, the member of that name in its
shard's container. `sha256` is that of the image's own bytes in each. `rwsc.corpus.containers` reads all three.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from rwsc.corpus.plan import BAG_OBJECT, PlannedImage

MANIFEST_KIND = "rwsc.manifest"
MANIFEST_VERSION = 3
"""2 since images may come in pairs; 3 since rows say which scans show one bag, and what was cut out of them."""

STATUSES = ("made", "rejected", "failed")
"""What can become of a planned image."""

OBJECT = pa.struct(
    [
        ("object_id", pa.string()),
        ("item_id", pa.string()),
        ("physical_item_id", pa.string()),
        ("label", pa.string()),
        ("bbox_xywh", pa.list_(pa.float64())),
        ("area", pa.int64()),
        ("mask_rle", pa.string()),
        ("x", pa.int32()),
        ("y", pa.int32()),
        ("rotation_deg", pa.float64()),
        ("scale", pa.float64()),
        ("flip", pa.bool_()),
        ("occluded_fraction", pa.float64()),
        ("occlusion_level", pa.int32()),
        ("occlusion_wanted", pa.int32()),
        ("overlaps", pa.list_(pa.string())),
        ("placement_score", pa.float64()),
        ("fused_xywh", pa.list_(pa.int32())),
    ]
)
QUALITY = pa.struct(
    [("items_wanted", pa.int32()), ("items_placed", pa.int32()), ("mean_darkening", pa.float64())]
)

MANIFEST_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("shard_id", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("synthetic", pa.bool_()),
        ("uri", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("bit_depth", pa.int32()),
        ("channels", pa.int32()),
        ("sha256", pa.string()),
        ("scan_id", pa.string()),
        ("scan_uri", pa.string()),
        ("scan_sha256", pa.string()),
        ("dataset", pa.string()),
        ("licence", pa.string()),
        ("scanner_id", pa.string()),
        ("engine", pa.string()),
        ("weights_sha256", pa.string()),
        ("config_fingerprint", pa.string()),
        ("code_version", pa.string()),
        ("seed", pa.int64()),
        ("role", pa.string()),
        ("view", pa.string()),
        ("pair_id", pa.string()),
        ("bags_xywh", pa.list_(pa.list_(pa.int32()))),
        ("objects", pa.list_(OBJECT)),
        ("empty_insertions", pa.list_(OBJECT)),
        ("distractors", pa.list_(OBJECT)),
        ("bag_kin", pa.string()),
        ("bag_objects", pa.list_(BAG_OBJECT)),
        ("bag_items", pa.list_(pa.string())),
        ("quality", QUALITY),
    ]
)
"""Columns of a manifest shard. Nothing here depends on when, where or by how many workers it was written.

Scans of one bag have one `bag_kin`; `bag_items` are the physical items of the bank that were cut out of the scan, and
so are among its `bag_objects`. By both and by what was put in, splits of the images keep bags and items whole.
"""

_LAID = ("objects", "empty_insertions", "distractors")
REQUIRED = ("image_id", "status", "role", "scan_uri", "bag_kin", "bag_items", *_LAID)
"""Columns without a missing value."""

REQUIRED_INSIDE = (
    *(
        f"{name}.{field}"
        for name in _LAID
        for field in ("object_id", "item_id", "label", "bbox_xywh", "area", "mask_rle", "x", "y", "rotation_deg",
                      "scale", "flip", "fused_xywh")
    ),
    "bag_objects.label",
    "bag_objects.bbox_xywh",
)  # fmt: skip
"""What nothing that lies in an image may lack."""

BOX_LENGTHS = {f"{name}.{box}": 4 for name in _LAID for box in ("bbox_xywh", "fused_xywh")}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What every row of a corpus shares."""

    engine: str
    weights_sha256: str
    config_fingerprint: str
    code_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one planned image."""

    status: str
    """made, rejected (nothing could be placed) or failed (the bag could not be used)."""

    reason: str | None = None
    image_key: str | None = None
    """What the column `uri` says; set when and only when the image was made."""

    width: int | None = None
    height: int | None = None
    bit_depth: int | None = None
    channels: int | None = None
    """1 gray, 2 low and high energy, 3 RGB."""

    sha256: str | None = None
    licence: str | None = None
    """Strictest licence of what went into the image; None where one of them states none. Set when it was made."""

    bags_xywh: list[list[int]] = field(default_factory=list)
    """Box around each bag that was found in the scan, in pixels."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    empty_insertions: list[dict[str, Any]] = field(default_factory=list)
    """Items that went through the engine without any attenuation; they are not to be seen, and no objects."""

    distractors: list[dict[str, Any]] = field(default_factory=list)
    """Harmless things that were put in; no objects."""

    quality: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if (self.status == "made") != (self.image_key is not None):
            raise ValueError(f"an image key goes with status 'made' and no other, not with {self.status!r}")
        if (self.status == "made") == (self.reason is not None):
            raise ValueError(f"a reason goes with every status but 'made', not with {self.status!r}")


def lacking_columns(schema: pa.Schema) -> list[str]:
    """Name what readers of a manifest look for and a table does not have.

    Args:
        schema: Columns of the table; those that are there have the types of `MANIFEST_SCHEMA`.

    Returns:
        Columns, and fields of what lies in an image as ``objects.label``.
    """
    lacking = [name for name in MANIFEST_SCHEMA.names if name not in schema.names]
    for name in (name for name in _LAID if name in schema.names):
        thing = schema.field(name).type.value_type
        lacking += [f"{name}.{field.name}" for field in OBJECT if thing.get_field_index(field.name) < 0]
    return lacking


def to_row(planned: PlannedImage, outcome: Outcome, facts: RunFacts) -> dict[str, Any]:
    """Join what was planned, what became of it and what the run shares into one manifest row.

    Args:
        planned: The plan's row.
        outcome: What became of it.
        facts: What every row of the run shares.

    Returns:
        A value per column of `MANIFEST_SCHEMA`.
    """
    return {
        "image_id": planned.image_id,
        "shard_id": planned.shard_id,
        "status": outcome.status,
        "reason": outcome.reason,
        "synthetic": True,
        "uri": outcome.image_key,
        "width": outcome.width,
        "height": outcome.height,
        "bit_depth": outcome.bit_depth,
        "channels": outcome.channels,
        "sha256": outcome.sha256,
        "scan_id": planned.scan_id,
        "scan_uri": planned.scan_uri,
        "scan_sha256": planned.scan_sha256,
        "dataset": planned.dataset,
        "licence": outcome.licence if outcome.status == "made" else planned.licence,
        "scanner_id": planned.scanner_id,
        "seed": planned.seed,
        "role": planned.role,
        "view": planned.view,
        "pair_id": planned.pair_id,
        "bags_xywh": outcome.bags_xywh,
        "objects": outcome.objects,
        "empty_insertions": outcome.empty_insertions,
        "distractors": outcome.distractors,
        "bag_kin": planned.bag_kin,
        "bag_objects": planned.bag_objects,
        "bag_items": planned.bag_items,
        "quality": outcome.quality,
        **asdict(facts),
    }


def to_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Turn manifest rows into a table of `MANIFEST_SCHEMA`."""
    return pa.Table.from_pylist(rows, schema=MANIFEST_SCHEMA)
