"""Reader for COCO annotation files, with a few optional fields of our own."""

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rwsc.errors import SourceError, StorageError
from rwsc.sources.coco_document import CocoDocument
from rwsc.sources.coco_files import (
    ANNOTATION_FOLDERS,
    CocoFile,
    coco_keys,
    coco_keys_by_content,
    split_of,
)
from rwsc.sources.coco_places import Names, UnlistedFolder, find_image_root
from rwsc.sources.coco_scans import list_document
from rwsc.sources.energies import half_of
from rwsc.sources.json_fields import one_line, parse_json
from rwsc.sources.licences import stricter_of
from rwsc.sources.outages import is_outage
from rwsc.sources.reader import Reader
from rwsc.sources.schema import Kind, SourceObject, SourceScan
from rwsc.sources.splits import split_in_path
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree
from rwsc.storage.energy_pairs import halves_of, is_pair
from rwsc.storage.prefix import Prefix, absolute_uri, split_uri

UNLISTED = "image that no annotation file lists"
"""What is counted: nobody knows what such an image shows, so it is no scan."""

_NUM_SHOWN = 3
_KIND_PRIORITY: tuple[Kind, ...] = ("threat", "isolated", "benign")


def read_coco(
    uri: str, *, split: str | None = None, dropped: Counter[str] | None = None
) -> Iterator[SourceScan]:
    """Read a COCO file: its images in the file's order, annotated ones first, each with its annotations.

    Beyond COCO, an image may state ``kind`` (benign, threat, isolated; otherwise threat where it has
    annotations, benign where it has none), ``modality``, ``origin_dataset``, ``group``, ``view``, ``split``,
    ``subset`` and ``scanner_id`` (otherwise none), and an annotation ``mask_file``, a picture of the image's size that
    is above 0 on the object and keeps its holes. Other fields are ignored. File names count from the JSON's
    folder; where nothing is there and the folder is called ``annotations``, from the folders beside it.

    A damaged record costs its own image, which becomes a scan with a `problem`. The JSON is held in memory
    whole while it is read; one of more than `rwsc.sources.tree.MAX_ANNOTATION_BYTES` is refused.

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
    return read_coco_files(UnlistedFolder(Prefix(folder)), [CocoFile(key=key, split=split)], counts)


def read_coco_files(tree: Names, files: Sequence[CocoFile], dropped: Counter[str]) -> Iterator[SourceScan]:
    """Read the COCO files of one source, which may number their images alike.

    Files that list the same image, each with a class of its own for example, are joined image by image. A
    file that cannot be read becomes a scan with a `problem`, under its own address, while the others are
    read. The files are held in memory whole, one after the other, and so are the scans of all of them.

    Args:
        tree: The source; a `SourceTree`.
        files: Its annotation files.
        dropped: Counts, filled in, of what belongs to no image or is stated twice, and of images of a listed tree
            that no file names.

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
            if is_outage(error, tree.uri_of(file.key)):
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
    if isinstance(tree, SourceTree):
        _count_unlisted(tree, scans, dropped)
    return iter([*sorted(scans.values(), key=lambda scan: not scan.objects), *faults])


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


def _read_file(tree: Names, file: CocoFile, dropped: Counter[str]) -> Iterator[tuple[SourceScan, object]]:
    """Give the scans of a file, each with what it is joined by across files: its address.

    A scan whose image nobody has found, or that the file lists for the second time, is joined with none.
    """
    uri = tree.uri_of(file.key) or file.key
    document = CocoDocument(parse_json(tree.read(file.key), uri), tree, file.key, dropped)
    root = find_image_root(tree, file, document.file_names())
    seen: set[str] = set()
    for scan in list_document(document, tree, file, root):
        is_new = root.is_found and scan.uri is not None and scan.uri not in seen
        yield scan, scan.uri if is_new else object()
        seen.update([scan.uri] if scan.uri else [])


def _count_unlisted(tree: SourceTree, scans: dict[object, SourceScan], dropped: Counter[str]) -> None:
    """Count the images of a tree that are neither listed nor the mask or the other energy of a listed one."""
    others: set[str | None] = set()
    for place, scan in scans.items():
        if scan.uri is not None and (place != scan.uri or is_pair(scan.uri)):
            others.update(_files_at(scan.uri))
        others.update(thing.mask_uri for thing in scan.objects)
    num_unlisted = 0
    for key in tree.walk("", IMAGE_SUFFIXES):
        uri = tree.uri_of(key)
        if uri in scans or uri in others:
            continue
        half = half_of(uri) if uri else None
        num_unlisted += half is None or not any(other in scans or other in others for other in half.others)
    if num_unlisted:
        dropped[UNLISTED] += num_unlisted


def _files_at(uri: str) -> tuple[str, ...]:
    try:
        return halves_of(uri) if is_pair(uri) else (uri,)
    except StorageError:
        return (uri,)


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
        for name in ("dataset", "modality", "scanner_id", "split", "subset", "group", "view")
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


def _usual_files(tree: SourceTree) -> list[CocoFile]:
    return [CocoFile(key=key, split=split_of(key)) for key in coco_keys(tree)]


def _any_files(tree: SourceTree) -> list[CocoFile]:
    keys = coco_keys_by_content(tree)
    return [CocoFile(key=key, split=split_of(key) or split_in_path(posixpath.dirname(key))) for key in keys]


BY_CONTENT = coco_reader("coco", _any_files)
"""The same for files that are called otherwise; asked when no other reader knows the source."""

READER = Reader(
    "coco",
    coco_reader("coco", _usual_files).recognise,
    coco_reader("coco", lambda tree: _usual_files(tree) or _any_files(tree)).list_scans,
)
