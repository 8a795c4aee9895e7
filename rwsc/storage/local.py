"""A folder on a disk as a store: plain files under their own names, whole or absent."""

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from rwsc.errors import StorageError
from rwsc.storage.addresses import PART_PREFIX, Inside, is_part
from rwsc.storage.failures import object_exists, refuse_larger

_NO_TEXT = re.compile("[\ud800-\udfff]+")
_SUBSTITUTE = "\x1a"
"""Stands in a listed key before the bytes that are no text; no address holds it (`rwsc.storage.addresses`)."""

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class LocalFolder:
    """The files below one folder, which need not exist yet.

    Names are taken as they are: no character is escaped, so any other tool finds the same files.
    """

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def read(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """Read a whole file; a larger one than `max_bytes` is refused."""
        path = self._root / key
        refuse_larger(str(path), path.stat().st_size, max_bytes)
        return path.read_bytes()

    def write(self, key: str, data: bytes, *, overwrite: bool) -> None:
        """Write a whole file and the folders above it."""
        with whole_file(self._root / key, overwrite=overwrite) as file:
            file.write(data)

    def exists(self, key: str) -> bool:
        """Tell whether there is a file, links followed."""
        return (self._root / key).is_file()

    def delete(self, key: str) -> None:
        """Remove a file; nothing happens where there is none."""
        (self._root / key).unlink(missing_ok=True)

    def list_keys(self, under: str) -> Iterator[str]:
        """Walk the files below a folder in the order of their names.

        Links to folders are followed, except back into a folder that holds them; a link that leads nowhere
        is listed like the file it stands for. What is named in bytes that are no UTF-8 is listed with these bytes
        spelled out, under a key that is no address: it costs itself and not the listing.
        """
        if not (under and (self._root / under).is_file()):
            yield from _walk(self._root / under, under)

    def look_into(self, under: str) -> Inside:
        """List what lies right inside a folder."""
        entries = _scan(self._root / under)
        files = [_unicode_name(entry) for entry in entries if not entry.is_dir()]
        return Inside(
            folders=sorted(_unicode_name(entry) for entry in entries if entry.is_dir()),
            objects=sorted(name for name in files if not is_part(name)),
            leftovers=sorted(filter(is_part, files)),
        )

    def sweep(self, under: str) -> None:
        """Remove the unfinished files right inside a folder that no living writer holds."""
        for entry in _scan(self._root / under):
            if is_part(entry.name):
                _remove_abandoned(Path(entry.path))

    def has_any(self) -> bool:
        """Tell whether the folder is there; an empty one counts."""
        with os.scandir(self._root):
            return True


@contextmanager
def whole_file(target: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name when the block ends well, and only then.

    The bytes go to a hidden file in the same folder, which is renamed at the end: a reader sees the older
    file or the whole new one. What a killed process leaves behind is never listed. The data is not forced
    to the disk, so a power cut may take files of the last seconds. The hidden file is locked while it is written, so
    that `LocalFolder.sweep` knows those that were left behind.

    Args:
        target: Name to appear; the folders above it are made.
        overwrite: Whether an older file is replaced.

    Yields:
        The open binary file.

    Raises:
        ObjectExists: `target` exists and `overwrite` is off.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as at_the_end:
        part, file, held = _locked_part(target.parent)
        with file:
            at_the_end.callback(part.unlink, missing_ok=True)
            at_the_end.callback(os.close, held)
            yield file
        if overwrite:
            part.replace(target)
        else:
            _publish_new(part, target)


def _locked_part(folder: Path) -> tuple[Path, BinaryIO, int]:
    """Make a hidden file, locked for as long as the descriptor beside it is open, or its process lives."""
    while True:
        part = folder / f"{PART_PREFIX}{secrets.token_hex(8)}"
        file = part.open("xb")
        held = _lock(file)
        if part.exists():
            return part, file, held
        # A sweep found it before it was locked, and took it for one that was left behind.
        os.close(held)
        file.close()


def _lock(part: BinaryIO) -> int:
    held = os.dup(part.fileno())
    with suppress(OSError):  # a file system without locks, where nothing is swept either
        fcntl.flock(held, fcntl.LOCK_EX)  # a sweep holds it for a moment
    return held


def _remove_abandoned(part: Path) -> None:
    with suppress(OSError), part.open("rb+") as file:  # locked by its writer, or gone meanwhile
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()


def _publish_new(part: Path, target: Path) -> None:
    try:
        _claim(part, target)
    except FileExistsError:
        raise object_exists(str(target)) from None


def _claim(part: Path, target: Path) -> None:
    try:
        target.hardlink_to(part)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Some network and FAT file systems have no hard links: take the name, then fill it in one step.
        target.open("xb").close()
        part.replace(target)


def _walk(folder: Path, key: str) -> Iterator[str]:
    for entry in _entries(folder):
        inner = f"{key}/{_listed_name(entry)}" if key else _listed_name(entry)
        if entry.is_dir():
            yield from _walk(Path(entry.path), inner)
        else:
            yield inner


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    found = [entry for entry in _scan(folder) if _is_listed(entry, folder)]
    return sorted(found, key=lambda entry: _listed_name(entry) + "/" * entry.is_dir())


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _is_listed(entry: os.DirEntry[str], folder: Path) -> bool:
    if entry.is_dir():
        return not entry.is_symlink() or not _leads_back(entry.path, folder)
    is_plain = entry.is_file() or entry.is_symlink()
    return is_plain and not is_part(entry.name)


def _leads_back(link: str, folder: Path) -> bool:
    return folder.resolve().is_relative_to(Path(link).resolve())


def _listed_name(entry: os.DirEntry[str]) -> str:
    if entry.name.isascii():
        return entry.name
    return _NO_TEXT.sub(lambda found: _SUBSTITUTE + _spelled(found.group()), entry.name)


def _spelled(no_text: str) -> str:
    return os.fsencode(no_text).decode("ascii", "backslashreplace")


def _unicode_name(entry: os.DirEntry[str]) -> str:
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise StorageError(
            f"the name of the file {entry.path!r} is not UTF-8",
            remedy="rename it; for names in Chinese GBK: convmv -f gbk -t utf-8 -r --notest FOLDER",
        ) from None
    return entry.name
