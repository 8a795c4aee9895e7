"""Reader for COCO annotation files, with a few optional fields of our own."""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

from rwsc.errors import AccessDenied, SourceError, StorageError
from rwsc.sources.json_fields import Fields, Json, kind_of, one_line, parse_json, records_of, shown
from rwsc.sources.licences import stricter_of
from rwsc.sources.reader import Reader
from rwsc.sources.schema import KINDS, BBox, Kind, SourceObject, SourceScan
from rwsc.sources.tree import SourceTree, join
from rwsc.storage.addresses import is_s3
from rwsc.storage.files import open_read
from rwsc.storage.prefix import Prefix, absolute_uri, split_uri

ANNOTATION_FOLDERS = ("annotations", "annotation")

_ROOT_FILES = ("annotations.json", "_annotations.coco.json")
_SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
_NUM_PROBED_IN_STORE = 3
_NUM_PROBED_IN_TREE = 200
_NUM_OPENED = 3
_NUM_SHOWN = 3
_HEAD_BYTES = 2**16
_COCO_KEYS = re.compile(rb'"(images|annotations|categories|info|licenses)"\s*:')
_KIND_PRIORITY: tuple[Kind, ...] = ("threat", "isolated", "benign")


@dataclass(frozen=True, kw_only=True, slots=True)
class CocoFile:
    """One annotation file of a source, and what its place in the layout says of all its images."""

    key: str
    """Its key below the source's folder."""

    dataset: str | None = None
    split: str | None = None
    """Split of images that state none."""

    subset: str | None = None
    image_folders: tuple[str, ...] = ()
    """Keys of the folders that its images lie in; looked in before the usual places."""

    has_clean_bags: bool = True
    """Whether an image without annotations is a harmless bag; otherwise its annotation is missing."""


class _Names(Protocol):
    """What is asked of a source: a `SourceTree`, or a store that is asked name by name."""

    def has(self, key: str) -> bool: ...
    def read(self, key: str) -> bytes: ...
    def uri_of(self, key: str) -> str | None: ...


def read_coco(
    uri: str, *, split: str | None = None, dropped: Counter[str] | None = None
) -> Iterator[SourceScan]:
    """Read a COCO file: its images in the file's order, annotated ones first, each with its annotations.

    Beyond COCO, an image may state ``kind`` (benign, threat, isolated; otherwise threat where it has
    annotations, benign where it has none), ``modality``, ``origin_dataset``, ``group``, ``split``, ``subset``
    and ``scanner_id`` (otherwise none), and an annotation ``mask_file``, a picture of the image's size that
    is above 0 on the object and keeps its holes. Other fields are ignored. File names count from the JSON's
    folder; where nothing is there and the folder is called ``annotations``, from the folders beside it.

    A damaged record costs its own image, which becomes a scan with a `problem`. The JSON is held in memory
    whole while it is read.

    Args:
        uri: Address of the JSON file.
        split: Split of images that state none.
        dropped: Counts, filled in, of annotations that belong to no listed image or no listed category.

    Returns:
        An iterator over the images. No image has been read, but the whole JSON has been checked.

    Raises:
        SourceError: The file is no COCO file, or lists no images.
        StorageError: It cannot be read.
    """
    folder, name = split_uri(absolute_uri(uri))
    key = name
    if posixpath.basename(folder).lower() in ANNOTATION_FOLDERS and posixpath.dirname(folder) != "s3:/":
        folder, inner = split_uri(folder)
        key = f"{inner}/{name}"
    counts = Counter[str]() if dropped is None else dropped
    return read_coco_files(_Store(Prefix(folder)), [CocoFile(key=key, split=split)], counts)


