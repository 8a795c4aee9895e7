"""A parsed COCO document: its tables checked, its annotations sorted by image."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import cast

from rwsc.errors import SourceError
from rwsc.sources.class_names import usable_name
from rwsc.sources.coco_places import Names, key_inside
from rwsc.sources.json_fields import Fields, Json, one_line, records_of, shown
from rwsc.sources.licences import stricter_of
from rwsc.sources.schema import BBox, SourceObject
from rwsc.sources.tree import join


class CocoDocument:
    """The images, objects and licences of a COCO file.

    Of an annotation that is damaged, its image is remembered; of one that belongs to no image, it is counted.
    """

    def __init__(self, document: dict[str, Json], tree: Names, key: str, dropped: Counter[str]) -> None:
        """Check the tables.

        Args:
            document: What `rwsc.sources.json_fields.parse_json` gave.
            tree: The source.
            key: Key of the file; the names of masks count from its folder.
            dropped: Counts, filled in, of what cannot be used or belongs to no image.

        Raises:
            SourceError: It is no COCO, lists no images, or nobody can tell which of them are harmless, as where no
                annotation belongs to any of them.
        """
        uri = tree.uri_of(key) or key
        self._uri = uri
        self._tree = tree
        self._folder = posixpath.dirname(key)
        self._dropped = dropped
        if "images" not in document:
            raise SourceError(
                f"{uri} is not COCO: it has no 'images'", remedy="give a COCO JSON file or a folder"
            )
        self.images = records_of(document, "images", uri)
        """Records of the images as they are; none has been looked at."""

        if not self.images:
            raise SourceError(f"{uri} lists no images")
        if "annotations" not in document and not all(_states_kind(record) for record in self.images):
            raise SourceError(
                f"{uri} has no 'annotations', so nobody can tell which of its scans are harmless",
                remedy="add an empty list of annotations if all are, or give each image a kind",
            )
        annotations = records_of(document, "annotations", uri)
        self._labels: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._read_categories(records_of(document, "categories", uri))
        self.licences: dict[str, str | None] = {}
        """Texts of the licences by id."""

        self._read_licences(document.get("licenses"))
        ids = (_id_in(record, "id") for record in self.images)
        self.num_by_id = Counter(image_id for image_id in ids if image_id is not None)
        """How many images bear an id."""

        self._id_by_number = _by_number(self.num_by_id)

        self.objects: dict[str, list[SourceObject | None]] = defaultdict(list)
        """Objects by the image's id; None stands for one of unknown category."""

        self.damaged: dict[str, str] = {}
        """What is wrong with an annotation of an image, by the image's id."""

        for number, record in enumerate(annotations):
            self._add_annotation(record, number)
        if annotations and not (self.objects or self.damaged or all(map(_states_kind, self.images))):
            raise SourceError(
                f"{uri}: none of its {len(annotations):,} annotations has the 'image_id' of an image in it, so nobody "
                "can tell which of its scans are harmless",
                remedy="let 'image_id' be the image's 'id', or give each image a kind",
            )

    def file_names(self) -> list[str]:
        """Give the file names that are texts, in the file's order."""
        names = (record.get("file_name") for record in self.images if isinstance(record, dict))
        return [name for name in names if isinstance(name, str)]

    def fields(self, record: dict, table: str, number: int) -> Fields:
        """Give access to a record's fields."""
        return Fields(record, where=f"{self._uri}: {table}[{number}]")

    def _read_categories(self, records: list[Json]) -> None:
        for record in records:
            key = _id_in(record, "id")
            stand_in = None if key is None else usable_name(f"category {key}")
            if key is None or stand_in is None:
                self._dropped["damaged category"] += 1
                continue
            name = usable_name(record.get("name"))
            label = (name, ()) if name else (stand_in, ("unnamed_category",))
            if self._labels.setdefault(key, label)[0] != label[0]:
                self._labels[key] = (stand_in, ("ambiguous_category",))

    def _read_licences(self, records: Json) -> None:
        for number, record in enumerate(records if isinstance(records, list) else []):
            key = _id_in(record, "id")
            try:
                fields = self.fields(record, "licenses", number)
                text = None if key is None else fields.text("name") or fields.text("url")
            except SourceError:
                key = None
            if key is None:
                self._dropped["damaged licence"] += 1
            else:
                # Of two texts under one id the stricter; nothing is no text, and would rank above a laxer one.
                self.licences[key] = stricter_of(text, self.licences[key]) if key in self.licences else text

    def _add_annotation(self, record: Json, number: int) -> None:
        image_id = self._image_id(_id_in(record, "image_id"))
        if image_id is None:
            self._dropped["annotation of an unknown image"] += 1
            return
        fields = self.fields(record, "annotations", number)
        category_id = id_of(fields.raw("category_id"))
        if category_id is None:
            stated = shown(fields.raw("category_id"))
            self.damaged.setdefault(image_id, f"annotations[{number}]: 'category_id' is {stated}")
            return
        label = self._labels.get(category_id)
        if label is None:
            self._dropped["annotation of an unknown category"] += 1
        try:
            self.objects[image_id].append(None if label is None else self._object(fields, *label))
        except SourceError as error:
            self.damaged.setdefault(image_id, one_line(error))

    def _image_id(self, stated: str | None) -> str | None:
        """Give the id of the image that is meant: this very id, or else the only one that is equal as a number."""
        if stated is None or stated in self.num_by_id:
            return stated
        number = _number_of(stated)
        return None if number is None else self._id_by_number.get(number)

    def _object(self, fields: Fields, label: str, label_flags: tuple[str, ...]) -> SourceObject:
        segmentation, is_segmentation_sound = _segmentation(fields.raw("segmentation"))
        mask_file, mask_uri = fields.raw("mask_file"), None
        if isinstance(mask_file, str) and (mask_key := key_inside(mask_file)):
            mask_uri = self._tree.uri_of(join(self._folder, mask_key))
        flags = [*label_flags, *["crowd"] * (fields.raw("iscrowd") == 1)]
        if (mask_file and not mask_uri) or not is_segmentation_sound:
            flags.append("mask_unreadable")
        return SourceObject(
            label=label,
            bbox_xywh=cast(BBox | None, fields.numbers("bbox", 4)),
            segmentation=segmentation,
            mask_uri=mask_uri,
            flags=tuple(flags),
        )


