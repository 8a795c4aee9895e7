"""Reader for COCO annotation files, with a few optional fields of our own."""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import cast

from rwsc.errors import SourceError, StorageError
from rwsc.sources.json_fields import Fields, parse_json, records_of, shown
from rwsc.sources.schema import KINDS, BBox, Kind, SourceObject, SourceScan
from rwsc.storage.prefix import Prefix, absolute_uri, read_uri, split_uri

Id = str | int

_NUM_PROBED = 3


def read_coco(
    uri: str, *, split: str | None = None, dropped: Counter[str] | None = None
) -> Iterator[SourceScan]:
    """Read a COCO file: its images in the file's order, each with its annotations.

    Beyond COCO, an image may state ``kind`` (benign, threat, isolated; otherwise threat where it has
    annotations, benign where it has none), ``modality``, ``origin_dataset``, ``group``, ``split``, ``subset``
    and ``scanner_id`` (otherwise none), and an annotation ``mask_file``, a picture of the image's size that
    is above 0 on the object and keeps its holes. Other fields are ignored. File names count from the JSON's
    folder; where nothing is there and the folder is called ``annotations``, from the folders beside it.

    Args:
        uri: Address of the JSON file.
        split: Split of images that state none.
        dropped: Counts, filled in, of annotations that belong to no listed image or no listed category.

    Returns:
        An iterator over the images. No image has been read, but the whole JSON has been checked.

    Raises:
        SourceError: The file is no COCO file, lists no images, or uses an image id twice.
        StorageError: It cannot be read.
    """
    address = absolute_uri(uri)
    document = parse_json(read_uri(address), address)
    return iter(_CocoFile(document, address, split, dropped if dropped is not None else Counter()).scans())


def key_inside(name: str) -> str | None:
    """Turn a file name from an annotation into a key, or None where it points out of the folder.

    Args:
        name: Relative path; backslashes count as slashes.

    Returns:
        A normalised key without ``..``, or None.
    """
    path = name.replace("\\", "/")
    if "\0" in path or path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return None
    key = posixpath.normpath(path)
    return None if key in (".", "..") or key.startswith("../") else key


def address_inside(folder: Prefix, name: str) -> str | None:
    """Give the address of a file that an annotation names, or None where no such file may be looked for.

    Args:
        folder: Where names count from.
        name: Relative path.

    Returns:
        An address below the folder, or None.
    """
    key = key_inside(name)
    try:
        return folder.uri_of(key) if key else None
    except StorageError:
        return None


