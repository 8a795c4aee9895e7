"""Parser for the text lines of OPIXray, HiXray and EDS: image name, class, two corners."""

from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import shown
from rwsc.sources.schema import SourceObject
from rwsc.sources.sidecar_text import box_of_corners, check_count, label_of, number_of, text_of
from rwsc.sources.tree import IMAGE_SUFFIXES

FORM = "box_lines"

_NUM_CORNERS = 4


def parse_box_lines(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse lines such as ``00001.jpg knife 231 194 402 431``.

    The image name is ignored, since it is often that of another file; it may hold spaces. Where it ends like one
    of an image, so may the class, whose words are then joined by ``_``.

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
    words, corners = fields[:-_NUM_CORNERS], fields[-_NUM_CORNERS:]
    box = box_of_corners(*corners) if words else None
    label = label_of("_".join(_class_in(words)))
    if box is None or label is None:
        raise DamagedAnnotation(f"line {number} is not 'name class x1 y1 x2 y2': {shown(line)}")
    return SourceObject(label=label, bbox_xywh=box, flags=flags)


def _class_in(words: list[str]) -> list[str]:
    """Give the words of the class out of those before the corners; none where they cannot be told."""
    ends_of_name = [place for place, word in enumerate(words, 1) if word.lower().endswith(IMAGE_SUFFIXES)]
    # The last, for a name such as "a.jpg copy.jpg"; without any the name may hold spaces, and the class none.
    found = words[ends_of_name[-1] :] if ends_of_name else words[1:][-1:]
    # A number among them is one column too many, and then nobody knows which four are the corners.
    return [] if any(number_of(word) is not None for word in found) else found