def read_coco_files(tree: _Names, files: Sequence[CocoFile], dropped: Counter[str]) -> Iterator[SourceScan]:
    """Read the COCO files of one source, which may number their images alike.

    Files that list the same image, each with a class of its own for example, are joined image by image. A
    file that cannot be read becomes a scan with a `problem`, under its own address, while the others are
    read. The files are held in memory whole, one after the other, and so are the scans of all of them.

    Args:
        tree: The source; a `SourceTree`.
        files: Its annotation files.
        dropped: Counts, filled in, of what belongs to no image or is stated twice.

    Returns:
        An iterator over the images, annotated ones first: of two images with the same bytes the first is
        kept, and it must not be one that hides an annotation.

    Raises:
        SourceError: None of the files can be read.
        StorageError: A bucket failed.
    """
    scans: dict[object, SourceScan] = {}
    faults: list[SourceScan] = []
    first_error: SourceError | StorageError | None = None
    for file in files:
        try:
            for scan, place in _read_file(tree, file, dropped):
                scans[place] = _joined(scans[place], scan, dropped) if place in scans else scan
        except (SourceError, StorageError) as error:
            if _is_outage(error, tree.uri_of(file.key)):
                raise
            first_error = first_error or error
            faults.append(
                SourceScan(
                    uri=tree.uri_of(file.key),
                    kind="threat",
                    problem=f"annotation file cannot be used: {one_line(error)}",
                    dataset=file.dataset,
                )
            )
    if first_error is not None and len(faults) == len(files):
        raise first_error
    return iter([*sorted(scans.values(), key=lambda scan: not scan.objects), *faults])


def coco_keys(tree: SourceTree) -> list[str]:
    """Find the COCO files of a source.

    Looked for are, in this order: ``annotations.json`` or ``_annotations.coco.json``; the JSON files in
    ``annotations/``, of which only ``instances_*.json`` where there are such; ``_annotations.coco.json`` in
    train, valid and test; ``instances_*.json``.

    Args:
        tree: The source.

    Returns:
        Keys in a fixed order; empty where there are none.
    """
    for name in _ROOT_FILES:
        if tree.has(name):
            return [name]
    folder = tree.find_folder(*ANNOTATION_FOLDERS)
    inside = tree.files(folder, [".json"]) if folder else []
    if folder and inside and _some_look_like_coco(tree, folder, inside):
        # COCO's own download puts captions and key points beside the instances.
        chosen = [name for name in inside if name.startswith("instances_")] or inside
        return [join(folder, name) for name in chosen]
    roboflow = [f"{name}/_annotations.coco.json" for name in _SPLITS]
    found = [key for key in roboflow if tree.has(key)]
    return found or [name for name in tree.files("", [".json"]) if name.startswith("instances_")]


def split_of(key: str) -> str | None:
    """Read a split out of an annotation file's name, or out of its folder's in Roboflow's layout.

    Args:
        key: Key or address of the JSON file.

    Returns:
        train, val or test; None where the name says nothing.

    Example:
        >>> split_of("/data/instances_train2017.json"), split_of("/data/valid/_annotations.coco.json")
        ('train', 'val')
    """
    folder, name = posixpath.split(key)
    if name == "_annotations.coco.json":
        return _SPLITS.get(posixpath.basename(folder))
    words = re.findall(r"[a-z]+", posixpath.splitext(name)[0].lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)


def head_of(tree: SourceTree, key: str, *, num_bytes: int = _HEAD_BYTES, from_end: bool = False) -> bytes:
    """Read the first or the last bytes of a file.

    Args:
        tree: The source.
        key: Key of the file.
        num_bytes: How many at most.
        from_end: Take the last ones.

    Returns:
        The bytes; none where the file cannot be opened.

    Raises:
        StorageError: A bucket failed.
    """
    uri = tree.uri_of(key)
    if uri is None:
        return b""
    try:
        with open_read(uri) as file:
            if from_end:
                file.seek(max(0, file.seek(0, 2) - num_bytes))
            return file.read(num_bytes)
    except StorageError as error:
        if _is_outage(error, uri):
            raise
        return b""


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


class _Store:
    """A folder that is asked name by name, for one JSON file whose surroundings nobody has listed."""

    def __init__(self, root: Prefix) -> None:
        self._root = root

    def has(self, key: str) -> bool:
        return self.uri_of(key) is not None and self._root.exists(key)

    def read(self, key: str) -> bytes:
        return self._root.read(key)

    def uri_of(self, key: str) -> str | None:
        return address_inside(self._root, key)


def _is_outage(error: Exception, uri: str | None) -> bool:
    """Tell a bucket that is down, which ends the run, from a file that cannot be used."""
    return isinstance(error, StorageError) and not isinstance(error, AccessDenied) and is_s3(uri or "")