class _CocoFile:
    """A parsed COCO document, checked and joined."""

    def __init__(self, document: dict, uri: str, split: str | None, dropped: Counter[str]) -> None:
        self._uri = uri
        self._split = split
        self._dropped = dropped
        self._folder = Prefix(split_uri(uri)[0])
        if "images" not in document:
            raise SourceError(
                f"{uri} is not COCO: it has no 'images'", remedy="give a COCO JSON file or a folder"
            )
        self._licences = self._names(document, "licenses", required=False)
        self._categories = self._names(document, "categories", required=True)
        self._images = self._by_id(document)
        self._objects = self._annotations(document)
        self._is_annotated = "annotations" in document
        self._root = self._find_root()

    def scans(self) -> list[SourceScan]:
        """Join images and annotations; annotated images first.

        Of two images with the same bytes the first is kept, and it must not be one that hides an annotation.
        """
        scans = [self._scan(image_id, image) for image_id, image in self._images.items()]
        if not self._is_annotated and any(image.raw("kind") is None for image in self._images.values()):
            raise SourceError(
                f"{self._uri} has no 'annotations', so nobody can tell which of its scans are harmless",
                remedy="add an empty list of annotations if all are, or give each image a kind",
            )
        return sorted(scans, key=lambda scan: not scan.objects)

    def _names(self, document: dict, table: str, *, required: bool) -> dict[Id, str]:
        names: dict[Id, str] = {}
        for number, record in enumerate(records_of(document, table, self._uri)):
            fields = self._fields(record, table, number)
            name = (
                fields.required_text("name").strip()
                if required
                else fields.text("name") or fields.text("url")
            )
            key = fields.identity("id")
            if names.setdefault(key, name or "") != (name or ""):
                raise SourceError(f"{self._uri}: id {shown(key)} stands for two {table}")
        return names

    def _by_id(self, document: dict) -> dict[Id, Fields]:
        images: dict[Id, Fields] = {}
        for number, record in enumerate(records_of(document, "images", self._uri)):
            fields = self._fields(record, "images", number)
            image_id = fields.identity("id")
            if image_id in images:
                raise SourceError(
                    f"{self._uri}: image id {shown(image_id)} is used twice",
                    remedy="number the images anew, or split the file",
                )
            images[image_id] = fields
        if not images:
            raise SourceError(f"{self._uri} lists no images")
        return images

    def _annotations(self, document: dict) -> dict[Id, list[SourceObject | None]]:
        """Group annotations by image; None stands for one of unknown category."""
        objects: dict[Id, list[SourceObject | None]] = defaultdict(list)
        for number, record in enumerate(records_of(document, "annotations", self._uri)):
            fields = self._fields(record, "annotations", number)
            image_id = fields.identity("image_id")
            if image_id not in self._images:
                self._dropped["annotation of an unknown image"] += 1
                continue
            label = self._categories.get(fields.identity("category_id"))
            if label is None:
                self._dropped["annotation of an unknown category"] += 1
            objects[image_id].append(None if label is None else self._object(fields, label))
        return objects

    def _object(self, fields: Fields, label: str) -> SourceObject:
        segmentation = fields.raw("segmentation")
        mask_file = fields.text("mask_file")
        mask_uri = address_inside(self._folder, mask_file) if mask_file else None
        flags = ["crowd"] if fields.raw("iscrowd") == 1 else []
        if (mask_file and not mask_uri) or not isinstance(segmentation, list | dict | None):
            flags.append("mask_unreadable")
        return SourceObject(
            label=label,
            bbox_xywh=cast(BBox | None, fields.numbers("bbox", 4)),
            segmentation=segmentation if isinstance(segmentation, list | dict) and segmentation else None,
            mask_uri=mask_uri,
            flags=tuple(flags),
        )

    def _scan(self, image_id: Id, image: Fields) -> SourceScan:
        found = self._objects.get(image_id, [])
        objects = tuple(thing for thing in found if thing is not None)
        kind = self._kind(image, annotated=bool(found))
        licence, licence_flags = self._licence(image)
        name = image.required_text("file_name")
        uri = address_inside(self._root, name)
        flags = ["unknown_category"] * (len(objects) < len(found)) + ["benign_with_objects"] * (
            kind == "benign" and bool(found)
        )
        return SourceScan(
            uri=uri,
            problem=None if uri else f"file name points out of the folder or cannot be stored: {shown(name)}",
            kind=kind,
            dataset=image.text("origin_dataset"),
            licence=licence,
            modality=image.text("modality"),
            scanner_id=image.text("scanner_id"),
            split=image.text("split") or self._split,
            subset=image.text("subset"),
            group=image.text("group"),
            stated_size_wh=(image.number("width"), image.number("height")),
            objects=objects,
            flags=(*flags, *licence_flags),
        )

    def _kind(self, image: Fields, *, annotated: bool) -> Kind:
        stated = image.text("kind")
        if stated is None:
            return "threat" if annotated else "benign"
        if stated not in KINDS:
            raise SourceError(
                f"{self._uri}: an image's kind is {shown(stated)}, not one of {', '.join(KINDS)}"
            )
        return stated

    def _licence(self, image: Fields) -> tuple[str | None, list[str]]:
        if image.raw("license") is None:
            return None, []
        key = image.identity("license")
        if key in self._licences:
            return self._licences[key] or None, []
        return (key if isinstance(key, str) else None), ["unknown_licence"]

    def _find_root(self) -> Prefix:
        """Choose the folder that file names count from, by looking for the first few images."""
        probed = list(self._images.values())[:_NUM_PROBED]
        names = [image.required_text("file_name") for image in probed]
        keys = [key for name in names if (key := key_inside(name)) and address_inside(self._folder, name)]
        for root in self._possible_roots():
            if any(root.exists(key) for key in keys):
                return root
        return self._folder

    def _possible_roots(self) -> Iterator[Prefix]:
        yield self._folder
        yield self._folder.child("images")
        if posixpath.basename(self._folder.uri).lower() in ("annotations", "annotation"):
            parent = Prefix(split_uri(self._folder.uri)[0])
            stem = posixpath.splitext(posixpath.basename(self._uri))[0]
            for part in dict.fromkeys(["images", stem, stem.split("_", 1)[-1], stem.rsplit("_", 1)[-1]]):
                yield parent.child(part)
                yield parent.child("images").child(part)
            yield parent

    def _fields(self, record: dict, table: str, number: int) -> Fields:
        return Fields(record, where=f"{self._uri}: {table}[{number}]")
