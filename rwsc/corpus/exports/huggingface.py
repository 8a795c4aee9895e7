"""Hugging Face: Parquet files that hold the images themselves, and a card."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from rwsc.corpus.containers import GROUP_BYTES, GROUP_ROWS, IMAGE
from rwsc.corpus.exports.files import Files
from rwsc.corpus.exports.parts import Export, Part, Read
from rwsc.corpus.exports.pictures import Picture
from rwsc.corpus.exports.survey import Survey
from rwsc.sources.parallel import map_in_order
from rwsc.storage.files import open_write
from rwsc.storage.prefix import Prefix

CARD_KEY = "README.md"

_OBJECTS = pa.struct(
    [
        ("bbox", pa.list_(pa.list_(pa.float64()))),
        ("category", pa.list_(pa.int64())),
        ("area", pa.list_(pa.float64())),
        ("mask_rle", pa.list_(pa.string())),
        ("synthetic", pa.list_(pa.bool_())),
        ("occluded_fraction", pa.list_(pa.float64())),
    ]
)
_COLUMNS: dict[str, pa.DataType] = {
    "image": IMAGE,
    "image_id": pa.string(),
    "width": pa.int64(),
    "height": pa.int64(),
    "objects": _OBJECTS,
    "synthetic": pa.bool_(),
    "role": pa.string(),
    "dataset": pa.string(),
    "licence": pa.string(),
}
_CLEAN = "clean_image"


class HuggingFaceFormat:
    """``data/<split>-000000.parquet`` with a row per image, and a card with a YAML header."""

    def __init__(self, *, classes: list[str], licence: str | None, clean_twin: bool) -> None:
        """Fix what every file says of its columns.

        Args:
            classes: Names in the order of their numbers.
            licence: The strictest licence of all images.
            clean_twin: Whether there is a column of bags without what was put in.
        """
        columns = {**_COLUMNS, **({_CLEAN: IMAGE} if clean_twin else {})}
        info = {"features": _features(columns, classes), "license": licence or ""}
        metadata = {"huggingface": json.dumps({"info": info})}
        self._schema = pa.schema(columns.items(), metadata=metadata)

    def check(self, survey: Survey, classes: list[str]) -> None:
        """Refuse arrays, which the feature `Image` does not open."""
        survey.refuse_arrays("Hugging Face's feature Image")

    def part_key(self, part: Part) -> str:
        """Name the Parquet file, which appears when it is whole."""
        return f"data/{part.name}.parquet"

    def write_part(self, out: Prefix, part: Part, read: Read, *, threads: int) -> None:
        """Write one Parquet file; equal images give equal bytes."""

        def read_one(picture: Picture) -> dict[str, Any]:
            return _row(picture, read(picture))

        rows = map_in_order(read_one, part.pictures, max_workers=threads)
        with (
            open_write(out.uri_of(self.part_key(part))) as file,
            # Images are compressed already; what is left is small.
            pq.ParquetWriter(
                file, self._schema, compression="zstd", version="2.6", write_statistics=False
            ) as writer,
        ):
            for group in _groups(rows):
                writer.write_table(pa.Table.from_pylist(group, schema=self._schema))

    def finish(self, out: Prefix, export: Export) -> None:
        """Write the card."""
        out.write(CARD_KEY, _card(export).encode())


def _features(columns: dict[str, pa.DataType], classes: list[str]) -> dict[str, Any]:
    # "Sequence" is what lists are called that old and new versions of the library understand.
    features: dict[str, Any] = {}
    for name, kind in columns.items():
        if kind == IMAGE:
            features[name] = {"_type": "Image"}
        elif pa.types.is_struct(kind):
            features[name] = {
                inner.name: _list_feature(inner.type, classes if inner.name == "category" else None)
                for inner in kind
            }
        else:
            features[name] = _value_feature(kind)
    return features


def _list_feature(kind: pa.ListType, classes: list[str] | None) -> dict[str, Any]:
    item = kind.value_type
    if classes is not None:
        feature: dict[str, Any] = {"names": classes, "_type": "ClassLabel"}
    else:
        feature = _list_feature(item, None) if pa.types.is_list(item) else _value_feature(item)
    return {"feature": feature, "_type": "Sequence"}


def _value_feature(kind: pa.DataType) -> dict[str, Any]:
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}


def _row(picture: Picture, files: Files) -> dict[str, Any]:
    height, width = picture.size_hw
    row = picture.row
    record = {
        "image": {"bytes": files.image, "path": picture.file_name},
        "image_id": picture.image_id,
        "width": width,
        "height": height,
        "objects": {
            "bbox": [thing.bbox_xywh for thing in picture.things],
            "category": [thing.class_id for thing in picture.things],
            **{
                name: [getattr(thing, name) for thing in picture.things]
                for name in ("area", "mask_rle", "synthetic", "occluded_fraction")
            },
        },
        "synthetic": True,
        **{name: row[name] for name in ("role", "dataset", "licence")},
    }
    return (
        record
        if files.clean is None
        else {**record, _CLEAN: {"bytes": files.clean, "path": picture.file_name}}
    )


def _groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    num_bytes = 0
    for row in rows:
        group.append(row)
        num_bytes += sum(len(row[name]["bytes"]) for name in ("image", _CLEAN) if name in row)
        if len(group) == GROUP_ROWS or num_bytes > GROUP_BYTES:
            yield group
            group, num_bytes = [], 0
    if group:
        yield group


def _card(export: Export) -> str:
    survey = export.survey
    header = {
        # The hub knows licences by short names alone; the texts stand below.
        "license": "other",
        "license_name": "see-licences-below",
        "task_categories": ["object-detection"],
        "tags": ["synthetic", "x-ray"],
        "synthetic": True,
        "licences": sorted(survey.num_by_licence),
        "class_names": export.classes,
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    # The hub's name for val.
                    {"split": "validation" if split == "val" else split, "path": f"data/{split}-*.parquet"}
                    for split in export.splits
                ],
            }
        ],
    }
    # As JSON, names cannot end the block they stand in.
    counts = json.dumps(
        {
            "images": survey.num_images,
            "images by licence": dict(sorted(survey.num_by_licence.items())),
            "objects by class": {label: survey.num_by_label[label] for label in export.classes},
        },
        indent=1,
    )
    return f"""---
{yaml.safe_dump(header, sort_keys=False, allow_unicode=True).rstrip()}
---

# Synthetic X-ray baggage images

Every image of this dataset was made by rwsc: prohibited items were put into scans of
bags. None shows a real bag with a real threat, but for objects whose `synthetic` is false, which were in the bag
already. Each image is under the strictest licence of the scans it was made of; the column `licence` states it.

- `objects.bbox` is x, y, width, height in pixels; `objects.category` numbers the class names in their order, from 0.
- `objects.mask_rle` holds COCO's compressed run lengths, for the size height x width; null where nobody drew a mask.
- `role` is positive, empty (an item without attenuation was put in) or negative (the bag as it is). The latter two
  have no objects but those of the bag.
- `clean_image`, if there is one, is the bag without what was put in.

```json
{counts}
```
"""
