"""The COCO file of a corpus, streamed from its manifest."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

from rwsc.corpus.containers import parts_of
from rwsc.sources.masks import decode_rle
from rwsc.storage.files import open_write

COCO_KEY = "annotations.coco.json"
"""Where a corpus has its own COCO file."""


def write_coco(rows: Iterable[dict[str, Any]], labels: list[str], uri: str) -> tuple[int, int]:
    """Write the made images of a corpus as one COCO file.

    Control images are images without annotations, but for objects that were in the bag; distractors are none.
    Inserted items and the objects that were in the bags already are both annotations; ``synthetic`` tells
    them apart. Masks are compressed RLE. ``file_name`` is the image's path in the corpus; of an image in a container
    it is the image's name there, and ``container`` the path of the Parquet file or tar.

    Args:
        rows: Manifest rows, in the order in which images are numbered from 1.
        labels: Every class of the corpus; category ids follow their order, from 1.
        uri: Where the file goes.

    Returns:
        Number of images and of annotations written.
    """
    categories = {label: number for number, label in enumerate(labels, start=1)}
    licences: dict[str, int] = {}
    num_images = num_annotations = 0
    # Annotations wait in a temporary file, so that both lists are written in one pass over the manifest.
    with open_write(uri) as out, tempfile.TemporaryFile() as waiting:
        out.write(_head(categories))
        for row in rows:
            if row["status"] != "made":
                continue
            num_images += 1
            _append(out, num_images == 1, _image(row, num_images, licences))
            for annotation in _annotations(row, num_images, categories):
                num_annotations += 1
                _append(waiting, num_annotations == 1, {"id": num_annotations, **annotation})
        out.write(b'],\n"annotations": [')
        waiting.seek(0)
        while chunk := waiting.read(1 << 20):
            out.write(chunk)
        out.write(f'],\n"licenses": {json.dumps(_licences(licences))}}}\n'.encode())
    return num_images, num_annotations


def _head(categories: dict[str, int]) -> bytes:
    listed = [
        {"id": number, "name": label, "supercategory": "prohibited_item"}
        for label, number in categories.items()
    ]
    info = {"description": "synthetic X-ray baggage images", "synthetic": True}
    return f'{{"info": {json.dumps(info)},\n"categories": {json.dumps(listed)},\n"images": ['.encode()


def _append(out: IO[bytes], first: bool, record: dict[str, Any]) -> None:
    out.write((b"\n" if first else b",\n") + json.dumps(record).encode())


def _image(row: dict[str, Any], number: int, licences: dict[str, int]) -> dict[str, Any]:
    licence = row["licence"]
    known = {"license": licences.setdefault(licence, len(licences) + 1)} if licence else {}
    container, name = parts_of(row["uri"])
    return {
        "id": number,
        "file_name": name,
        **({"container": container} if container else {}),
        "width": row["width"],
        "height": row["height"],
        "image_id": row["image_id"],
        "synthetic": True,
        "role": row["role"],
        "licence": licence,
        **known,
    }


def _licences(licences: dict[str, int]) -> list[dict[str, Any]]:
    return [{"id": number, "name": licence} for licence, number in licences.items()]


def _annotations(row: dict[str, Any], number: int, categories: dict[str, int]) -> Iterator[dict[str, Any]]:
    size = [row["height"], row["width"]]
    for thing in row["objects"]:
        yield {
            **_annotation(thing, number, categories, size),
            "area": thing["area"],
            "synthetic": True,
            "item_id": thing["item_id"],
            "occluded_fraction": thing["occluded_fraction"],
        }
    for thing in row["bag_objects"] or []:
        yield {**_annotation(thing, number, categories, size), "area": _area(thing, size), "synthetic": False}


def _annotation(
    thing: dict[str, Any], number: int, categories: dict[str, int], size: list[int]
) -> dict[str, Any]:
    rle = thing["mask_rle"]
    # COCO's own tools cannot read an object without a segmentation, so one without a mask gets its box as a
    # polygon, and says so.
    segmentation = {"size": size, "counts": rle} if rle else [_box_polygon(thing["bbox_xywh"])]
    return {
        "image_id": number,
        "category_id": categories[thing["label"]],
        "bbox": thing["bbox_xywh"],
        "iscrowd": 0,
        "segmentation": segmentation,
        **({} if rle else {"segmentation_is_box": True}),
    }


def _area(thing: dict[str, Any], size: list[int]) -> float:
    if thing["mask_rle"]:
        return float(decode_rle(thing["mask_rle"], height=size[0], width=size[1]).sum())
    _, _, width, height = thing["bbox_xywh"]
    return float(width * height)


def _box_polygon(bbox_xywh: list[float]) -> list[float]:
    x, y, width, height = bbox_xywh
    return [x, y, x + width, y, x + width, y + height, x, y + height]
