"""Where the files lie that a COCO file names: names become keys below the source, or nothing."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rwsc.errors import StorageError
from rwsc.sources.coco_files import ANNOTATION_FOLDERS, CocoFile
from rwsc.sources.tree import MAX_ANNOTATION_BYTES, SourceTree, join
from rwsc.storage.prefix import Prefix

_NUM_PROBED_IN_STORE = 3
_NUM_PROBED_IN_TREE = 200


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
    """Choose the folder that image names count from, by looking for the first few images.

    Args:
        tree: The source.
        file: The COCO file.
        names: The image names in it.

    Returns:
        The first folder with an image: of those that the layout knows, and of those where images usually lie.
    """
    num_probed = _NUM_PROBED_IN_TREE if isinstance(tree, SourceTree) else _NUM_PROBED_IN_STORE
    keys = [key for name in names[:num_probed] if (key := key_inside(name))]
    nested = any("/" in key for key in keys)
    for is_flat in (False, True) if nested else (False,):
        for folder in dict.fromkeys([*file.image_folders, *_usual_roots(file.key)]):
            if any(tree.has(_below(folder, key, is_flat=is_flat)) for key in keys):
                return ImageRoot(folder, is_flat, is_found=True)
    return ImageRoot(posixpath.dirname(file.key), is_flat=False, is_found=False)


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
