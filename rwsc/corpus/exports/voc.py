"""Pascal VOC: an XML file per image, and lists of the images of each split."""

import math
import re
from collections.abc import Sequence
from contextlib import ExitStack
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rwsc.corpus.exports.parts import Export, Part, Read, marker_key, write_folder_part
from rwsc.corpus.exports.pictures import Picture, Thing
from rwsc.corpus.exports.survey import Survey
from rwsc.errors import SourceError
from rwsc.storage.files import open_write
from rwsc.storage.prefix import Prefix

_NOT_IN_XML = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write, and the carriage return, which readers turn into a line feed."""

_REPLACEMENT = "\ufffd"


class VocFormat:
    """Images in ``JPEGImages``, whatever their codec, XML in ``Annotations``, lists in ``ImageSets/Main``."""

    def check(self, survey: Survey, classes: list[str]) -> None:
        """Refuse arrays, and class names that XML cannot hold or that readers would change."""
        survey.refuse_arrays("Pascal VOC")
        for label in classes:
            if _NOT_IN_XML.search(label) or label != label.strip() or not label:
                raise SourceError(
                    f"XML cannot hold the class name {label!r}: it has control characters, or blanks at an end",
                    remedy="rename the class with rwsc sources index --taxonomy, or export another format",
                )

    def part_key(self, part: Part) -> str:
        """Name the part's marker."""
        return marker_key(part)

    def write_part(self, out: Prefix, part: Part, read: Read, *, threads: int) -> None:
        """Write image and XML files of a part."""

        def write_picture(picture: Picture) -> None:
            files = read(picture)
            out.write(f"JPEGImages/{picture.file_name}", files.image)
            out.write(f"Annotations/{picture.image_id}.xml", to_xml(picture))
            if files.clean is not None:
                out.write(f"CleanImages/{picture.file_name}", files.clean)

        write_folder_part(out, part, write_picture, threads=threads)

    def finish(self, out: Prefix, export: Export) -> None:
        """Write a list of image names per split, and one of train and val together as VOC has it."""
        with ExitStack() as stack:
            lists = {
                name: stack.enter_context(open_write(out.uri_of(f"ImageSets/Main/{name}.txt")))
                for name in (*export.splits, "trainval")
            }
            for picture in export.pictures():
                line = f"{picture.image_id}\n".encode()
                for name in _lists_of(picture.split):
                    lists[name].write(line)


def to_xml(picture: Picture) -> bytes:
    """Describe an image in Pascal VOC's XML.

    Pixels are counted from 1 and the last one is part of a box, as VOC has it; boxes that end between pixels grow to
    whole ones.

    Args:
        picture: The image.

    Returns:
        The file.
    """
    height, width = picture.size_hw
    row = picture.row
    root = Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", picture.file_name)
    source = SubElement(root, "source")
    for name, value in (
        ("database", "rwsc"),
        ("annotation", "rwsc"),
        ("image", "synthetic"),
        ("synthetic", 1),
        ("licence", row["licence"] or "none stated"),
        ("role", row["role"]),
    ):
        _add(source, name, value)
    size = SubElement(root, "size")
    for name, value in (("width", width), ("height", height), ("depth", row["channels"])):
        _add(size, name, value)
    _add(root, "segmented", 0)
    for thing in picture.things:
        _add_object(root, thing, height, width)
    indent(root)
    return tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _add_object(root: Element, thing: Thing, height: int, width: int) -> None:
    element = SubElement(root, "object")
    for name, value in (
        ("name", thing.label),
        ("pose", "Unspecified"),
        ("truncated", 0),
        ("difficult", 0),
        ("synthetic", int(thing.synthetic)),
    ):
        _add(element, name, value)
    box = SubElement(element, "bndbox")
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), _voc_box(thing, height, width), strict=True):
        _add(box, name, value)


def _voc_box(thing: Thing, height: int, width: int) -> Sequence[int]:
    x, y, w, h = thing.bbox_xywh
    left, top = max(0, math.floor(x)), max(0, math.floor(y))
    return left + 1, top + 1, min(width, math.ceil(x + w)), min(height, math.ceil(y + h))


def _add(parent: Element, name: str, value: str | int) -> None:
    SubElement(parent, name).text = _NOT_IN_XML.sub(_REPLACEMENT, str(value))


def _lists_of(split: str) -> tuple[str, ...]:
    return (split,) if split == "test" else (split, "trainval")
