"""The catalogue's columns, and the records that readers and the catalogue exchange."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pyarrow as pa

CATALOGUE_KIND = "rwsc.catalogue"
CATALOGUE_VERSION = 2

OBJECT = pa.struct(
    [
        ("label", pa.string()),
        ("source_label", pa.string()),
        ("bbox_xywh", pa.list_(pa.float64())),
        ("mask_rle", pa.string()),
        ("flags", pa.list_(pa.string())),
    ]
)

BAG = pa.struct(
    [
        ("bbox_xywh", pa.list_(pa.float64())),
        ("area_px", pa.int64()),
        ("mean_attenuation", pa.float32()),
    ]
)

CATALOGUE_SCHEMA = pa.schema(
    [
        ("scan_id", pa.string()),
        ("uri", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("bit_depth", pa.int32()),
        ("modality", pa.string()),
        ("kind", pa.string()),
        ("dataset", pa.string()),
        ("licence", pa.string()),
        ("scanner_id", pa.string()),
        ("split", pa.string()),
        ("subset", pa.string()),
        ("group", pa.string()),
        ("view", pa.string()),
        ("air_level", pa.list_(pa.float32())),
        ("perceptual_hash", pa.string()),
        ("bags", pa.list_(BAG)),
        ("objects", pa.list_(OBJECT)),
        ("flags", pa.list_(pa.string())),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)
"""Columns of a catalogue, a row per listed image; what could not be seen of it is null."""

Kind = Literal["benign", "threat", "isolated"]
"""benign: a bag without prohibited items; threat: a bag with some; isolated: items alone on the belt."""

KINDS: tuple[Kind, ...] = ("benign", "threat", "isolated")

Status = Literal["ok", "rejected", "failed"]
"""ok: usable; rejected: readable but not to be used; failed: could not be read."""

BBox = tuple[float, float, float, float]
"""x right, y down of the top-left corner, width, height; in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceObject:
    """An annotation as the source states it, before it is held against the picture."""

    label: str
    bbox_xywh: BBox | None = None
    """Box as stated, possibly with swapped corners or outside the picture; None where none is stated."""

    segmentation: list | dict | None = None
    """COCO polygons or run lengths, unchecked."""

    mask_uri: str | None = None
    """Picture whose pixels above 0 are the object; goes before `segmentation`."""

    flags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sidecar:
    """An annotation file of one image, read where the image is read: by a worker."""

    form: str
    """Which parser reads it; a name in `rwsc.sources.sidecars`."""

    uri: str
    options: dict[str, str] = field(default_factory=dict)
    """What the parser must know beside the file: class names, the view, the class of a folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceScan:
    """One image that a source lists, before it is read."""

    uri: str | None
    """Address of the image; None for a name that cannot be one. With a `problem`, of the file at fault."""

    kind: Kind = "benign"
    problem: str | None = None
    """Why the image must not even be looked for."""

    dataset: str | None = None
    licence: str | None = None
    modality: str | None = None
    scanner_id: str | None = None
    split: str | None = None
    subset: str | None = None
    group: str | None = None
    stated_size_wh: tuple[float | None, float | None] = (None, None)
    view: str | None = None
    """Name of the view where a bag is seen from several sides; scans of one bag share their `group`."""

    objects: tuple[SourceObject, ...] = ()
    sidecar: Sidecar | None = None
    """File that holds the objects; they come after those in `objects`."""

    flags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanObject:
    """An annotated object of a catalogued scan."""

    label: str
    """Class by the taxonomy, where it knows the source's name; else the source's name."""

    source_label: str | None = None
    """Class as the source names it."""

    bbox_xywh: list[float]
    """Box inside the picture; as stated where the flags hold ``outside``."""

    mask_rle: str | None = None
    """COCO compressed run lengths of the whole picture's size; None where there is no usable mask."""

    flags: list[str] = field(default_factory=list)
    """swapped, clipped, outside, empty, no_box, crowd; alpha_mask, mask_missing, mask_unreadable,
    mask_size_mismatch or mask_empty; unnamed_category, ambiguous_category, unknown_class; and what the source
    says (difficult, occlusion_2, harmless, ...)."""

    @property
    def is_usable(self) -> bool:
        """Whether the object lies in the picture."""
        return "outside" not in self.flags


@dataclass(frozen=True, kw_only=True, slots=True)
class Bag:
    """One bag of a scan; a conveyor frame may show several."""

    bbox_xywh: list[float]
    """Box around its inside."""

    area_px: int
    """Pixels of its inside."""

    mean_attenuation: float
    """Its density: mean attenuation over its inside and the channels, in nepers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """One row of a catalogue."""

    uri: str | None
    kind: Kind
    status: Status
    reason: str | None = None
    scan_id: str | None = None
    """First 16 hexadecimal digits of the file's SHA-256; None where no bytes could be read."""

    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    bit_depth: int | None = None
    modality: str | None = None
    dataset: str | None = None
    licence: str | None = None
    scanner_id: str | None = None
    split: str | None = None
    subset: str | None = None
    group: str | None = None
    view: str | None = None
    air_level: list[float] | None = None
    perceptual_hash: str | None = None
    """16 hexadecimal digits; pictures that look alike differ in few of their 64 bits."""

    bags: list[Bag] = field(default_factory=list)
    """Bags seen, largest first; several are flagged ``several_bags``."""

    objects: list[ScanObject] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    """size_mismatch, modality_mismatch, unknown_category, unknown_class, unknown_licence, benign_with_objects,
    no_annotation, boxes_disagree, in_several_splits, several_bags, no_bag."""

    def __post_init__(self) -> None:
        if (self.status == "ok") == (self.reason is not None):
            raise ValueError(f"a reason goes with every status but 'ok', not with {self.status!r}")

    def to_row(self) -> dict[str, Any]:
        """Give a value per column of `CATALOGUE_SCHEMA`."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Scan":
        """Rebuild a record from a row with all columns of `CATALOGUE_SCHEMA`."""
        objects = [ScanObject(**thing) for thing in row["objects"] or []]
        bags = [Bag(**bag) for bag in row["bags"] or []]
        return cls(**{**row, "objects": objects, "bags": bags})
