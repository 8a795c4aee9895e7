"""Parser for YOLO's text lines: boxes, boxes with a confidence, or polygons, all as shares of the image."""

from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import shown
from rwsc.sources.schema import SourceObject
from rwsc.sources.sidecar_text import box_around, check_count, number_of, text_of

FORM = "yolo_lines"

_BOX_COUNTS = (4, 5)
_MIN_POLYGON_COUNT = 6
_MAX_SHARE = 2.0
"""A share this far above 1 is a pixel coordinate: scaled and clipped it would cover the whole bag."""


def parse_yolo(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse lines ``class cx cy w h``, the same with a confidence, or ``class x y x y x y ...``.

    Args:
        data: The file; an empty one is a background image.
        image_size_wh: Width and height of the image in pixels, which the shares are scaled by.
        options: The class names by their number.

    Returns:
        The objects, in pixels. One whose class number has no name is called ``class_<number>``, and the scan
        is flagged ``unknown_class``.

    Raises:
        DamagedAnnotation: A line is of another form, or in pixels.
    """
    lines = [(number, line) for number, line in enumerate(text_of(data).splitlines(), 1) if line.strip()]
    check_count(len(lines))
    objects = []
    num_unknown = 0
    for number, line in lines:
        class_id, shares = _fields(line, number)
        num_unknown += class_id not in options
        label = options.get(class_id, f"class_{class_id}")
        objects.append(_scaled(label, shares, image_size_wh))
    return Annotation(objects=tuple(objects), flags=("unknown_class",) if num_unknown else ())


def _fields(line: str, number: int) -> tuple[str, list[float]]:
    first, *rest = (number_of(field) for field in line.split())
    shares = [share for share in rest if share is not None and abs(share) <= _MAX_SHARE]
    is_polygon = len(rest) >= _MIN_POLYGON_COUNT and len(rest) % 2 == 0
    if first is None or first < 0 or first != int(first) or not (len(rest) in _BOX_COUNTS or is_polygon):
        raise DamagedAnnotation(f"line {number} is no box and no polygon of YOLO's: {shown(line)}")
    if len(shares) < len(rest):
        raise DamagedAnnotation(f"line {number} holds more than shares between 0 and 1: {shown(line)}")
    return str(int(first)), shares


def _scaled(label: str, shares: list[float], image_size_wh: tuple[int, int]) -> SourceObject:
    width, height = image_size_wh
    if len(shares) in _BOX_COUNTS:
        cx, cy, w, h = shares[:4]
        box = ((cx - w / 2) * width, (cy - h / 2) * height, w * width, h * height)
        return SourceObject(label=label, bbox_xywh=box)
    polygon = [share * side for share, side in zip(shares, [width, height] * (len(shares) // 2), strict=True)]
    return SourceObject(label=label, bbox_xywh=box_around(polygon), segmentation=[polygon])
