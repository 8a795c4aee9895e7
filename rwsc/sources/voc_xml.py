"""Parser for Pascal VOC's XML, one file per image."""

from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import one_line, shown
from rwsc.sources.schema import SourceObject
from rwsc.sources.sidecar_text import box_of_corners, check_count, label_of, number_of, text_of

FORM = "voc_xml"

_FLAGS = {"difficult": "difficult", "truncated": "truncated_in_source"}

Element = Any
"""An element of the standard library; defusedxml is not typed."""


def parse_voc(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse a Pascal VOC file.

    Coordinates are handed on as stated. By VOC's tradition the first pixel is 1, but the X-ray sets that use
    this form count from 0, and nothing in a file tells which; the most that can be lost is one pixel.

    Args:
        data: The file. Document types and entities are refused: they can name other files and grow
            without bound.
        image_size_wh: Not needed; boxes are in pixels.
        options: Not needed.

    Returns:
        The objects; one whose box is missing or holds no numbers has none and the flag ``box_unreadable``.

    Raises:
        DamagedAnnotation: It is no XML, no annotation, or an object has no name.
    """
    del image_size_wh, options
    root = _root_of(text_of(data))
    if str(root.tag).lower() != "annotation":
        raise DamagedAnnotation(f"it is no VOC annotation: its root is {shown(root.tag)}")
    elements = root.findall("object")
    check_count(len(elements))
    return Annotation(
        objects=tuple(_object(element, number) for number, element in enumerate(elements, 1)),
        stated_size_wh=(_side(root, "size/width"), _side(root, "size/height")),
    )


def _root_of(text: str) -> Element:
    try:
        # Text, not bytes: the declared encoding is then ignored, which is as often wrong as right.
        return fromstring(text.strip(), forbid_dtd=True)
    except DefusedXmlException:
        raise DamagedAnnotation(
            "it declares a document type or entities, which no annotation needs"
        ) from None
    except (ParseError, ValueError) as error:
        raise DamagedAnnotation(f"it is not XML: {one_line(error)}") from None


def _object(element: Element, number: int) -> SourceObject:
    label = label_of(element.findtext("name"))
    if label is None:
        raise DamagedAnnotation(f"object {number} has no name")
    box = element.find("bndbox")
    corners = [None if box is None else box.findtext(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    bbox_xywh = box_of_corners(*corners)
    flags = [flag for name, flag in _FLAGS.items() if number_of(element.findtext(name)) == 1]
    if bbox_xywh is None:
        flags.append("box_unreadable")
    return SourceObject(label=label, bbox_xywh=bbox_xywh, flags=tuple(flags))


def _side(root: Element, path: str) -> float | None:
    # Tools that did not open the image write 0.
    return number_of(root.findtext(path)) or None
