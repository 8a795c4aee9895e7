"""All file names below a source, listed once: what readers recognise layouts by and match files in."""

import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from rwsc.errors import StorageError
from rwsc.sources.outages import is_outage
from rwsc.storage.files import open_read
from rwsc.storage.prefix import Prefix

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".npy")

MAX_ANNOTATION_BYTES = 2**30
"""Largest annotation file that is read: about twice that of COCO itself. Parsed JSON takes up to ten times as much
memory as the file."""

_HEAD_BYTES = 2**16
_LITTER_NAMES = ("desktop.ini", "thumbs.db")


class SourceTree:
    """The names of all files below a folder, kept folder by folder: about 100 bytes a file.

    Keys are relative to the folder, their segments separated by slashes. What operating systems and archive
    tools leave behind is left out and counted.
    """

    def __init__(self, root: Prefix, files: dict[str, list[str]], num_litter: int) -> None:
        """Take over a listing; use `list_tree` to make one.

        Args:
            root: The folder.
            files: Names of the files by the key of their folder, "" for the root's own.
            num_litter: Files left out.
        """
        self.root = root
        self.num_litter = num_litter
        self._files = files
        self._folders: dict[str, set[str]] = {"": set()}
        self._folders_by_lower: dict[str, dict[str, str]] = {}
        for folder in files:
            self._add_folder(folder)

    def _add_folder(self, folder: str) -> None:
        self._folders.setdefault(folder, set())
        while folder:
            folder, name = posixpath.split(folder)
            self._folders.setdefault(folder, set()).add(name)
            self._folders_by_lower.pop(folder, None)

    def folders(self, under: str = "") -> list[str]:
        """Give the names of the folders directly in a folder, sorted; none where there is no such folder."""
        return sorted(self._folders.get(under, ()))

    def files(self, folder: str = "", suffixes: Iterable[str] | None = None) -> list[str]:
        """Give the names of the files directly in a folder, sorted.

        Args:
            folder: Key of the folder.
            suffixes: Lower-case endings to keep; None keeps all. Upper-case names match too.

        Returns:
            Names, not keys; none where there is no such folder.
        """
        names = self._files.get(folder, [])
        if suffixes is None:
            return list(names)
        endings = tuple(suffixes)
        return [name for name in names if name.lower().endswith(endings)]

    def images(self, folder: str = "") -> list[str]:
        """Give the names of the images directly in a folder, sorted."""
        return self.files(folder, IMAGE_SUFFIXES)

    def walk(self, under: str = "", suffixes: Iterable[str] | None = None) -> Iterator[str]:
        """Give the keys of all files at any depth below a folder, sorted by folder and then by name."""
        for folder in sorted(self._files):
            if not under or folder == under or folder.startswith(f"{under}/"):
                for name in self.files(folder, suffixes):
                    yield join(folder, name)

    def has(self, key: str) -> bool:
        """Say whether a file of exactly this key is there."""
        folder, name = posixpath.split(key)
        names = self._files.get(folder, [])
        place = bisect_left(names, name)
        return place < len(names) and names[place] == name

    def has_folder(self, key: str) -> bool:
        """Say whether there is a folder of exactly this key."""
        return key in self._folders

    def find_folder(self, *names: str, under: str = "") -> str | None:
        """Give the key of the first folder among `names` that lies in `under`, whatever its case; or None."""
        if not self._folders.get(under):
            return None
        by_lower = self._folders_by_lower.get(under)
        if by_lower is None:
            # Kept, since who looks for the counterpart of every folder asks for each of thousands in turn.
            by_lower = self._folders_by_lower[under] = {name.lower(): name for name in self.folders(under)}
        found = next((by_lower[name.lower()] for name in names if name.lower() in by_lower), None)
        return None if found is None else join(under, found)

    def find_file(self, *names: str, under: str = "") -> str | None:
        """Give the key of the first file among `names` that lies in `under`, whatever its case; or None."""
        by_lower = {name.lower(): name for name in self.files(under)}
        found = next((by_lower[name.lower()] for name in names if name.lower() in by_lower), None)
        return None if found is None else join(under, found)

    def by_stem(self, folder: str, suffixes: Iterable[str]) -> dict[str, str]:
        """Give the keys of a folder's files by their stems: names without the last ending.

        Args:
            folder: Key of the folder.
            suffixes: Lower-case endings to keep.

        Returns:
            A key per stem; of several with one stem the first by name.
        """
        found: dict[str, str] = {}
        for name in self.files(folder, suffixes):
            found.setdefault(stem_of(name), join(folder, name))
        return found

    def read(self, key: str, *, max_bytes: int = MAX_ANNOTATION_BYTES) -> bytes:
        """Read a file of the tree.

        Args:
            key: Key of the file.
            max_bytes: Largest file that is read.

        Returns:
            Its bytes.

        Raises:
            AccessDenied: It is larger, and none of it has been read; or the store refused.
            ObjectMissing: There is none.
            StorageError: The store failed or could not be reached.
        """
        return self.root.read(key, max_bytes=max_bytes)

    def head(self, key: str, *, num_bytes: int = _HEAD_BYTES, from_end: bool = False) -> bytes:
        """Read the first or the last bytes of a file.

        Args:
            key: Key of the file.
            num_bytes: How many at most.
            from_end: Take the last ones.

        Returns:
            The bytes; none where the file cannot be opened.

        Raises:
            StorageError: A bucket failed.
        """
        uri = self.uri_of(key)
        if uri is None:
            return b""
        try:
            with open_read(uri) as file:
                if from_end:
                    file.seek(max(0, file.seek(0, 2) - num_bytes))
                return file.read(num_bytes)
        except StorageError as error:
            if is_outage(error, uri):
                raise
            return b""

    def uri_of(self, key: str) -> str | None:
        """Give the address of a key; None for a name that cannot be an address."""
        try:
            return self.root.uri_of(key)
        except StorageError:
            return None

    def from_above(self) -> "SourceTree | None":
        """Give the same files as a tree of the folder above, which seems to hold nothing else.

        A part of a dataset (``OPIXray/test``, ``EDS_Dataset/domain1``) is so seen as its readers know it.

        Returns:
            The tree; None where nothing is above the folder.
        """
        parent, _, name = self.root.uri.rpartition("/")
        if parent in ("", "s3:/"):
            return None
        files = {name + f"/{folder}" * bool(folder): names for folder, names in self._files.items()}
        return SourceTree(Prefix(parent), files, self.num_litter)

    def below(self, folder: str) -> "SourceTree":
        """Give the part of the tree below a folder as a tree of its own; nothing is listed again.

        Below a folder whose name cannot be an address nothing has one: there the tree stays as it is.
        """
        if self.uri_of(folder) is None:
            return self
        head = f"{folder}/"
        files = {
            key[len(head) :] if key != folder else "": names
            for key, names in self._files.items()
            if key == folder or key.startswith(head)
        }
        return SourceTree(self.root.child(folder), files, self.num_litter)