def _some_look_like_coco(tree: SourceTree, folder: str, names: list[str]) -> bool:
    """Tell COCO files from a folder of one JSON per image; a damaged file is given the benefit of the doubt."""
    heads = [head_of(tree, join(folder, name)).lstrip(b"\xef\xbb\xbf \t\r\n") for name in names[:_NUM_OPENED]]
    return any(_COCO_KEYS.search(head) or not head.startswith((b"{", b"[")) for head in heads)


def _read_file(tree: _Names, file: CocoFile, dropped: Counter[str]) -> Iterator[tuple[SourceScan, object]]:
    """Give the scans of a file, each with what it is joined by across files: its address.

    A scan whose image nobody has found, or that the file lists for the second time, is joined with none.
    """
    uri = tree.uri_of(file.key) or file.key
    document = _Document(parse_json(tree.read(file.key), uri), uri, tree, file, dropped)
    folder, found = _find_root(tree, file, document.file_names())
    seen: set[str] = set()
    for scan in _Scans(document, tree, file, folder).listed():
        is_new = found and scan.uri is not None and scan.uri not in seen
        yield scan, scan.uri if is_new else object()
        seen.update([scan.uri] if scan.uri else [])


def _find_root(tree: _Names, file: CocoFile, names: list[str]) -> tuple[tuple[str, bool], bool]:
    """Choose the folder that file names count from, by looking for the first few images.

    Gives its key with whether the names' own folders are left away, and whether any image was found.
    """
    num_probed = _NUM_PROBED_IN_TREE if isinstance(tree, SourceTree) else _NUM_PROBED_IN_STORE
    keys = [key for name in names[:num_probed] if (key := key_inside(name))]
    nested = any("/" in key for key in keys)
    for flat in (False, True) if nested else (False,):
        for root in dict.fromkeys([*file.image_folders, *_usual_roots(file.key)]):
            if any(tree.has(join(root, posixpath.basename(key) if flat else key)) for key in keys):
                return (root, flat), True
    return (posixpath.dirname(file.key), False), False


def _usual_roots(key: str) -> Iterator[str]:
    folder = posixpath.dirname(key)
    yield folder
    yield join(folder, "images")
    if posixpath.basename(folder).lower() in ANNOTATION_FOLDERS:
        parent = posixpath.dirname(folder)
        stem = posixpath.splitext(posixpath.basename(key))[0]
        for part in dict.fromkeys(["images", stem, stem.split("_", 1)[-1], stem.rsplit("_", 1)[-1]]):
            yield join(parent, part)
            yield join(join(parent, "images"), part)
        yield parent


def _joined(first: SourceScan, second: SourceScan, dropped: Counter[str]) -> SourceScan:
    """Join two listings of one image; where one is damaged, nobody knows what the image shows."""
    if first.problem or second.problem:
        return first if first.problem else second
    seen = {_fingerprint(thing) for thing in first.objects}
    added = tuple(thing for thing in second.objects if _fingerprint(thing) not in seen)
    if len(added) < len(second.objects):
        dropped["repeated annotation"] += len(second.objects) - len(added)
    flags = [*first.flags, *second.flags]
    if first.split != second.split and first.split and second.split:
        flags.append("in_several_splits")
    either = {
        name: getattr(first, name) or getattr(second, name)
        for name in ("dataset", "modality", "scanner_id", "split", "subset", "group")
    }
    return replace(
        first,
        kind=min(first.kind, second.kind, key=_KIND_PRIORITY.index),
        objects=(*first.objects, *added),
        licence=stricter_of(first.licence, second.licence),
        stated_size_wh=first.stated_size_wh if any(first.stated_size_wh) else second.stated_size_wh,
        flags=tuple(dict.fromkeys(flags)),
        **either,
    )


def _fingerprint(thing: SourceObject) -> object:
    try:
        return thing.label, thing.bbox_xywh, thing.mask_uri, repr(thing.segmentation)
    except RecursionError:
        return id(thing)


