"""Check one manifest row against its plan, its run and its own labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rwsc.corpus.commit import image_key
from rwsc.corpus.containers import SUFFIXES
from rwsc.corpus.controls import Role
from rwsc.corpus.manifest import STATUSES
from rwsc.corpus.plan import PlannedImage
from rwsc.corpus.remake import things_of
from rwsc.sources.json_fields import one_line
from rwsc.sources.licences import Licence, classify
from rwsc.sources.masks import decode_rle
from rwsc.storage.images import Codec

Fault = tuple[str, str]
"""Name of a check and what is wrong."""

_AS_PLANNED = (
    "image_id",
    "shard_id",
    "scan_id",
    "scan_sha256",
    "seed",
    "role",
    "dataset",
    "scanner_id",
    "bag_kin",
    "bag_objects",
    "bag_items",
    "view",
    "pair_id",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Promised:
    """What the run card says of every row."""

    engine: str
    weights_sha256: str
    config_fingerprint: str
    code_version: str
    is_commercial: bool
    max_pixels: int
    layout: str
    """How images lie: files, parquet or webdataset."""

    is_marked: bool
    """Whether pictures say themselves that they are synthetic; those of older versions do not."""

    labels: tuple[str, ...] | None
    """Every class of the corpus; None where the card, of an older version, does not tell."""

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> "Promised":
        """Read it from a card of `rwsc.corpus.claim.read_corpus_card`; what it does not state is promised as empty."""
        settings, labels = card["settings"], card.get("labels")
        return cls(
            engine=str(settings.get("engine")),
            weights_sha256=str((card.get("inputs") or {}).get("weights") or ""),
            config_fingerprint=str(card["fingerprint"]),
            code_version=str(card.get("code_version")),
            is_commercial=settings.get("declared_use") == "commercial",
            max_pixels=int(settings.get("max_pixels") or 100_000_000),
            layout=_layout_of(settings),
            is_marked=bool(card.get("file_mark")),
            labels=tuple(map(str, labels)) if isinstance(labels, list) else None,
        )


def row_faults(row: Mapping[str, Any], planned: PlannedImage, promised: Promised) -> Iterator[Fault]:
    """Check a row of the manifest by itself, without its image.

    Args:
        row: A value per column of the manifest's schema.
        planned: The plan's row of the same image.
        promised: What the run card says.

    Yields:
        What is wrong.
    """
    for name in _AS_PLANNED:
        if row[name] != getattr(planned, name):
            yield "row", f"{name} is {_short(row[name])}, planned is {_short(getattr(planned, name))}"
    for name in ("engine", "weights_sha256", "config_fingerprint", "code_version"):
        if row[name] != getattr(promised, name):
            yield "row", f"{name} is {_short(row[name])}, the run's is {_short(getattr(promised, name))}"
    if row["synthetic"] is not True:
        yield "row", "the row is not marked synthetic"
    yield from _status_faults(row, promised.layout)
    yield from _licence_faults(row, planned, promised)
    if row["status"] == "made":
        yield from _label_faults(row, promised)


def has_own_file(row: Mapping[str, Any], layout: str) -> bool:
    """Tell whether a row names the place that its image has in a layout; a damaged row might name any."""
    codecs: tuple[Codec, ...] = ("png", "jpeg", "npy")
    names = (str(row["shard_id"]), str(row["image_id"]))
    return row["uri"] in {image_key(*names, codec, layout) for codec in codecs}


def _layout_of(settings: Mapping[str, Any]) -> str:
    # Older cards know of files alone; what no version writes makes every row a finding.
    layout = settings.get("layout")
    return str(layout) if layout in SUFFIXES else "files"


def _status_faults(row: Mapping[str, Any], layout: str) -> Iterator[Fault]:
    status, role = row["status"], row["role"]
    if status not in STATUSES:
        yield "row", f"the status is {_short(status)}, none of {', '.join(STATUSES)}"
    if (status == "made") == bool(row["reason"]):
        yield "row", f"an image of status {_short(status)} has the reason {_short(row['reason'])}"
    if not has_own_file(row, layout) if status == "made" else (row["uri"] is not None):
        yield "row", f"an image of status {_short(status)} has the file {_short(row['uri'])}"
    laid = {name for name in ("objects", "empty_insertions", "distractors") if row[name]}
    allowed = {
        Role.POSITIVE.value: {"objects", "distractors"},
        Role.EMPTY.value: {"empty_insertions", "distractors"},
    }.get(role, set())
    for name in sorted(laid - (allowed if status == "made" else set())):
        yield "row", f"a {role} image of status {_short(status)} has {name}"


def _licence_faults(row: Mapping[str, Any], planned: PlannedImage, promised: Promised) -> Iterator[Fault]:
    has = classify(row["licence"])
    if has < classify(planned.licence):
        yield "licence", f"{_short(row['licence'])} is more liberal than the bag's {_short(planned.licence)}"
    if promised.is_commercial and has is not Licence.PERMISSIVE:
        yield "licence", f"the corpus is declared commercial, the licence is {_short(row['licence'])}"


def _label_faults(row: Mapping[str, Any], promised: Promised) -> Iterator[Fault]:
    width, height = row["width"] or 0, row["height"] or 0
    if min(width, height) < 1 or width * height > promised.max_pixels:
        yield "row", f"the size {width} x {height} is none that an image of this run can have"
        return
    names: set[str] = set()
    for thing in things_of(row):
        name = thing["object_id"]
        for fault in _thing_faults(thing, width, height):
            yield "label", f"object {_short(name)}: {fault}"
        if name in names:
            yield "label", f"object {_short(name)} is there twice"
        names.add(name)
    known = promised.labels
    for thing in [*row["objects"], *(row["bag_objects"] or [])]:
        if known is not None and thing["label"] not in known:
            yield "label", f"the class {_short(thing['label'])} is none of the corpus"


def _thing_faults(thing: Mapping[str, Any], width: int, height: int) -> Iterator[str]:
    try:
        mask_HW = decode_rle(thing["mask_rle"] or "", height=height, width=width)
    except ValueError as error:
        yield f"its mask is none of this image: {one_line(error)[:100]}"
        return
    if not mask_HW.any():
        yield "its mask is empty"
        return
    if thing["area"] != mask_HW.sum():
        yield f"its area is {thing['area']}, its mask has {mask_HW.sum()} pixels"
    box = _box_of(mask_HW)
    if [float(side) for side in thing["bbox_xywh"] or []] != box:
        yield f"its box is {thing['bbox_xywh']}, the mask's is {box}"
    x, y, fused_width, fused_height = thing["fused_xywh"] or [0, 0, 0, 0]
    left, top, wide, high = box
    if not (x <= left and y <= top and left + wide <= x + fused_width and top + high <= y + fused_height):
        yield f"its mask leaves the rectangle {thing['fused_xywh']} in which it was fused"
    if not 0 <= (thing["occluded_fraction"] or 0.0) <= 1:
        yield f"its occluded share is {thing['occluded_fraction']}"


def _box_of(mask_HW: np.ndarray) -> list[float]:
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    return [
        float(columns[0]),
        float(rows[0]),
        float(columns[-1] - columns[0] + 1),
        float(rows[-1] - rows[0] + 1),
    ]


def _short(value: object) -> str:
    text = one_line(repr(value))
    return text if len(text) <= 60 else text[:57] + "..."
