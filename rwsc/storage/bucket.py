"""A folder of an S3 bucket as a store."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from rwsc.storage.addresses import Inside, is_part
from rwsc.storage.failures import refuse_larger
from rwsc.storage.s3 import Patience, open_bucket

_PAGE_KEYS = 1000
_CREATE_ATTEMPTS = 20
_LONGEST_WRITE_TEST = timedelta(minutes=1)
_DELETE_ATTEMPTS = 3
"""Of a DELETE that is not answered in time, which the client does not repeat, though another one does no harm."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 3.0


class BucketFolder:
    """The objects of one bucket whose names begin with one path."""

    def __init__(self, bucket: str, path: str, *, patience: Patience) -> None:
        self._store: S3Store = open_bucket(bucket, patience=patience)
        self._bucket = bucket
        self._path = path

    def read(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """Read a whole object; of a larger one than `max_bytes` nothing is fetched but its size."""
        found = obstore.get(self._store, self._name(key))
        refuse_larger(f"s3://{self._bucket}/{self._name(key)}", found.meta["size"], max_bytes)
        return bytes(found.bytes())

    def write(self, key: str, data: bytes, *, overwrite: bool) -> None:
        """Write a whole object."""
        if overwrite:
            obstore.put(self._store, self._name(key), data)
        else:
            self._create(self._name(key), data)

    def exists(self, key: str) -> bool:
        """Tell whether there is an object."""
        return self._is_object(self._name(key))

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        for left in reversed(range(_DELETE_ATTEMPTS)):
            try:
                obstore.delete(self._store, self._name(key))
                return
            except BaseError as error:
                if not left or not _has_no_answer(error) or _was_repeated(error):
                    raise

    def list_keys(self, under: str) -> Iterator[str]:
        """List the objects below a path, a page at a time."""
        for page in obstore.list(self._store, prefix=self._name(under) or None, chunk_size=_PAGE_KEYS):
            for found in page:
                if not is_part(found["path"]) and not self._is_folder_mark(found):
                    yield found["path"][len(self._path) :].lstrip("/")

    def look_into(self, under: str) -> Inside:
        """List what the names below a path have before their next slash."""
        found = obstore.list_with_delimiter(self._store, prefix=self._name(under) or None)
        names = [
            item["path"].rpartition("/")[2] for item in found["objects"] if not self._is_folder_mark(item)
        ]
        return Inside(
            folders=sorted(path.rstrip("/").rpartition("/")[2] for path in found["common_prefixes"]),
            objects=sorted(name for name in names if not is_part(name)),
            leftovers=sorted(filter(is_part, names)),
        )

    def sweep(self, under: str) -> None:
        """Remove the write tests that killed processes left, and of which no other one can be at work still."""
        if under:
            return  # objects appear whole, so that nothing but write tests is ever unfinished, and they are at the top
        found = obstore.list_with_delimiter(self._store, prefix=self._name(under) or None)
        old = datetime.now(UTC) - _LONGEST_WRITE_TEST
        for item in found["objects"]:
            if is_part(item["path"]) and item["last_modified"] < old:
                self.delete(item["path"].removeprefix(self._path).strip("/"))

    def has_any(self) -> bool:
        """Tell whether any object begins with the path."""
        return any(page for page in obstore.list(self._store, prefix=self._path or None, chunk_size=1))

    def _name(self, key: str) -> str:
        return f"{self._path}/{key}".strip("/")

    def _is_object(self, name: str) -> bool:
        try:
            obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def _is_folder_mark(self, found: dict) -> bool:
        # Web consoles make an empty object "name/" for a folder, and the client lists it as "name".
        return found["size"] == 0 and not self._is_object(found["path"])

    def _create(self, name: str, data: bytes) -> None:
        """Write an object that must not exist.

        The repeats are made here, not by the client: when the answer to the first try is lost, the second
        finds the name taken, and only then do equal bytes mean that they are our own.
        """
        once = open_bucket(self._bucket, patience="none")
        for attempt in range(_CREATE_ATTEMPTS):
            try:
                obstore.put(once, name, data, mode="create")
                return
            except AlreadyExistsError:
                if attempt == 0 or bytes(obstore.get(self._store, name).bytes()) != data:
                    raise
                return
            except BaseError as error:
                if attempt + 1 == _CREATE_ATTEMPTS or not _may_pass(error):
                    raise
            time.sleep(min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S))


def _may_pass(error: BaseError) -> bool:
    return _has_no_answer(error) or "status code: 5" in str(error)


def _has_no_answer(error: BaseError) -> bool:
    return "HTTP error" in str(error)


def _was_repeated(error: BaseError) -> bool:
    return " retries, max_retries" in str(error)