def _id_of(value: Json) -> str | None:
    """Bring an id to one form: 7, 7.0 and "7" are the same; None for what can be no id."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.isprintable() and value.strip():
        return value.strip()
    return None


class _Document:
    """A parsed COCO document: its tables checked, its annotations sorted by image."""

    def __init__(
        self, document: dict[str, Json], uri: str, tree: _Names, file: CocoFile, dropped: Counter[str]
    ) -> None:
        self._uri = uri
        self._tree = tree
        self._folder = posixpath.dirname(file.key)
        self._dropped = dropped
        if "images" not in document:
            raise SourceError(
                f"{uri} is not COCO: it has no 'images'", remedy="give a COCO JSON file or a folder"
            )
        self.images = records_of(document, "images", uri)
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
        self._read_licences(document.get("licenses"))
        self.num_by_id = Counter(key for record in self.images if (key := _id_in(record, "id")) is not None)
        self.objects: dict[str, list[SourceObject | None]] = defaultdict(list)
        """Objects by the image's id; None stands for one of unknown category."""

        self.damaged: dict[str, str] = {}
        """What is wrong with an annotation of an image, by the image's id."""

        for number, record in enumerate(annotations):
            self._add_annotation(record, number)

    def file_names(self) -> list[str]:
        """Give the file names that are texts, in the file's order."""
        names = (record.get("file_name") for record in self.images if isinstance(record, dict))
        return [name for name in names if isinstance(name, str)]

    def fields(self, record: dict, table: str, number: int) -> Fields:
        """Give access to a record's fields."""
        return Fields(record, where=f"{self._uri}: {table}[{number}]")

    def _read_categories(self, records: list[Json]) -> None:
        for number, record in enumerate(records):
            key = _id_in(record, "id")
            if key is None:
                self._dropped["damaged category"] += 1
                continue
            try:
                name = self.fields(record, "categories", number).required_text("name").strip()
            except SourceError:
                name = ""
            label = (name, ()) if name else (f"category {key}", ("unnamed_category",))
            if self._labels.setdefault(key, label)[0] != label[0]:
                self._labels[key] = (f"category {key}", ("ambiguous_category",))

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
        image_id = _id_in(record, "image_id")
        if image_id not in self.num_by_id or image_id is None:
            self._dropped["annotation of an unknown image"] += 1
            return
        fields = self.fields(record, "annotations", number)
        category_id = _id_of(fields.raw("category_id"))
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


def _id_in(record: Json, name: str) -> str | None:
    return _id_of(record.get(name)) if isinstance(record, dict) else None


def _states_kind(record: Json) -> bool:
    return not isinstance(record, dict) or record.get("kind") is not None


class _Scans:
    """The scans of a document, with their places in the source."""

    def __init__(self, document: _Document, tree: _Names, file: CocoFile, root: tuple[str, bool]) -> None:
        self._document = document
        self._tree = tree
        self._file = file
        self._root, self._is_flat = root

    def listed(self) -> list[SourceScan]:
        """Join images and annotations, in the order of the images."""
        return [self._scan(record, number) for number, record in enumerate(self._document.images)]

    def _scan(self, record: Json, number: int) -> SourceScan:
        uri = None
        try:
            if not isinstance(record, dict):
                raise SourceError(f"images[{number}] is {kind_of(record)}, not an object")
            image = self._document.fields(record, "images", number)
            name = image.required_text("file_name")
            uri = self._address(name)
            if uri is None:
                raise SourceError(f"file name points out of the folder or cannot be stored: {shown(name)}")
            return self._sound_scan(image, number, uri)
        except SourceError as error:
            return SourceScan(
                uri=uri,
                kind="threat",
                problem=one_line(error),
                dataset=self._file.dataset,
                split=self._file.split,
                subset=self._file.subset,
            )

    def _sound_scan(self, image: Fields, number: int, uri: str) -> SourceScan:
        image_id = _id_of(image.raw("id"))
        if image_id is None:
            raise SourceError(
                f"images[{number}]: 'id' should be a number or text, not {shown(image.raw('id'))}"
            )
        if self._document.num_by_id[image_id] > 1:
            raise SourceError(f"images[{number}]: image id {shown(image.raw('id'))} is used twice")
        if image_id in self._document.damaged:
            raise SourceError(f"damaged annotation: {self._document.damaged[image_id]}")
        found = self._document.objects.get(image_id, [])
        objects = tuple(thing for thing in found if thing is not None)
        kind = self._kind(image, annotated=bool(found))
        licence, flags = self._licence(image)
        flags += ["unknown_category"] * (len(objects) < len(found))
        flags += ["benign_with_objects"] * (kind == "benign" and bool(found))
        flags += ["no_annotation"] * (not found and not self._file.has_clean_bags)
        return SourceScan(
            uri=uri,
            kind=kind,
            dataset=image.text("origin_dataset") or self._file.dataset,
            licence=licence,
            modality=image.text("modality"),
            scanner_id=image.text("scanner_id"),
            split=image.text("split") or self._file.split,
            subset=image.text("subset") or self._file.subset,
            group=image.text("group"),
            stated_size_wh=(image.number("width"), image.number("height")),
            objects=objects,
            flags=tuple(flags),
        )

    def _address(self, name: str) -> str | None:
        key = key_inside(name)
        if key is None:
            return None
        return self._tree.uri_of(join(self._root, posixpath.basename(key) if self._is_flat else key))

    def _kind(self, image: Fields, *, annotated: bool) -> Kind:
        stated = image.text("kind")
        if stated is None:
            return "threat" if annotated or not self._file.has_clean_bags else "benign"
        if stated not in KINDS:
            raise SourceError(f"an image's kind is {shown(stated)}, not one of {', '.join(KINDS)}")
        return stated

    def _licence(self, image: Fields) -> tuple[str | None, list[str]]:
        stated = image.raw("license")
        if stated is None:
            return None, []
        key = _id_of(stated)
        if key in self._document.licences:
            return self._document.licences[key], []
        return (key if isinstance(stated, str) else None), ["unknown_licence"]


