"""The images of a corpus as every format needs them: made ones only, with what they show and where they go."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import tee
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from rwsc.corpus.commit import manifest_key, read_rows
from rwsc.errors import SourceError
from rwsc.sources.masks import decode_rle
from rwsc.sources.parallel import map_in_order
from rwsc.storage.prefix import Prefix

_SUFFIXES = (".png", ".jpg", ".npy")
_NEEDED = (
    "image_id",
    "uri",
    "sha256",
    "width",
    "height",
    "bit_depth",
    "channels",
    "role",
    "scan_id",
    "objects",
    "bag_objects",
)
_READERS = 16
"""Manifests that are read at once: in a bucket each costs a round trip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """One labelled object."""

    label: str
    class_id: int
    """Place in the list of classes, from 0."""

    bbox_xywh: tuple[float, float, float, float]
    mask_rle: str | None
    area: float
    """Pixels of the mask; of the box where there is no mask."""

    synthetic: bool
    """Whether it was put in; False for what was in the bag already."""

    item_id: str | None
    occluded_fraction: float | None

    def mask_HW(self, size_hw: tuple[int, int]) -> np.ndarray | None:
        """Draw its mask; None where it has none, or an empty one.

        Args:
            size_hw: Height and width of the image.

        Returns:
            True where the object is.

        Raises:
            SourceError: The mask is damaged.
        """
        if self.mask_rle is None:
            return None
        mask_HW = _decoded(self.mask_rle, size_hw)
        return mask_HW if mask_HW.any() else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One made image."""

    row: dict[str, Any]
    """Its row of the manifest."""

    split: str
    things: tuple[Thing, ...]

    @property
    def image_id(self) -> str:
        """Its name in every format."""
        return str(self.row["image_id"])

    @property
    def suffix(self) -> str:
        """Ending of its file's name: .png, .jpg or .npy."""
        return suffix_of(self.row)

    @property
    def file_name(self) -> str:
        """Its file's name."""
        return f"{self.image_id}{self.suffix}"

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.row["height"], self.row["width"]

    @property
    def num_raw_bytes(self) -> int:
        """What its pixels take before encoding, which is known without reading it."""
        return int(self.row["height"] * self.row["width"] * self.row["channels"] * self.row["bit_depth"] // 8)


def made_rows(corpus: Prefix, shards: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Read the rows of made images, a few shards at a time.

    Args:
        corpus: The corpus.
        shards: Its committed shards.

    Yields:
        Rows; objects of the bag that have no extent are left out, since no format can hold them.

    Raises:
        SourceError: A row is damaged, or bears a name that no file can have.
    """
    shards, again = tee(shards)
    read = map_in_order(lambda shard: read_rows(corpus, shard), shards, max_workers=_READERS)
    for shard, rows in zip(again, read, strict=True):
        for row in rows:
            if row["status"] == "made":
                _check(row, corpus.uri_of(manifest_key(shard)))
                in_bag = [thing for thing in row["bag_objects"] if _has_extent(thing)]
                yield {**row, "bag_objects": in_bag}


def suffix_of(row: dict[str, Any]) -> str:
    """Give the ending of an image's file name: .png, .jpg or .npy."""
    return PurePosixPath(row["uri"]).suffix


def is_labelled(row: dict[str, Any]) -> bool:
    """Tell whether an image shows any labelled object."""
    return bool(row["objects"] or row["bag_objects"])


def labels_of(row: dict[str, Any]) -> Iterator[str]:
    """Give the class of each labelled object."""
    yield from (thing["label"] for thing in (*row["objects"], *row["bag_objects"]))


def pictures_of(
    rows: Iterable[dict[str, Any]], classes: Sequence[str], split_of: Callable[[dict[str, Any]], str]
) -> Iterator[Picture]:
    """Describe made images for the formats.

    Args:
        rows: Rows of `made_rows`.
        classes: Names in the order of their numbers; every label is among them.
        split_of: Names the split of a row.

    Yields:
        One picture per row.
    """
    numbers = {label: number for number, label in enumerate(classes)}
    for row in rows:
        things = tuple(_thing(thing, row, numbers) for thing in (*row["objects"], *row["bag_objects"]))
        yield Picture(row=row, split=split_of(row), things=things)


def _thing(thing: dict[str, Any], row: dict[str, Any], numbers: dict[str, int]) -> Thing:
    x, y, width, height = (float(side) for side in thing["bbox_xywh"])
    area = thing.get("area")
    if area is None and thing["mask_rle"]:
        area = _decoded(thing["mask_rle"], (row["height"], row["width"])).sum()
    return Thing(
        label=thing["label"],
        class_id=numbers[thing["label"]],
        bbox_xywh=(x, y, width, height),
        mask_rle=thing["mask_rle"],
        area=float(width * height if area is None else area),
        synthetic="item_id" in thing,
        item_id=thing.get("item_id"),
        occluded_fraction=thing.get("occluded_fraction"),
    )


def _has_extent(thing: dict[str, Any]) -> bool:
    _, _, width, height = thing["bbox_xywh"]
    return bool(width > 0 and height > 0)


def _decoded(mask_rle: str, size_hw: tuple[int, int]) -> np.ndarray:
    try:
        return decode_rle(mask_rle, height=size_hw[0], width=size_hw[1])
    except ValueError as error:
        raise SourceError(f"the mask {mask_rle[:20]!r} of an object is damaged: {error}") from None


def _check(row: dict[str, Any], uri: str) -> None:
    """Refuse a row that formats would stumble over: a corpus may come from somebody else, or an older rwsc."""
    lacking = [name for name in _NEEDED if row.get(name) is None]
    if lacking:
        raise SourceError(
            f"image {row.get('image_id')!r} of the manifest {uri} has no {', '.join(lacking)}",
            remedy="make the corpus again with this rwsc",
        )
    # Names become those of files, and of keys in a tar.
    name = row["image_id"]
    if not (name.isascii() and name.isalnum()) or suffix_of(row) not in _SUFFIXES:
        raise SourceError(f"{uri}: the image {name!r} at {row['uri']!r} has no name that rwsc gives")
    for thing in (*row["objects"], *row["bag_objects"]):
        box = thing["bbox_xywh"]
        if not thing["label"] or box is None or len(box) != 4 or not all(map(math.isfinite, box)):
            raise SourceError(f"{uri}: image {name} has an object {thing['label']!r} whose box is {box}")
