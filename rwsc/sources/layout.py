"""All layouts that rwsc reads, and which of them a source has."""

import difflib
import posixpath
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from rwsc.errors import SourceError
from rwsc.sources import (
    clcxray,
    coco,
    compass_xp,
    dvxray,
    eds,
    folder,
    gdxray,
    huggingface,
    iedxray,
    item_folder,
    labelme,
    opixray,
    pidray,
    pixray,
    sixray,
    stcray,
    voc,
    yolo,
)
from rwsc.sources.class_names import NAME_FILES, read_data_yaml
from rwsc.sources.coco_files import split_of
from rwsc.sources.energies import join_energies
from rwsc.sources.expected import EXPECTED
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.settings import LAYOUTS
from rwsc.sources.traces import is_remark
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, list_tree
from rwsc.storage.prefix import Prefix, absolute_uri, split_uri, uri_exists

READERS: tuple[Reader, ...] = (
    sixray.READER,
    opixray.OPIXRAY,
    opixray.HIXRAY,
    eds.READER,
    gdxray.READER,
    pidray.READER,
    clcxray.READER,
    pixray.READER,
    dvxray.READER,
    stcray.READER,
    iedxray.READER,
    compass_xp.READER,
    huggingface.READER,
    coco.READER,
    yolo.READER,
    voc.READER,
    labelme.READER,
    item_folder.READER,
    folder.READER,
)
"""In the order in which they are asked: those of one dataset before those of any."""

_ASKED = (*READERS[:-1], coco.BY_CONTENT, folder.READER)
"""All of them, and what is told by its content alone before it is taken for harmless bags."""

_OF_PARTS = (opixray.OPIXRAY, opixray.HIXRAY, eds.READER, gdxray.READER)
"""Readers that know a dataset by the names of its parts, one of which the source itself may be."""

_MAX_NESTING = 2
"""Folders that hold nothing but one folder, as archives unpack to, that are looked through."""

_NUM_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """A source whose layout is known."""

    reader: Reader
    tree: SourceTree
    why: str
    """What gave the layout away."""

    is_file: bool = False
    """Whether the source is a single file; the tree then holds nothing else."""

    def list_scans(self, dropped: Counter[str]) -> Iterator[SourceScan]:
        """List the images, two files of one scan as one.

        Args:
            dropped: See `Reader.list_scans`.

        Returns:
            An iterator over the images; the first has been listed.

        Raises:
            SourceError: There is none.
        """
        listed = self.reader.list_scans(self.tree, dropped)
        scans = join_energies(listed, exists=self._has_file, has_folder=self._has_folder, dropped=dropped)
        first = next(scans, None)
        if first is None:
            layout, counted = self.reader.layout, ", ".join(f"{n:,} x {why}" for why, n in dropped.items())
            raise SourceError(
                f"nothing of the layout {layout!r} in {self.tree.root.uri}" + f" ({counted})" * bool(counted),
                remedy=f"it looks for {EXPECTED[layout]}; give the folder that holds that, or another --layout",
            )
        return chain([first], scans)

    def _has_file(self, uri: str) -> bool:
        """Say whether there is a file, by the listing where it is listed."""
        head = f"{self.tree.root.uri}/"
        if self.is_file or not uri.startswith(head):
            return uri_exists(uri)
        return self.tree.has(uri[len(head) :])

    def _has_folder(self, uri: str) -> bool:
        """Say whether a folder is among those listed."""
        return self.tree.has_folder(uri.removeprefix(f"{self.tree.root.uri}/"))