def list_tree(root: Prefix) -> SourceTree:
    """List everything below a folder, once.

    Args:
        root: The folder, local or s3://.

    Returns:
        Its tree.

    Raises:
        StorageError: The store refused, failed or could not be reached.
    """
    files: dict[str, list[str]] = {}
    num_litter = 0
    for key in root.list_keys():
        if is_litter(key):
            num_litter += 1
            continue
        folder, name = posixpath.split(key)
        files.setdefault(folder, []).append(name)
    for names in files.values():
        names.sort()
    return SourceTree(root, files, num_litter)


def join(folder: str, name: str) -> str:
    """Join a folder's key and a name; the root's key is empty."""
    return f"{folder}/{name}" if folder else name


def stem_of(key: str) -> str:
    """Give a file's name without its folder and its last ending."""
    return posixpath.splitext(posixpath.basename(key))[0]


def is_image_key(key: str) -> bool:
    """Say whether a key looks like an image that a person put there, by its suffix."""
    return key.lower().endswith(IMAGE_SUFFIXES) and not is_litter(key)


def is_litter(key: str) -> bool:
    """Say whether a key was left behind by an operating system or an archive tool, or is hidden."""
    parts = key.split("/")
    return (
        "__MACOSX" in parts
        or any(part.startswith(".") for part in parts)
        or posixpath.basename(key).lower() in _LITTER_NAMES
    )


def on_one_line(key: str) -> str:
    """Give a key as a message may hold it: as it is, or escaped where it has signs that do not print."""
    return key if key.isprintable() else ascii(key)
