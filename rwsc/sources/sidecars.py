"""Annotation files of one image each: which parser reads which form."""

from dataclasses import replace

from rwsc.sources import box_lines, dvxray_json, labelme_json, voc_xml, yolo_lines
from rwsc.sources.annotation import Annotation, DamagedAnnotation, SidecarParser
from rwsc.sources.json_fields import one_line, shown
from rwsc.sources.schema import Kind, Sidecar

PARSERS: dict[str, SidecarParser] = {
    voc_xml.FORM: voc_xml.parse_voc,
    yolo_lines.FORM: yolo_lines.parse_yolo,
    labelme_json.FORM: labelme_json.parse_labelme,
    box_lines.FORM: box_lines.parse_box_lines,
    dvxray_json.FORM: dvxray_json.parse_dvxray,
}
"""A parser per form, by the name that `Sidecar.form` holds."""

_UNEXPECTED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def parse_sidecar(sidecar: Sidecar, data: bytes, image_size_wh: tuple[int, int]) -> Annotation:
    """Parse an annotation file.

    Args:
        sidecar: What the source says of the file.
        data: Its bytes.
        image_size_wh: Width and height of its image, in pixels.

    Returns:
        What it states.

    Raises:
        DamagedAnnotation: The form is unknown, or the bytes are not of this form. Nothing else is raised.
    """
    parser = PARSERS.get(sidecar.form)
    if parser is None:
        raise DamagedAnnotation(f"no parser reads annotations of the form {shown(sidecar.form)}")
    try:
        return parser(data, image_size_wh, sidecar.options)
    except DamagedAnnotation:
        raise
    except _UNEXPECTED as error:
        raise DamagedAnnotation(f"{type(error).__name__}: {one_line(error)}") from error


def settle_kind(listed: Kind, annotation: Annotation) -> tuple[Kind, Annotation]:
    """Bring together what a source says of an image and what the image's annotation file says.

    A reader has not opened the file: the kind it gives holds where the file states no object.

    Args:
        listed: Kind by the source's layout.
        annotation: What the file states.

    Returns:
        The kind, which for a bag with objects is never benign, and the annotation, flagged ``no_annotation``
        where the layout promises objects and the file has none.
    """
    if listed == "benign":
        return ("threat" if annotation.objects else "benign"), annotation
    if annotation.objects:
        return listed, annotation
    return listed, replace(annotation, flags=(*annotation.flags, "no_annotation"))


__all__ = ["PARSERS", "Annotation", "DamagedAnnotation", "SidecarParser", "parse_sidecar", "settle_kind"]