def open_source(path: str, *, layout: str | None = None, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images of a source, one after the other.

    Args:
        path: Folder, COCO JSON or Parquet file, local or s3://.
        layout: Take it for this; None recognises it.
        dropped: Counts of annotations that belong to nothing, filled in as images are taken.

    Returns:
        An iterator over the images.

    Raises:
        SourceError: The layout is unknown, or nothing of it is found.
        StorageError: There is nothing at the address, or it cannot be read.
    """
    return recognise(path, layout).list_scans(dropped)


def recognise(path: str, layout: str | None = None) -> Recognised:
    """Tell how a source is laid out.

    Args:
        path: Folder, COCO JSON or Parquet file, local or s3://.
        layout: Take it for this; None asks every reader in turn.

    Returns:
        The reader that fits, the files it reads, and why it was chosen.

    Raises:
        SourceError: The layout is unknown, or none is recognised.
        StorageError: There is nothing at the address, or it cannot be read.
    """
    uri = absolute_uri(path)
    readers = _ASKED if layout is None else (_reader_of(layout),)
    if uri.lower().endswith(tuple(_FILE_READERS)):
        return _recognise_file(uri, layout)
    trees = list(_nested(_tree_of_folder(uri)))
    for reader in readers:
        for tree in _trees_for(reader, trees):
            why = reader.recognise(tree)
            if why is not None:
                part = " (only this folder of it is read)" * (tree.root.uri == uri.rpartition("/")[0])
                return Recognised(reader=reader, tree=tree, why=why + part)
    if layout is not None:
        return Recognised(reader=readers[0], tree=_tree_with_any(readers[0], trees), why="it was asked for")
    if doubt := folder.find_doubt(trees[0]):
        raise SourceError(f"no layout is recognised at {uri}, and {doubt.matter}", remedy=doubt.remedy)
    raise SourceError(
        f"no layout is recognised at {uri}: {_what_is_there(trees[0])}",
        remedy=f"check the path; rwsc reads {', '.join(LAYOUTS)}",
    )


def _reader_of(layout: str) -> Reader:
    for reader in READERS:
        if reader.layout == layout:
            return reader
    close = difflib.get_close_matches(layout, LAYOUTS, n=1)
    raise SourceError(
        f"unknown layout {layout!r}" + (f"; did you mean {close[0]!r}?" if close else ""),
        remedy=f"layouts are {', '.join(LAYOUTS)}",
    )


def _recognise_file(uri: str, layout: str | None) -> Recognised:
    ending = uri[uri.rindex(".") :].lower()
    reader = _FILE_READERS[ending]
    if layout not in (None, reader.layout):
        raise SourceError(
            f"{uri} is one file, which is read as {reader.layout}, not as {layout}",
            remedy="give the folder of the source",
        )
    parent, name = split_uri(uri)
    tree = SourceTree(Prefix(parent), {"": [name]}, 0)
    return Recognised(reader=reader, tree=tree, why=f"a {ending} file", is_file=True)


def _list_coco_file(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    # Its images may lie beside its folder, which the tree of one file does not hold.
    (key,) = tree.walk()
    uri = tree.root.uri_of(key)
    return coco.read_coco(uri, split=split_of(uri), dropped=dropped)


_FILE_READERS = {
    ".json": Reader(coco.READER.layout, coco.READER.recognise, _list_coco_file),
    ".parquet": huggingface.READER,
}
"""Readers of single files, by the file's ending."""


def _tree_of_folder(uri: str) -> SourceTree:
    root = Prefix(uri)
    root.check_readable()
    return list_tree(root)


def _nested(tree: SourceTree) -> Iterator[SourceTree]:
    yield tree
    for _ in range(_MAX_NESTING):
        folders = tree.folders()
        if len(folders) != 1 or tree.images():
            return
        tree = tree.below(folders[0])
        yield tree


def _trees_for(reader: Reader, trees: list[SourceTree]) -> Iterator[SourceTree]:
    """Give the trees that a reader is asked about, the one that tells it most first."""
    if reader is folder.READER:
        # What annotates the images may lie beside the folder that holds them.
        yield trees[0]
    elif reader is yolo.READER:
        # It finds its files at any depth, but the names of classes and splits only at the top.
        inner = _only_with_images(trees[-1])
        candidates = [*trees, *([inner] if inner else [])]
        yield from sorted(candidates, key=_rank_of_names) if len(candidates) > 1 else candidates
    else:
        yield from trees
        above = trees[0].from_above() if reader in _OF_PARTS else None
        if above is not None:
            yield above


def _tree_with_any(reader: Reader, trees: list[SourceTree]) -> SourceTree:
    """Give the first tree in which a reader finds anything, or the outermost."""
    for tree in trees if len(trees) > 1 else ():
        try:
            if next(reader.list_scans(tree, Counter()), None) is not None:
                return tree
        except SourceError:
            continue
    return trees[0]


def _only_with_images(tree: SourceTree) -> SourceTree | None:
    """Give the only folder with images and text files; darknet has one of settings beside it."""
    folder, _, rest = next(tree.walk("", IMAGE_SUFFIXES), "").partition("/")
    keys = (key for key in tree.walk("", (*IMAGE_SUFFIXES, ".txt")) if not key.startswith(f"{folder}/"))
    return tree.below(folder) if rest and all(map(is_remark, keys)) else None


def _rank_of_names(tree: SourceTree) -> int:
    """Put a tree with a data.yaml before one with a list of class names, and that before all others."""
    if read_data_yaml(tree, Counter()) is not None:
        return 0
    return 1 if tree.find_file(*NAME_FILES) else 2


def _what_is_there(tree: SourceTree) -> str:
    endings = Counter(posixpath.splitext(key)[1].lower() or "no ending" for key in tree.walk())
    if not endings:
        return "the folder is empty"
    files = ", ".join(f"{number:,} {ending}" for ending, number in endings.most_common(_NUM_SHOWN))
    folders = tree.folders()
    beyond = f" and {len(folders) - _NUM_SHOWN} more" if len(folders) > _NUM_SHOWN else ""
    return f"files {files}" + (f"; folders {', '.join(folders[:_NUM_SHOWN])}{beyond}" if folders else "")
