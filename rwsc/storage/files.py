"""Files for readers that jump about and writers that do not know the size beforehand."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from rwsc.errors import ObjectMissing
from rwsc.storage.addresses import absolute_uri, is_s3, split_uri
from rwsc.storage.failures import explained
from rwsc.storage.local import whole_file
from rwsc.storage.s3 import open_file_system

_WRITE_BLOCK_BYTES = 16 * 2**20
_READ_BLOCK_BYTES = 2**20


@contextmanager
def open_read(uri: str) -> Iterator[BinaryIO]:
    """Open an object for reading at any position.

    Args:
        uri: Its address.

    Yields:
        A seekable binary file, valid inside the block.

    Raises:
        ObjectMissing: There is none.
        StorageError: The store refused, failed or could not be reached, at opening or later.
    """
    whole = _object_uri(uri)
    with explained(whole, "read"):
        opened = _open_s3_read(whole) if is_s3(whole) else _open_local_read(whole)
    with opened as raw:
        yield cast(BinaryIO, _ExplainedFile(raw, whole, "read"))


@contextmanager
def open_write(uri: str) -> Iterator[BinaryIO]:
    """Open an object for writing that appears when the block ends well, and only then.

    Args:
        uri: Its address; on a disk, the folders above it are made.

    Yields:
        A binary file to write in order; large ones go to S3 in parts while being written.

    Raises:
        StorageError: The store refused, failed or could not be reached; an older object is untouched.
    """
    whole = _object_uri(uri)
    opened = _whole_s3_file(whole) if is_s3(whole) else _whole_local_file(whole)
    with opened as raw:
        yield cast(BinaryIO, _ExplainedFile(raw, whole, "write"))


class _ExplainedFile(io.RawIOBase):
    """A file whose failures are told in our words, whoever drives it."""

    def __init__(self, raw: BinaryIO, uri: str, action: str) -> None:
        super().__init__()
        self._raw = raw
        self._uri = uri
        self._action = action

    def readable(self) -> bool:
        return self._raw.readable()

    def writable(self) -> bool:
        return self._raw.writable()

    def seekable(self) -> bool:
        # Parts that went to S3 cannot be called back, so files on a disk do not offer it either.
        return self._raw.readable()

    def tell(self) -> int:
        return self._raw.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self.seekable():
            raise io.UnsupportedOperation("a file being written is written in order")
        return self._explained(self._raw.seek, offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        return self._explained(self._raw.read, -1 if size is None else size)

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - anything with the buffer protocol
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self.read(-1)

    def write(self, data: Any) -> int:  # noqa: ANN401 - anything with the buffer protocol
        return self._explained(self._raw.write, data)

    def flush(self) -> None:
        """Do nothing: the bytes are handed over when the block ends."""

    def _explained(self, call: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - the call's own type
        with explained(self._uri, self._action):
            return call(*args)


def _object_uri(uri: str) -> str:
    split_uri(uri)
    return absolute_uri(uri)


def _open_s3_read(uri: str) -> BinaryIO:
    raw = open_file_system().open(uri, "rb", block_size=_READ_BLOCK_BYTES)
    if raw.details["type"] != "file":
        raise ObjectMissing(f"there is nothing at {uri}, only objects below it", remedy="check the address")
    return raw


def _open_local_read(uri: str) -> BinaryIO:
    return Path(uri).open("rb")


@contextmanager
def _whole_local_file(uri: str) -> Iterator[BinaryIO]:
    """Explain the opening and the renaming, but not what the caller does in between."""
    target = whole_file(Path(uri))
    with explained(uri, "write"):
        file = target.__enter__()
    try:
        yield file
    except BaseException as error:
        target.__exit__(type(error), error, error.__traceback__)
        raise
    with explained(uri, "write"):
        target.__exit__(None, None, None)


@contextmanager
def _whole_s3_file(uri: str) -> Iterator[BinaryIO]:
    with explained(uri, "write"):
        raw = open_file_system().open(uri, "wb", block_size=_WRITE_BLOCK_BYTES)
    try:
        yield raw
        with explained(uri, "write"):
            raw.close()
    except BaseException:
        _discard(raw)
        raise


def _discard(raw: Any) -> None:  # noqa: ANN401 - s3fs has no types
    # Marked closed first, since s3fs completes an open file when it is collected.
    raw.closed = True
    with suppress(Exception):
        raw.discard()
