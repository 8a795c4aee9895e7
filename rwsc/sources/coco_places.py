"""Where the files lie that a COCO file names: names become keys below the source, or nothing."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rwsc.errors import StorageError
from rwsc.sources.coco_files import FOLDERS_ASIDE, CocoFile
from rwsc.sources.tree import MAX_ANNOTATION_BYTES, SourceTree, join
from rwsc.storage.prefix import Prefix

_NUM_PROBED_IN_STORE = 3
_NUM_PROBED_IN_TREE = 200
_NUM_CHILDREN = 200
_FOLDERS_OF_SPLIT = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


class Names(Protocol):
    """What is asked of a source: a `SourceTree`, or a folder that is asked name by name."""

    def has(self, key: str) -> bool:
        """Say whether a file of exactly this key is there."""

    def read(self, key: str) -> bytes:
        """Read a file of at most `rwsc.sources.tree.MAX_ANNOTATION_BYTES`."""

    def uri_of(self, key: str) -> str | None:
        """Give the address of a key; None for a name that cannot be an address."""


class UnlistedFolder:
    """A folder that is asked name by name, for one JSON file whose surroundings nobody has listed."""

    def __init__(self, root: Prefix) -> None:
        self._root = root

    def has(self, key: str) -> bool:
        """Say whether a file of exactly this key is there."""
        return self.uri_of(key) is not None and self._root.exists(key)

    def read(self, key: str) -> bytes:
        """Read a file of at most `rwsc.sources.tree.MAX_ANNOTATION_BYTES`."""
        return self._root.read(key, max_bytes=MAX_ANNOTATION_BYTES)

    def uri_of(self, key: str) -> str | None:
        """Give the address of a key; None where no such file may be looked for."""
        inside = key_inside(key)
        try:
            return self._root.uri_of(inside) if inside else None
        except StorageError:
            return None


@dataclass(frozen=True, slots=True)
class ImageRoot:
    """The folder that a COCO file's image names count from."""

    folder: str
    """Its key below the source."""

    is_flat: bool
    """Whether the folders that the names themselves hold are left away."""

    is_found: bool
    """Whether any image was found there; otherwise it is the JSON's own folder."""

    def key_of(self, name: str) -> str | None:
        """Give the key of an image.

        Args:
            name: Its name in the COCO file.

        Returns:
            A key below the source; None for a name that points out of the folder.
        """
        key = key_inside(name)
        return None if key is None else _below(self.folder, key, is_flat=self.is_flat)


def find_image_root(tree: Names, file: CocoFile, names: Sequence[str]) -> ImageRoot:
    """Choose the folder that image names count from, by looking for a few images evenly spread over the names.

    Args:
        tree: The source.
        file: The COCO file.
        names: The image names in it.

    Returns:
        The folder with most of those images; of several alike the first, of those that the layout knows, those
        called as the file or its split, and those where images usually lie. Where these have less than half of
        them, another folder nearby that has more, if there is but one.
    """
    num_probed = _NUM_PROBED_IN_TREE if isinstance(tree, SourceTree) else _NUM_PROBED_IN_STORE
    sampled = names[:: -(-len(names) // num_probed) or 1]
    keys = [key for name in sampled if (key := key_inside(name))]
    nowhere = ImageRoot(posixpath.dirname(file.key), is_flat=False, is_found=False)
    most, root = _ranked(tree, [*file.image_folders, *_usual_roots(file)], keys, nowhere)[0]
    if 2 * most < len(keys) and isinstance(tree, SourceTree):
        (most_nearby, nearby), (second, _) = _ranked(tree, _children(tree, file), keys, nowhere)[:2]
        if most_nearby > max(most, second) and 2 * most_nearby >= len(keys):
            return nearby
    return root


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


def _below(folder: str, key: str, *, is_flat: bool) -> str:
    return join(folder, posixpath.basename(key) if is_flat else key)


def _ranked(
    tree: Names, folders: Iterable[str], keys: Sequence[str], nowhere: ImageRoot
) -> list[tuple[int, ImageRoot]]:
    """Give how many of these images a folder holds, most first, alike ones in their order, and nowhere at the end."""
    nested = any("/" in key for key in keys)
    places = list(dict.fromkeys(_as_spelt(tree, folder) for folder in folders))
    found: list[tuple[int, ImageRoot]] = []
    for is_flat in (False, True) if nested else (False,):
        for folder in places:
            num_found = sum(tree.has(_below(folder, key, is_flat=is_flat)) for key in keys)
            if num_found:
                found.append((num_found, ImageRoot(folder, is_flat, is_found=True)))
            if found and num_found == len(keys) and not isinstance(tree, SourceTree):
                return found[-1:]  # no other has more, and every look costs a request
    return [*sorted(found, key=lambda root: -root[0]), (0, nowhere), (0, nowhere)]


def _as_spelt(tree: Names, folder: str) -> str:
    """Give a folder as the tree spells it, whose case may be another."""
    if not isinstance(tree, SourceTree) or tree.has_folder(folder):
        return folder
    found: str | None = ""
    for segment in folder.split("/"):
        found = None if found is None else tree.find_folder(segment, under=found)
    return folder if found is None else found


def _usual_roots(file: CocoFile) -> Iterator[str]:
    """Give the folders where images usually lie: those called as the file or its split, then all others."""
    folder, bases = posixpath.dirname(file.key), _bases(file)
    stem = posixpath.splitext(posixpath.basename(file.key))[0]
    words = [stem, stem.split("_", 1)[-1], stem.rsplit("_", 1)[-1]]
    for base in bases:
        for part in dict.fromkeys([*words, *_FOLDERS_OF_SPLIT.get(file.split or "", ())]):
            yield join(base, part)
            yield join(join(base, "images"), part)
    yield folder
    yield join(folder, "images")
    for base in bases:
        for part in ("images", "images/images", "data"):
            yield join(base, part)
        yield base


def _children(tree: SourceTree, file: CocoFile) -> Iterator[str]:
    """Give the folders beside the file and those beside its folder, whatever they are called."""
    beside = [folder for base in _bases(file) for folder in (base, join(base, "images"))]
    for parent in dict.fromkeys([posixpath.dirname(file.key), *beside]):
        for name in tree.folders(parent)[:_NUM_CHILDREN]:
            yield join(parent, name)


def _bases(file: CocoFile) -> list[str]:
    """Give the folders that a dataset's folders of images may lie in, the nearest to the file first."""
    folder = posixpath.dirname(file.key)
    bases = []
    while posixpath.basename(folder).lower() in FOLDERS_ASIDE:
        folder = posixpath.dirname(folder)
        bases.append(folder)
    return bases or [folder]
