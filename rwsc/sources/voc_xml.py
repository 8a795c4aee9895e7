"""Parser for Pascal VOC's XML, one file per image."""

from collections.abc import Iterator
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import one_line, shown
from rwsc.sources.schema import SourceObject
from rwsc.sources.sidecar_text import box_of_corners, check_count, label_of, number_of, text_of

FORM = "voc_xml"

_FLAGS = {"difficult": "difficult", "truncated": "truncated_in_source"}
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_BOXES = frozenset(
    {
        *("bndbox", "bndboxes", "robndbox", "bbox", "bboxes", "box", "boxes", "boundingbox", "bounding_box"),
        *("rectangle", "rect", "polygon", "xmin"),
    }
)
"""Elements that only something with a place in the image has, in lower case."""

Element = Any
"""An element of the standard library; defusedxml is not typed."""


def parse_voc(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse a Pascal VOC file.

    Coordinates are handed on as stated. By VOC's tradition the first pixel is 1, but the X-ray sets that use
    this form count from 0, and nothing in a file tells which; the most that can be lost is one pixel.

    Names of elements are read in any case and name space, and objects directly below the root or gathered in
    ``objects``. An object of several boxes is as many objects.

    Args:
        data: The file. Document types and entities are refused: they can name other files and grow
            without bound.
        image_size_wh: Not needed; boxes are in pixels.
        options: Not needed.

    Returns:
        The objects; one whose box is missing or holds no numbers has none and the flag ``box_unreadable``.

    Raises:
        DamagedAnnotation: It is no XML, no annotation, an object has no name, or a box belongs to no object: a file
            whose objects are called otherwise must not pass for one of a harmless bag.
    """
    del image_size_wh, options
    root = _root_of(text_of(data))
    if _name_of(root) != "annotation":
        raise DamagedAnnotation(f"it is no VOC annotation: its root is {shown(root.tag)}")
    gathered = [thing for objects in _children(root, "objects") for thing in _children(objects, "object")]
    elements = [*_children(root, "object"), *gathered]
    _check_no_stray_box(root, elements)
    found = [thing for number, element in enumerate(elements, 1) for thing in _objects(element, number)]
    check_count(len(found))
    size = _child(root, "size")
    return Annotation(objects=tuple(found), stated_size_wh=(_side(size, "width"), _side(size, "height")))


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


def _check_no_stray_box(root: Element, objects: list[Element]) -> None:
    in_objects = {element for thing in objects for element in thing.iter()}
    for element in root.iter():
        if _name_of(element) in _BOXES and element not in in_objects:
            raise DamagedAnnotation(f"it holds a box ({shown(element.tag)}) that is in no object")


def _objects(element: Element, number: int) -> Iterator[SourceObject]:
    """Give an object once for each of its boxes, and once where it has none."""
    label = label_of(_text(element, "name"))
    if label is None:
        raise DamagedAnnotation(f"object {number} has no name")
    flags = [flag for name, flag in _FLAGS.items() if number_of(_text(element, name)) == 1]
    for box in list(_children(element, "bndbox")) or [None]:
        bbox_xywh = box_of_corners(*(_text(box, name) for name in _CORNERS))
        unreadable = ["box_unreadable"] * (bbox_xywh is None)
        yield SourceObject(label=label, bbox_xywh=bbox_xywh, flags=(*flags, *unreadable))


def _side(size: Element | None, name: str) -> float | None:
    # Tools that did not open the image write 0.
    return number_of(_text(size, name)) or None


def _text(element: Element | None, name: str) -> str | None:
    child = None if element is None else _child(element, name)
    return None if child is None else child.text


def _child(element: Element, name: str) -> Element | None:
    return next(_children(element, name), None)


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _name_of(child) == name)


def _name_of(element: Element) -> str:
    # Without the name space, which ElementTree puts before it in braces.
    return str(element.tag).rpartition("}")[2].lower()
