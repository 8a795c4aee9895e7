"""Parser for LabelMe's JSON, one file per image."""

import base64
import binascii
import math

import numpy as np

from rwsc.errors import UnreadableImage
from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import Json, kind_of
from rwsc.sources.masks import encode_rle
from rwsc.sources.schema import BBox, SourceObject
from rwsc.sources.sidecar_text import (
    box_around,
    box_of_corners,
    check_count,
    json_object_of,
    label_of,
    number_of,
)
from rwsc.sources.transparency import without_alpha
from rwsc.storage.images import decode_image, probe_image

FORM = "labelme_json"

_POLYGONS = ("polygon", "rotation", "quadrilateral")
_BOXES = ("rectangle", "mask")
_CIRCLE_CORNERS = 64
_MASK_SLACK_PX = 1
"""LabelMe's corners of a mask lie in it; other tools write the one that lies just outside."""


def parse_labelme(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse a LabelMe file.

    ``imagePath`` is never used: it is where the image lay on the machine of the person who drew. ``imageData``
    is not looked at. Polygons, circles and painted masks give a mask too; a painted mask that is no picture of its
    box's size is flagged ``mask_unreadable``. Shapes without an area (points, lines) have no box and the flag
    ``no_area``, shapes whose points cannot be read have none and ``box_unreadable``.

    Args:
        data: The file.
        image_size_wh: Width and height of the image in pixels, which a painted mask is put into.
        options: ``label``, the class of shapes that state none.

    Returns:
        The shapes as objects.

    Raises:
        DamagedAnnotation: It is no LabelMe file, or a shape has no class.
    """
    document = json_object_of(data)
    shapes = document.get("shapes")
    if not isinstance(shapes, list):
        raise DamagedAnnotation(f"it is not LabelMe's: 'shapes' is {kind_of(shapes)}, not a list")
    check_count(len(shapes))
    fallback = options.get("label")
    return Annotation(
        objects=tuple(
            _object(shape, number, fallback, image_size_wh) for number, shape in enumerate(shapes, 1)
        ),
        stated_size_wh=(number_of(document.get("imageWidth")), number_of(document.get("imageHeight"))),
    )


def _object(shape: Json, number: int, fallback: str | None, image_size_wh: tuple[int, int]) -> SourceObject:
    if not isinstance(shape, dict):
        raise DamagedAnnotation(f"shape {number} is {kind_of(shape)}, not an object")
    label = label_of(shape.get("label")) or fallback
    if label is None:
        raise DamagedAnnotation(f"shape {number} has no label")
    points = _points(shape.get("points"))
    if points is None:
        return SourceObject(label=label, flags=("box_unreadable",))
    polygon = _polygon(points, shape)
    if polygon is not None:
        return SourceObject(label=label, bbox_xywh=box_around(polygon), segmentation=[polygon])
    box = _box(points, shape)
    if box is not None and shape.get("shape_type") == "mask":
        return _painted(label, box, shape.get("mask"), image_size_wh)
    return SourceObject(label=label, bbox_xywh=box, flags=() if box else ("no_area",))


def _painted(label: str, box: BBox, stated: Json, image_size_wh: tuple[int, int]) -> SourceObject:
    """Take a mask that is stated as a picture of its box, in base64; what lies outside the image is cut off."""
    x, y = (round(min(start, start + side)) for start, side in zip(box[:2], box[2:], strict=True))
    patch_hw = _patch(stated, box)
    if patch_hw is None:
        return SourceObject(label=label, bbox_xywh=box, flags=("mask_unreadable",))
    height, width = patch_hw.shape
    mask_HW = np.zeros((image_size_wh[1], image_size_wh[0]), dtype=bool)
    top, left = max(0, y), max(0, x)
    seen_hw = patch_hw[top - y :, left - x :][
        : max(0, mask_HW.shape[0] - top), : max(0, mask_HW.shape[1] - left)
    ]
    mask_HW[top : top + seen_hw.shape[0], left : left + seen_hw.shape[1]] = seen_hw
    return SourceObject(
        label=label,
        bbox_xywh=(float(x), float(y), float(width), float(height)),
        segmentation={"size": list(mask_HW.shape), "counts": encode_rle(mask_HW)},
    )


def _patch(stated: Json, box: BBox) -> np.ndarray | None:
    """Decode the picture of a mask: (h, w), true on the object; None where it is none of its box's size."""
    if not isinstance(stated, str):
        return None
    try:
        data = base64.b64decode(stated, validate=True)
        size = probe_image(data)
        if any(
            abs(side - abs(corner)) > _MASK_SLACK_PX
            for side, corner in zip((size.width, size.height), box[2:], strict=True)
        ):
            return None
        patch = without_alpha(decode_image(data))
    except (binascii.Error, ValueError, UnreadableImage):
        return None
    return np.asarray(patch > 0 if patch.ndim == 2 else (patch > 0).any(axis=2))


def _points(value: Json) -> list[tuple[float, float]] | None:
    """Give the corners; None where there are none or one is no pair of numbers."""
    if not isinstance(value, list):
        return None
    points = []
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            return None
        x, y = number_of(pair[0]), number_of(pair[1])
        if x is None or y is None:
            return None
        points.append((x, y))
    return points or None


def _type_of(points: list[tuple[float, float]], shape: dict) -> str:
    # Old versions and STCray state no type.
    stated = shape.get("shape_type")
    return stated if isinstance(stated, str) else "rectangle" if len(points) == 2 else "polygon"


def _polygon(points: list[tuple[float, float]], shape: dict) -> list[float] | None:
    form = _type_of(points, shape)
    if form == "circle" and len(points) == 2:
        (x, y), rim = points
        radius = math.dist((x, y), rim)
        turns = [2 * math.pi * step / _CIRCLE_CORNERS for step in range(_CIRCLE_CORNERS)]
        points = [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]
    elif form not in _POLYGONS or len(points) < 3:
        return None
    return [value for point in points for value in point]


def _box(points: list[tuple[float, float]], shape: dict) -> BBox | None:
    if _type_of(points, shape) not in _BOXES or len(points) < 2:
        return None
    if len(points) == 2:
        return box_of_corners(*points[0], *points[1])
    return box_around([value for point in points for value in point])
