"""A folder in a store, local or S3, as the rest of rwsc sees it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from rwsc.errors import ObjectMissing, StorageError
from rwsc.storage.addresses import (
    PART_PREFIX,
    Inside,
    absolute_uri,
    bucket_and_path,
    is_s3,
    join_uri,
    split_uri,
)
from rwsc.storage.bucket import BucketFolder
from rwsc.storage.embedded import file_of, is_embedded, read_embedded
from rwsc.storage.energy_pairs import halves_of, is_pair, read_pair
from rwsc.storage.failures import explained
from rwsc.storage.local import LocalFolder
from rwsc.storage.s3 import Patience


class _Folder(Protocol):
    def read(self, key: str, *, max_bytes: int | None = None) -> bytes: ...
    def write(self, key: str, data: bytes, *, overwrite: bool) -> None: ...
    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def list_keys(self, under: str) -> Iterator[str]: ...
    def look_into(self, under: str) -> Inside: ...
    def sweep(self, under: str) -> None: ...
    def has_any(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Prefix:
    """A folder in a store.

    It holds its address only, so it can be sent to other processes: the client is found where it is used,
    from the environment there. A write is seen whole or not at all, and faults that may pass are outlived
    for about two minutes.

    Attributes:
        uri: Absolute local path or `s3://bucket/path`, without a slash at the end.
    """

    uri: str

    def __post_init__(self) -> None:
        """Bring the address into its one form."""
        object.__setattr__(self, "uri", absolute_uri(self.uri))

    def child(self, key: str) -> "Prefix":
        """Give the folder of this name inside this one."""
        return Prefix(self.uri_of(key))

    def uri_of(self, key: str) -> str:
        """Give the complete address of a key.

        Args:
            key: Path inside the prefix, segments separated by `/`.

        Returns:
            A local path or an `s3://` address.

        Raises:
            StorageError: The key is absolute, climbs with `..` or has an empty segment.
        """
        return join_uri(self.uri, key)

    def read(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """Read a whole object.

        Args:
            key: Its path inside the prefix.
            max_bytes: Largest object that is read; None reads any.

        Returns:
            Its bytes.

        Raises:
            AccessDenied: It is larger, and none of it has been read.
            ObjectMissing: There is none.
            StorageError: The store refused, failed or could not be reached.
        """
        with explained(self.uri_of(key), "read"):
            return self._folder().read(key, max_bytes=max_bytes)

    def write(self, key: str, data: bytes, *, overwrite: bool = True) -> None:
        """Write a whole object and, on a disk, the folders above it.

        Args:
            key: Its path inside the prefix.
            data: Its bytes.
            overwrite: Whether an older object is replaced; if not, one of several writers wins.

        Raises:
            ObjectExists: There is one already and `overwrite` is off.
            StorageError: The store refused, failed or could not be reached.
        """
        with explained(self.uri_of(key), "write"):
            self._folder().write(key, data, overwrite=overwrite)

    def exists(self, key: str) -> bool:
        """Tell whether there is an object; a folder is none."""
        with explained(self.uri_of(key), "look up"):
            return self._folder().exists(key)

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        with explained(self.uri_of(key), "delete"):
            self._folder().delete(key)

    def list_keys(self, under: str = "") -> Iterator[str]:
        """List objects at any depth, page by page.

        Args:
            under: Folder inside the prefix to list; empty for all of it.

        Yields:
            Keys relative to this prefix. Those of a disk come in the order of their names; a folder that
            does not exist has none.

        Raises:
            StorageError: The store refused, failed or could not be reached.
        """
        key = under.removesuffix("/")
        uri = self.uri_of(key) if key else self.uri
        with explained(uri, "list"):
            keys = self._folder().list_keys(key)
        while True:
            # Around the step alone: what the caller does between two keys is no fault of the store.
            with explained(uri, "list"):
                found = next(keys, None)
            if found is None:
                return
            yield found

    def look_into(self, under: str = "") -> Inside:
        """List what lies right inside a folder; one that does not exist holds nothing.

        Args:
            under: Folder inside the prefix; empty for the prefix itself.

        Returns:
            Folders, objects and unfinished files, which no other method shows: what killed writers left, and what
            a writer at work has open.

        Raises:
            StorageError: The store refused, failed or could not be reached.
        """
        with explained(self.uri_of(under) if under else self.uri, "list"):
            return self._folder().look_into(under)

    def sweep(self, under: str = "") -> None:
        """Remove the unfinished files right inside a folder whose writers were killed; those of writers at work stay.

        Args:
            under: Folder inside the prefix; empty for the prefix itself. One that does not exist is swept already.

        Raises:
            StorageError: The store refused, failed or could not be reached.
        """
        with explained(self.uri_of(under) if under else self.uri, "sweep"):
            self._folder().sweep(under)

    def check_readable(self) -> None:
        """Make sure, within seconds, that there is something to read.

        Raises:
            ObjectMissing: The local folder does not exist, or no object begins with the prefix.
            StorageError: The store refused, failed or could not be reached.
        """
        with explained(self.uri, "read"):
            if not self._folder(patience="short").has_any():
                raise ObjectMissing(f"there is nothing at {self.uri}", remedy="check the address")

    def check_writable(self) -> None:
        """Make sure, within seconds, that objects can be written, read back and deleted.

        Raises:
            StorageError: One of these failed, or other bytes came back.
        """
        key = f"{PART_PREFIX}test-{secrets.token_hex(8)}"
        with explained(self.uri, "write to"):
            folder = self._folder(patience="short")
            folder.write(key, key.encode(), overwrite=True)
            came_back = folder.read(key)
            folder.delete(key)
        if came_back != key.encode():
            raise StorageError(
                f"{self.uri} gives back other bytes than were written", remedy="check the server"
            )

    def _folder(self, *, patience: Patience = "long") -> _Folder:
        if is_s3(self.uri):
            return BucketFolder(*bucket_and_path(self.uri), patience=patience)
        return LocalFolder(self.uri)


def read_uri(uri: str, *, max_bytes: int | None = None) -> bytes:
    """Read the object at a complete address, the image in a row of a Parquet file, or both energies of a scan.

    See `Prefix.read`, `rwsc.storage.embedded.read_embedded` and `rwsc.storage.energy_pairs.read_pair`; `max_bytes`
    holds for an object of its own.
    """
    if is_embedded(uri):
        return read_embedded(uri)
    if is_pair(uri):
        return read_pair(uri, read_uri)
    parent, key = split_uri(uri)
    return Prefix(parent).read(key, max_bytes=max_bytes)


def uri_exists(uri: str) -> bool:
    """Tell whether there is an object at a complete address.

    Of an embedded image it is told whether its file is there, of a scan in two files whether both are.
    """
    if is_pair(uri):
        return all(map(uri_exists, halves_of(uri)))
    parent, key = split_uri(file_of(uri) if is_embedded(uri) else uri)
    return Prefix(parent).exists(key)


def write_uri(uri: str, data: bytes, *, overwrite: bool = True) -> None:
    """Write the object at a complete address; see `Prefix.write`."""
    parent, key = split_uri(uri)
    Prefix(parent).write(key, data, overwrite=overwrite)


__all__ = ["Prefix", "absolute_uri", "read_uri", "split_uri", "uri_exists", "write_uri"]
