"""Parser for the text lines of OPIXray, HiXray and EDS: image name, class, two corners."""

from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import shown
from rwsc.sources.schema import SourceObject
from rwsc.sources.sidecar_text import box_of_corners, check_count, label_of, text_of

FORM = "box_lines"

_NUM_FIELDS = 6


def parse_box_lines(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse lines such as ``00001.jpg knife 231 194 402 431``.

    The image name is ignored, since it is often that of another file; it may hold spaces.

    Args:
        data: The file.
        image_size_wh: Not needed; boxes are in pixels.
        options: ``occlusion``, the level of all objects, becomes their flag ``occlusion_<level>``.

    Returns:
        The objects, corners as stated.

    Raises:
        DamagedAnnotation: A line is of another form.
    """
    del image_size_wh
    level = options.get("occlusion")
    flags = (f"occlusion_{level}",) if level else ()
    lines = [(number, line) for number, line in enumerate(text_of(data).splitlines(), 1) if line.strip()]
    check_count(len(lines))
    return Annotation(objects=tuple(_object(line, number, flags) for number, line in lines))


def _object(line: str, number: int, flags: tuple[str, ...]) -> SourceObject:
    fields = line.split()
    box = box_of_corners(*fields[-4:]) if len(fields) >= _NUM_FIELDS else None
    label = label_of(fields[-5]) if box is not None else None
    if box is None or label is None:
        raise DamagedAnnotation(f"line {number} is not 'name class x1 y1 x2 y2': {shown(line)}")
    return SourceObject(label=label, bbox_xywh=box, flags=flags)