def id_of(value: Json) -> str | None:
    """Bring an id to one form: 7, 7.0 and "7" are the same; None for what can be no id."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.isprintable() and value.strip():
        return value.strip()
    return None


def _id_in(record: Json, name: str) -> str | None:
    return id_of(record.get(name)) if isinstance(record, dict) else None


def _by_number(ids: Iterable[str]) -> dict[str, str | None]:
    """Sort ids by their numbers; None stands for several of one number."""
    found: dict[str, str | None] = {}
    for image_id in ids:
        number = _number_of(image_id)
        if number is not None:
            found[number] = None if number in found else image_id
    return found


def _number_of(image_id: str) -> str | None:
    """Give an id of digits alone without the zeros before it; a text, since a file may hold any number of digits."""
    return (image_id.lstrip("0") or "0") if image_id.isascii() and image_id.isdigit() else None


def _states_kind(record: Json) -> bool:
    return not isinstance(record, dict) or record.get("kind") is not None


def _segmentation(stated: Json) -> tuple[list | dict | None, bool]:
    """Take polygons or run lengths that are built as they should be; says whether what is stated is sound.

    What is nested deeper would break whatever copies it on its way to a worker.
    """
    if stated is None or stated == [] or stated == {}:
        return None, True
    if isinstance(stated, dict):
        size, counts = stated.get("size"), stated.get("counts")
        is_sound = _is_flat(size) and (isinstance(counts, str) or _is_flat(counts))
        return ({"size": size, "counts": counts}, True) if is_sound else (None, False)
    is_sound = isinstance(stated, list) and all(map(_is_flat, stated))
    return (stated, True) if is_sound else (None, False)


def _is_flat(value: Json) -> bool:
    return isinstance(value, list) and set(map(type, value)) <= {int, float}