def coco_reader(
    layout: str,
    find_files: Callable[[SourceTree], list[CocoFile]],
    is_meant: Callable[[SourceTree, list[CocoFile]], bool] = lambda tree, files: True,
) -> Reader:
    """Make the reader of a dataset that comes as COCO files.

    Args:
        layout: Its name.
        find_files: Finds its annotation files.
        is_meant: Says whether the files found are this dataset's and not another's of the same names; not
            asked where the user names the layout.

    Returns:
        The reader.
    """

    def recognise(tree: SourceTree) -> str | None:
        files = find_files(tree)
        if not files or not is_meant(tree, files):
            return None
        shown_keys = ", ".join(file.key for file in files[:_NUM_SHOWN])
        return shown_keys + (f" and {len(files) - _NUM_SHOWN} more" if len(files) > _NUM_SHOWN else "")

    def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
        files = find_files(tree)
        if not files:
            raise SourceError(
                f"no COCO annotation file of the layout {layout!r} in {tree.root.uri}",
                remedy="give the path of the JSON file itself",
            )
        return read_coco_files(tree, files, dropped)

    return Reader(layout=layout, recognise=recognise, list_scans=list_scans)


def json_files(tree: SourceTree, pattern: str) -> list[tuple[str, re.Match[str]]]:
    """Find JSON files by their names, in the folder of annotations or, where none is there, in the root.

    Args:
        tree: The source.
        pattern: Regular expression for the whole name without its ending, in any case.

    Returns:
        Keys and how their names match, sorted.
    """
    compiled = re.compile(rf"(?:{pattern})\.json", re.IGNORECASE)
    for folder in (tree.find_folder(*ANNOTATION_FOLDERS), ""):
        names = tree.files(folder, [".json"]) if folder is not None else []
        found = [(join(folder or "", name), match) for name in names if (match := compiled.fullmatch(name))]
        if found:
            return found
    return []


def image_folders(tree: SourceTree, *names: str) -> tuple[str, ...]:
    """Find folders of images by their names in any case, in the root, in ``images`` and in ``test``."""
    parents = ["", *(folder for name in ("images", "test") if (folder := tree.find_folder(name)))]
    found = (tree.find_folder(name, under=parent) for parent in parents for name in names)
    return tuple(dict.fromkeys(folder for folder in found if folder is not None))


def _usual_files(tree: SourceTree) -> list[CocoFile]:
    return [CocoFile(key=key, split=split_of(key)) for key in coco_keys(tree)]


READER = coco_reader("coco", _usual_files)
