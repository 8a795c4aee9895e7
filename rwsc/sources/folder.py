"""Reader for a plain folder of harmless scans: what is read so when no other layout fits."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rwsc.errors import SourceError
from rwsc.sources.mask_pictures import find_mask_picture
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.taxonomy import load_taxonomy
from rwsc.sources.traces import find_trace, find_trace_beside
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree

_OF_ITEMS = frozenset(
    [
        "threat",
        "threats",
        "positive",
        "positives",
        "prohibited",
        "prohibited items",
        "contraband",
        "dangerous",
        "isolated",
    ]
)
"""What folders of scans with items in them are called, in lower case and with spaces between words."""

_AS_BAGS = "--layout folder takes all as harmless bags"


class Doubt(NamedTuple):
    """What speaks against taking the images of a folder for harmless bags, and what to do about it."""

    matter: str
    remedy: str


def find_doubt(tree: SourceTree) -> Doubt | None:
    """Look for what may say of the images of a tree that they are not harmless.

    That is a trace of annotations in the tree, or right beside its folder, a picture that is the mask of another, or a
    folder of images that is called as a class of things that scans are searched for, or as what holds such things
    (``threat``, ``positives``).

    Args:
        tree: The source.

    Returns:
        The first such thing; None where there is none, or no image.

    Raises:
        StorageError: A bucket failed.
    """
    if next(tree.walk("", IMAGE_SUFFIXES), None) is None:
        return None
    if trace := find_trace(tree):
        return Doubt(
            f"its images may be annotated: {trace}",
            f"give the folder of one dataset or name its layout; {_AS_BAGS}",
        )
    if mask := find_mask_picture(tree):
        return Doubt(
            f"its images may be annotated: {mask}",
            f"masks are read as COCO has them (polygons, RLE or a 'mask_file'), YOLO and LabelMe; {_AS_BAGS}",
        )
    if beside := find_trace_beside(tree.root):
        return Doubt(
            f"its images may be annotated: {beside}",
            f"give the folder above that holds both; {_AS_BAGS}",
        )
    names = _folder_names(tree)
    if folder := next(filter(load_taxonomy().find, names), None):
        return Doubt(
            f"the folder {folder!r} is called as a class of items that scans are searched for",
            "--layout items, given the folder of the folders of classes, takes all as pictures of items alone; "
            f"{_AS_BAGS}",
        )
    if folder := next((name for name in names if _plain(name) in _OF_ITEMS), None):
        return Doubt(
            f"the folder {folder!r} is called as one of scans with items in them",
            f"give the folder of the dataset, which holds its annotations, too; {_AS_BAGS}",
        )
    return None


def _folder_names(tree: SourceTree) -> list[str]:
    """Give the names of all folders with images below them, the tree's own at the end."""
    folders = {key.rpartition("/")[0] for key in tree.walk("", IMAGE_SUFFIXES)}
    names = {name for folder in folders for name in folder.split("/") if name}
    return [*sorted(names), tree.root.uri.rpartition("/")[2]]


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.lower()))


def _recognise(tree: SourceTree) -> str | None:
    first = next(tree.walk("", IMAGE_SUFFIXES), None)
    # Where something may annotate the images, nobody can say that they are harmless.
    return None if first is None or find_doubt(tree) is not None else first


def _list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    scans = (_listed(tree, key) for key in tree.walk("", IMAGE_SUFFIXES))
    first = next(scans, None)
    if first is None:
        raise SourceError(
            f"no images below {tree.root.uri}",
            remedy=f"images end in {', '.join(IMAGE_SUFFIXES)}; check the path",
        )
    return _chained(first, scans)


def _chained(first: SourceScan, others: Iterator[SourceScan]) -> Iterator[SourceScan]:
    yield first
    yield from others


def _listed(tree: SourceTree, key: str) -> SourceScan:
    uri = tree.uri_of(key)
    problem = f"the name {key!r} cannot be an address" if uri is None else None
    return SourceScan(uri=uri, kind="benign", problem=problem)


READER = Reader(layout="folder", recognise=_recognise, list_scans=_list_scans)
