"""Tables of numbers in MATLAB files of version 5 to 7.

`scipy.io.loadmat` is not used: one changed byte in a type, or cells nested deeply, end the whole process.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_HEADER_BYTES = 128
_MAX_UNPACKED_BYTES = 8 * 2**20
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_FIRST_NUMERIC_CLASS, _LAST_NUMERIC_CLASS = 6, 15
_COMPLEX_BIT = 0x0800


class DamagedMat(ValueError):  # noqa: N818 - names what is the matter
    """Bytes that are no MATLAB file or hold no such table; the message says what, on one line."""


@dataclass(frozen=True, slots=True)
class _Element:
    kind: int
    data: bytes


def read_matrix(data: bytes, name: str) -> np.ndarray:
    """Read one table out of a MATLAB file.

    Args:
        data: The file's bytes.
        name: The variable.

    Returns:
        Its numbers, (rows, columns), of the type they are stored in.

    Raises:
        DamagedMat: The bytes are no MATLAB file of version 5 to 7 or a damaged one, or the variable is
            missing, no table of real numbers, or stated twice.
    """
    if data.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise DamagedMat("MATLAB 7.3 (HDF5) is not read; save it with -v7")
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER_BYTES])
    if order is None:
        raise DamagedMat("no MATLAB file of version 5 to 7")
    try:
        found = [
            parts
            for element in _elements(data[_HEADER_BYTES:], order)
            if (parts := _parts_of(element, order)) is not None and parts[2].data == name.encode()
        ]
    except (struct.error, zlib.error) as error:
        raise DamagedMat(f"a damaged MATLAB file: {error}") from None
    if len(found) != 1:
        raise DamagedMat(f"{len(found)} variables {name!r}")
    return _table(found[0], order, name)


def _elements(data: bytes, order: str) -> Iterator[_Element]:
    place = 0
    while place < len(data):
        kind, size = struct.unpack_from(order + "II", data, place)
        if kind >> 16:  # up to four bytes are stored in the tag itself
            kind, size, start, end = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        else:
            start = place + 8
            end = start + size + (-size % 8 if kind != _COMPRESSED else 0)
        if start + size > len(data):
            raise DamagedMat("a damaged MATLAB file: it ends too early")
        yield _Element(kind, data[start : start + size])
        place = end


def _parts_of(element: _Element, order: str) -> list[_Element] | None:
    """Give flags, size, name and whatever follows of a matrix; None for what is none."""
    if element.kind == _COMPRESSED:
        unpacked = zlib.decompressobj().decompress(element.data, _MAX_UNPACKED_BYTES)
        element = next(_elements(unpacked, order), _Element(0, b""))
    if element.kind != _MATRIX:
        return None
    parts: list[_Element] = []
    for part in _elements(element.data, order):
        parts.append(part)
        if len(parts) == 5:  # a sixth part would be of a complex table, or of a cell
            break
    return parts if [part.kind for part in parts[:3]] == [_UINT32, _INT32, _INT8] else None


def _table(parts: list[_Element], order: str, name: str) -> np.ndarray:
    flags = struct.unpack_from(order + "I", parts[0].data.ljust(4, b"\0"))[0]
    is_numeric = _FIRST_NUMERIC_CLASS <= flags & 0xFF <= _LAST_NUMERIC_CLASS
    if not is_numeric or flags & _COMPLEX_BIT or len(parts) < 4 or parts[3].kind not in _NUMBERS:
        raise DamagedMat(f"{name!r} is no table of real numbers")
    shape = np.frombuffer(parts[1].data[: len(parts[1].data) // 4 * 4], order + "i4").tolist()
    stored = np.dtype(order + _NUMBERS[parts[3].kind])
    if len(shape) != 2 or min(shape) < 0 or shape[0] * shape[1] * stored.itemsize != len(parts[3].data):
        raise DamagedMat(f"{name!r} is {' x '.join(map(str, shape[:4]))}, and does not hold as many numbers")
    return np.frombuffer(parts[3].data, stored).reshape(shape, order="F")
