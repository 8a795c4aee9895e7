"""Parser for LabelMe's JSON, one file per image."""

import math

from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import Json, kind_of
from rwsc.sources.schema import BBox, SourceObject
from rwsc.sources.sidecar_text import (
    box_around,
    box_of_corners,
    check_count,
    json_object_of,
    label_of,
    number_of,
)

FORM = "labelme_json"

_POLYGONS = ("polygon", "rotation", "quadrilateral")
_BOXES = ("rectangle", "mask")
_CIRCLE_CORNERS = 64


def parse_labelme(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse a LabelMe file.

    ``imagePath`` is never used: it is where the image lay on the machine of the person who drew. ``imageData``
    is not looked at. Polygons and circles give a mask too; shapes without an area (points, lines) have no box
    and the flag ``no_area``, shapes whose points cannot be read have none and ``box_unreadable``.

    Args:
        data: The file.
        image_size_wh: Not needed; points are in pixels.
        options: ``label``, the class of shapes that state none.

    Returns:
        The shapes as objects.

    Raises:
        DamagedAnnotation: It is no LabelMe file, or a shape has no class.
    """
    del image_size_wh
    document = json_object_of(data)
    shapes = document.get("shapes")
    if not isinstance(shapes, list):
        raise DamagedAnnotation(f"it is not LabelMe's: 'shapes' is {kind_of(shapes)}, not a list")
    check_count(len(shapes))
    fallback = options.get("label")
    return Annotation(
        objects=tuple(_object(shape, number, fallback) for number, shape in enumerate(shapes, 1)),
        stated_size_wh=(number_of(document.get("imageWidth")), number_of(document.get("imageHeight"))),
    )


def _object(shape: Json, number: int, fallback: str | None) -> SourceObject:
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
    return SourceObject(label=label, bbox_xywh=box, flags=() if box else ("no_area",))


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
