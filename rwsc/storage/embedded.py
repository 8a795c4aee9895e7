"""Images that lie inside a Parquet file, each under an address of its own: ``<file>.parquet#row=<n>``."""

import re
import threading
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from rwsc.errors import AccessDenied, ObjectMissing
from rwsc.storage.files import open_read
from rwsc.storage.parquet import open_parquet

MAX_IMAGE_BYTES = 256 * 2**20
"""Largest image that is handed out."""

MAX_GROUP_BYTES = 2**30
"""Largest row group of images that is unpacked; writers make them of about a hundred images."""

IMAGE_COLUMNS = ("image", "img", "picture", "scan")
"""Names that go before others where several columns hold images."""

PARQUET_FAULTS = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)
"""What pyarrow raises for a damaged file."""

_ADDRESS = re.compile(r"(?P<file>.+\.parquet)#row=(?P<row>[0-9]{1,12})", re.IGNORECASE | re.DOTALL)
_NUM_HELD = 2


@dataclass(frozen=True, slots=True)
class _Group:
    """The images of one row group."""

    file_uri: str
    first_row: int
    images: pa.ChunkedArray

    def holds(self, file_uri: str, row: int) -> bool:
        return self.file_uri == file_uri and 0 <= row - self.first_row < len(self.images)


_held: list[_Group] = []
_lock = threading.Lock()


def is_embedded(uri: str) -> bool:
    """Tell whether an address names an image inside a Parquet file."""
    return _ADDRESS.fullmatch(uri) is not None


def embedded_uri(file_uri: str, row: int) -> str:
    """Give the address of the image in a row, counted from 0 over the whole file."""
    return f"{file_uri}#row={row}"


def file_of(uri: str) -> str:
    """Give the address of the Parquet file that holds an embedded image."""
    return _parts(uri)[0]


def read_embedded(uri: str) -> bytes:
    """Read the image of one row.

    Its whole row group is unpacked, since Parquet offers nothing smaller; the last two stay in memory,
    shared by all threads, so that reading in order unpacks each group once. A file that is replaced while a
    process reads it is not noticed.

    Args:
        uri: Address as `embedded_uri` makes it.

    Returns:
        The image file's bytes.

    Raises:
        ObjectMissing: There is no such file or no such row.
        AccessDenied: The Parquet file is damaged, the row holds no bytes, or the image or its row group is too
            large.
        StorageError: The store refused, failed or could not be reached.
    """
    file_uri, row = _parts(uri)
    with _lock:
        group = next((group for group in _held if group.holds(file_uri, row)), None)
        if group is None:
            group = _read_group(file_uri, row)
            _held[:] = [group, *_held[: _NUM_HELD - 1]]
    image = group.images[row - group.first_row]
    data = image["bytes"] if image.is_valid else None
    if data is None or not data.is_valid:
        raise AccessDenied(
            f"there is no image at {uri}{_elsewhere(image)}", remedy="make the file again, images included"
        )
    buffer = data.as_buffer()
    if buffer.size > MAX_IMAGE_BYTES:
        raise AccessDenied(f"the image at {uri} has {buffer.size} bytes, more than {MAX_IMAGE_BYTES}")
    return bytes(buffer.to_pybytes())


def image_column(schema: pa.Schema) -> str | None:
    """Find the column whose values are structs with an image file's ``bytes``, as Hugging Face writes it.

    Args:
        schema: Columns of a Parquet file.

    Returns:
        Its name; None where there is none.
    """
    names = [field.name for field in schema if "." not in field.name and _holds_bytes(field.type)]
    return next((name for name in IMAGE_COLUMNS if name in names), names[0] if names else None)


def _holds_bytes(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return False
    place = kind.get_field_index("bytes")
    return place >= 0 and (
        pa.types.is_binary(kind.field(place).type) or pa.types.is_large_binary(kind.field(place).type)
    )


def _elsewhere(image: pa.StructScalar) -> str:
    try:
        path = image["path"].as_py() if image.is_valid else None
    except (KeyError, UnicodeDecodeError):
        return ""
    return f"; the row names {ascii(path)[:80]}, which is not looked for" if path else ""


def _parts(uri: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(uri)
    if found is None:
        raise ObjectMissing(f"{uri} names no row of a Parquet file", remedy="write FILE.parquet#row=NUMBER")
    return found["file"], int(found["row"])


def _read_group(file_uri: str, row: int) -> _Group:
    with open_read(file_uri) as file:
        try:
            return _unpacked(file, file_uri, row)
        except PARQUET_FAULTS as error:
            # Whoever reads an image takes this for the fault of the one image, not of the store.
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise AccessDenied(
                f"{file_uri} is no Parquet file with images, or a damaged one: {reason}",
                remedy="fetch the file again",
            ) from None


def _unpacked(file: BinaryIO, file_uri: str, row: int) -> _Group:
    with open_parquet(file) as parquet:
        column = image_column(parquet.schema_arrow)
        if column is None:
            raise ValueError("no column holds images")
        first_row = 0
        for number in range(parquet.metadata.num_row_groups):
            # No more is asked of the footer: what it says of a column can end the process when it is damaged.
            stated = parquet.metadata.row_group(number)
            num_rows = stated.num_rows
            if row < first_row + num_rows:
                if stated.total_byte_size > MAX_GROUP_BYTES:
                    raise ValueError(
                        f"a row group of {stated.total_byte_size} bytes, more than {MAX_GROUP_BYTES}"
                    )
                table = parquet.read_row_group(number, columns=[column], use_threads=False)
                if table.num_rows != num_rows:
                    raise ValueError(f"row group {number} is shorter than stated")
                return _Group(file_uri, first_row, table.column(column))
            first_row += num_rows
    raise ObjectMissing(f"{file_uri} has no row {row}", remedy="check the Parquet file")
