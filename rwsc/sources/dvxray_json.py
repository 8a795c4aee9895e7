"""Parser for DvXray's JSON: one file per bag, with a box per view."""

from rwsc.sources.annotation import Annotation, DamagedAnnotation
from rwsc.sources.json_fields import Json, kind_of, shown
from rwsc.sources.schema import SourceObject
from rwsc.sources.sidecar_text import box_of_corners, check_count, json_object_of, label_of

FORM = "dvxray_json"

_NO_OBJECTS = "none"
_UNSEEN = "difficult"


def parse_dvxray(data: bytes, image_size_wh: tuple[int, int], options: dict[str, str]) -> Annotation:
    """Parse what a bag's file states about one of its views.

    Args:
        data: The file. Its ``objects`` are the text ``None`` or a list of label, ``ol_bb`` and ``sd_bb``,
            each of these two corners or the text ``difficult``.
        image_size_wh: Not needed; boxes are in pixels.
        options: ``view``, OL or SD.

    Returns:
        The objects. One that its annotators could not find in this view has no box and the flag
        ``difficult``; one whose box is missing or no box has ``box_unreadable``.

    Raises:
        DamagedAnnotation: It is no file of DvXray's, or an object has no label.
    """
    del image_size_wh
    objects = json_object_of(data).get("objects")
    if isinstance(objects, str) and objects.strip().lower() == _NO_OBJECTS:
        return Annotation()
    if not isinstance(objects, list):
        raise DamagedAnnotation(f"it is not DvXray's: 'objects' is {shown(objects)}, not a list")
    check_count(len(objects))
    field = f"{options.get('view', '').lower()}_bb"
    return Annotation(objects=tuple(_object(thing, number, field) for number, thing in enumerate(objects, 1)))


def _object(thing: Json, number: int, field: str) -> SourceObject:
    if not isinstance(thing, dict):
        raise DamagedAnnotation(f"object {number} is {kind_of(thing)}, not an object")
    label = label_of(thing.get("label"))
    if label is None:
        raise DamagedAnnotation(f"object {number} has no label")
    stated = thing.get(field)
    if isinstance(stated, str) and stated.strip().lower() == _UNSEEN:
        return SourceObject(label=label, flags=("difficult",))
    box = box_of_corners(*stated) if isinstance(stated, list) and len(stated) == 4 else None
    return SourceObject(label=label, bbox_xywh=box, flags=() if box else ("box_unreadable",))
