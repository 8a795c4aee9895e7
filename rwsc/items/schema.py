"""The item bank's columns."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rwsc.items.quality import Quality

ITEMS_KIND = "rwsc.items"
ITEMS_VERSION = 3
"""3 since items know the view they were cut from."""

QUALITY = pa.struct(
    [
        ("area_px", pa.int64()),
        ("side_px", pa.int32()),
        ("fill_ratio", pa.float64()),
        ("frame_share", pa.float64()),
        ("mean_attenuation", pa.float64()),
        ("rim_contrast", pa.float64()),
        ("lost_share", pa.float64()),
        ("num_pieces", pa.int32()),
        ("outside_box_share", pa.float64()),
        ("bag_attenuation", pa.float64()),
        ("clutter", pa.float64()),
        ("residual_bag", pa.float64()),
        ("confidence", pa.float64()),
    ]
)

ITEMS_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("physical_item_id", pa.string()),
        ("identity_stated", pa.bool_()),
        ("label", pa.string()),
        ("dataset", pa.string()),
        ("licence", pa.string()),
        ("scanner_id", pa.string()),
        ("split", pa.string()),
        ("subset", pa.string()),
        ("group", pa.string()),
        ("view", pa.string()),
        ("source_scan_id", pa.string()),
        ("source_bbox", pa.list_(pa.float64())),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("method", pa.string()),
        ("transmission_png", pa.binary()),
        ("alpha_png", pa.binary()),
        ("quality", QUALITY),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("review", pa.string()),
        ("overruled_reason", pa.string()),
    ]
)
"""Columns of an item bank, a row per annotated object of a usable scan.

`physical_item_id` is the smallest `item_id` of those that show one thing; `identity_stated` says that the source
names the thing, so that likeness with others is no proof of sameness. `review` is what a person decided (accept,
reject, or null) and `overruled_reason` why the gate had rejected what the person accepted.
`view` names the side from which a scanner of several views saw it; views of one bag share dataset and `group`.
`source_bbox` is where the cut-out's pixels lie in the scan (x, y, width, height), or the annotation's box
where nothing was cut out. `transmission_png` holds 16-bit RGB, 65535 for air; or, of a scan of two energies, 16-bit
gray of twice the item's height, low above high. `alpha_png` holds 8-bit coverage, 255 for the item.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemRow:
    """One row of an item bank."""

    item_id: str
    physical_item_id: str
    label: str
    status: str
    """ok, rejected (not good enough, or no mask) or failed (the scan could not be read again)."""

    reason: str | None
    dataset: str | None
    licence: str | None
    scanner_id: str | None
    split: str | None
    subset: str | None
    group: str | None
    source_scan_id: str
    source_bbox: list[float]
    width: int | None = None
    height: int | None = None
    method: str | None = None
    transmission_png: bytes | None = None
    alpha_png: bytes | None = None
    quality: Quality | None = None
    view: str | None = None
    """Name of the view, where the source sees a bag from several sides."""

    identity_stated: bool = False
    """Whether the source says which thing is shown: items alone on the belt, grouped by thing."""

    review: str | None = None
    """accept or reject, where a person decided."""

    overruled_reason: str | None = None
    """Why the gate had rejected it, where a person accepted it."""

    def to_row(self) -> dict[str, Any]:
        """Give a value per column of `ITEMS_SCHEMA`."""
        row = {name: getattr(self, name) for name in ITEMS_SCHEMA.names}
        if self.quality is not None:
            row["quality"] = {name: getattr(self.quality, name) for name in (field.name for field in QUALITY)}
        return row
