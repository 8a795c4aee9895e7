"""Tell how a source is laid out, and open the reader that fits."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Literal

from rwsc.errors import SourceError
from rwsc.sources.coco import read_coco
from rwsc.sources.folder import read_folder
from rwsc.sources.schema import SourceScan
from rwsc.sources.tree import is_litter
from rwsc.storage.prefix import Prefix, absolute_uri

Layout = Literal["coco", "folder"]
LAYOUTS: tuple[Layout, ...] = ("coco", "folder")

_ROOT_FILES = ("annotations.json", "_annotations.coco.json")
_SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}


def open_source(path: str, *, layout: Layout | None, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images of a source.

    Recognised are, in this order: a COCO JSON file; a folder with ``annotations.json`` or
    ``_annotations.coco.json``, with JSON files in ``annotations/``, with ``_annotations.coco.json`` in train,
    valid and test, or with ``instances_*.json``; else a folder of images.

    Args:
        path: Folder or JSON file, local or s3://.
        layout: Take it for this; None recognises it.
        dropped: Counts of annotations that belong to nothing, filled in.

    Returns:
        An iterator over the images.

    Raises:
        SourceError: The layout is unknown, or nothing of it is found.
        StorageError: There is nothing at the address, or it cannot be read.
    """
    uri = absolute_uri(path)
    if layout not in (None, *LAYOUTS):
        raise SourceError(f"unknown layout {layout!r}", remedy=f"layouts are {', '.join(LAYOUTS)}")
    if not uri.lower().endswith(".json"):
        Prefix(uri).check_readable()
    if layout == "folder":
        return read_folder(uri)
    files = coco_files(uri)
    if files:
        return chain.from_iterable([read_coco(file, split=split_of(file), dropped=dropped) for file in files])
    if layout == "coco":
        raise SourceError(f"no COCO annotation file in {uri}", remedy="give the path of the JSON file itself")
    return read_folder(uri)


def coco_files(uri: str) -> list[str]:
    """Find the COCO files of a source.

    Args:
        uri: Folder or JSON file.

    Returns:
        Addresses in a fixed order; empty where there are none.
    """
    if uri.lower().endswith(".json"):
        return [uri]
    folder = Prefix(uri)
    return [folder.uri_of(key) for key in _coco_keys(folder)]


def split_of(uri: str) -> str | None:
    """Read a split out of an annotation file's name, or out of its folder's in Roboflow's layout.

    Args:
        uri: Address of the JSON file.

    Returns:
        train, val or test; None where the name says nothing.

    Example:
        >>> split_of("/data/instances_train2017.json"), split_of("/data/valid/_annotations.coco.json")
        ('train', 'val')
    """
    folder, name = posixpath.split(uri)
    if name == "_annotations.coco.json":
        return _SPLITS.get(posixpath.basename(folder))
    words = re.findall(r"[a-z]+", posixpath.splitext(name)[0].lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)


def _coco_keys(folder: Prefix) -> list[str]:
    for key in _ROOT_FILES:
        if folder.exists(key):
            return [key]
    inside = _sorted_json(folder.child("annotations"), "annotations/")
    if inside:
        # COCO's own download puts captions and key points beside the instances.
        return [key for key in inside if posixpath.basename(key).startswith("instances_")] or inside
    roboflow = [f"{name}/_annotations.coco.json" for name in _SPLITS]
    found = [key for key in roboflow if folder.exists(key)]
    return found or [key for key in _sorted_json(folder, "") if key.startswith("instances_")]


def _sorted_json(folder: Prefix, prefix: str) -> list[str]:
    names = [key for key in folder.list_keys() if "/" not in key and key.lower().endswith(".json")]
    return sorted(prefix + name for name in names if not is_litter(name))
