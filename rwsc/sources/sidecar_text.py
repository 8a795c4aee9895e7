"""Bytes of an annotation file to text, JSON, labels, numbers and boxes; what cannot be one is damage."""

import json

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.json_fields import Json, is_finite, kind_of, one_line, shown
from rwsc.sources.schema import BBox

MAX_TEXT_BYTES = 4 << 20
"""Largest annotation file; one of a few hundred objects has some ten kilobytes."""

MAX_JSON_BYTES = 16 << 20
"""The same for JSON, since LabelMe writes the whole image into it; parsed, it may take twenty times as much."""

MAX_OBJECTS = 10_000
"""Most objects of one image; a file of more is no annotation of a bag, and each one costs time."""

_MAX_LABEL_CHARS = 200
_MAX_NUMBER_CHARS = 64
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def text_of(data: bytes, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Decode an annotation file.

    Args:
        data: UTF-8 with or without a byte-order mark, UTF-16 with one, or else GB 18030, which GBK and
            GB 2312 are part of: tools on Chinese Windows write paths and class names in it.
        max_bytes: Largest size.

    Returns:
        The text without a byte-order mark.

    Raises:
        DamagedAnnotation: The file is larger, or text in none of these.
    """
    if len(data) > max_bytes:
        raise DamagedAnnotation(f"{len(data)} bytes are too many for an annotation of one image")
    encodings = ("utf-16",) if data.startswith(_UTF16_MARKS) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DamagedAnnotation("it is not text")


def json_object_of(data: bytes) -> dict[str, Json]:
    """Parse a JSON object.

    Args:
        data: Bytes as `text_of` takes them.

    Returns:
        The object at the top.

    Raises:
        DamagedAnnotation: There is none, it holds NaN or infinity, or is nested too deeply.
    """
    text = text_of(data, max_bytes=MAX_JSON_BYTES)
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise DamagedAnnotation("it is nested too deeply") from None
    except ValueError as error:
        raise DamagedAnnotation(f"it is not JSON: {one_line(error)}") from None
    if not isinstance(document, dict):
        raise DamagedAnnotation(f"its top level is {kind_of(document)}, not an object")
    return document


def label_of(value: object) -> str | None:
    """Give a class name without surrounding space; None for nothing, an empty text and what is no text.

    Args:
        value: What the file holds.

    Returns:
        The name as the source spells it, or None.

    Raises:
        DamagedAnnotation: It is far too long, or holds characters that no name has.
    """
    if not isinstance(value, str):
        return None
    label = value.strip().strip("\ufeff")
    if len(label) > _MAX_LABEL_CHARS or not " ".join(label.split()).isprintable():
        raise DamagedAnnotation(f"no class is called {shown(label)}")
    return label or None


def number_of(value: object) -> float | None:
    """Give a finite number, stated as a number or as text; None for anything else."""
    if isinstance(value, str):
        if len(value) > _MAX_NUMBER_CHARS or "_" in value:
            return None
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and is_finite(value) else None


def box_of_corners(x0: object, y0: object, x1: object, y1: object) -> BBox | None:
    """Give the box between two corners, sides negative where they are swapped; None if one is no number."""
    left, top, right, bottom = number_of(x0), number_of(y0), number_of(x1), number_of(y1)
    if left is None or top is None or right is None or bottom is None:
        return None
    return left, top, right - left, bottom - top


def box_around(polygon: list[float]) -> BBox:
    """Give the box around a polygon of flat x, y, x, y, ..."""
    xs, ys = polygon[::2], polygon[1::2]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def check_count(num_objects: int) -> None:
    """Refuse a file of more objects than an image can have.

    Args:
        num_objects: How many it states.

    Raises:
        DamagedAnnotation: There are more than `MAX_OBJECTS`.
    """
    if num_objects > MAX_OBJECTS:
        raise DamagedAnnotation(f"{num_objects} objects are too many for one image")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
