"""NumPy's .npy files: grey levels as they are, transmission as grey levels, never a pickled object.

NumPy itself evaluates the header as Python source and takes the memory it names. Here the header is matched
against what an array of numbers can have, and nothing is taken before its size is checked.
"""

import io
import math
import re
import struct

import numpy as np

from rwsc.errors import UnreadableImage
from rwsc.storage.image_files import Frame

NPY_SIGNATURE = b"\x93NUMPY"

AIR_OF_FLOATS = 50_000
"""Grey level that a transmission of 1 becomes: noise of air up to a third above it still fits into 16 bits."""

_MAX_HEADER_BYTES = 1024
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_NUMBER = "[0-9]{1,20}"
_ENTRY = re.compile(
    r"\s*'(descr|fortran_order|shape)'\s*:"
    rf"\s*('[^']{{1,16}}'|True|False|\((?:{_NUMBER}, ?){{0,8}}(?:{_NUMBER})?\))\s*,?\s*"
)
_TYPES = ("|u1", "<u1", ">u1", "<u2", ">u2", "<f4", ">f4", "<f8", ">f8")
_CHANNELS = {2: (1,), 3: (2, 3)}
_LEAST_TRANSMISSION, _MOST_TRANSMISSION = -0.05, 65535 / AIR_OF_FLOATS


class _Header:
    """What a header says, and where the values begin."""

    def __init__(self, data: bytes) -> None:
        text, self.start = _header_text(data)
        entries = _entries(text)
        self.dtype = _dtype(entries["descr"].strip("'"))
        self.order = "F" if entries["fortran_order"] == "True" else "C"
        self.shape = tuple(int(number) for number in re.findall("[0-9]+", entries["shape"]))
        self.channels = self.shape[2] if len(self.shape) == 3 else 1
        if self.channels not in _CHANNELS.get(len(self.shape), ()) or not all(self.shape):
            raise UnreadableImage(
                f"NPY of shape {self.shape} is no image: (height, width) with 2 (low, high energy) or 3 (RGB)"
                " channels last, or none"
            )

    @property
    def num_bytes(self) -> int:
        return self.start + math.prod(self.shape) * self.dtype.itemsize


def read_npy_frame(data: bytes) -> Frame:
    """Read the header of an .npy file.

    Args:
        data: The file, or its beginning.

    Returns:
        Size, 8 or 16 bits as decoded, and channels: 1 grey, 2 low and high energy, 3 RGB.

    Raises:
        UnreadableImage: The header is cut or damaged, or is that of something else than an image.
    """
    header = _Header(data)
    return Frame(header.shape[1], header.shape[0], 8 if header.dtype.itemsize == 1 else 16, header.channels)


def decode_npy(data: bytes) -> np.ndarray:
    """Decode an .npy file whose size has been checked.

    Whole numbers are grey levels and stay as they are. Floats are transmission, 1 for air, and become 16-bit grey
    levels with `AIR_OF_FLOATS` for 1; slightly negative ones, as subtracted dark current leaves them, become 0.

    Args:
        data: The file.

    Returns:
        uint8 or uint16 of the machine's byte order, (H, W), (H, W, 2) or (H, W, 3).

    Raises:
        UnreadableImage: The file is cut short or too long, or its floats are no transmission.
    """
    header = _Header(data)
    if len(data) != header.num_bytes:
        state = "cut short" if len(data) < header.num_bytes else "damaged"
        raise UnreadableImage(
            f"NPY is {state}: it has {len(data):,} bytes, its header states {header.num_bytes:,}"
        )
    values = np.frombuffer(data, header.dtype, offset=header.start).reshape(header.shape, order=header.order)  # type: ignore[call-overload]
    if header.dtype.kind == "f":
        return _levels(values)
    return values.astype(header.dtype.newbyteorder("="), order="C", copy=True)


def encode_npy(image: np.ndarray) -> bytes:
    """Write grey levels as an .npy file of version 1.0; equal arrays give equal bytes.

    Args:
        image: uint8 or uint16, (H, W), (H, W, 2) or (H, W, 3).

    Returns:
        The file.
    """
    file = io.BytesIO()
    levels = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("<"))
    np.lib.format.write_array(file, levels, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _header_text(data: bytes) -> tuple[str, int]:
    major = data[6] if len(data) > 6 else 0
    num_length = _LENGTH_BYTES.get(major)
    if num_length is None or len(data) < 8 + num_length:
        raise UnreadableImage(
            f"NPY of version {major} is not read" if len(data) > 12 else "NPY is cut inside its header"
        )
    (length,) = struct.unpack_from("<H" if num_length == 2 else "<I", data, 8)
    start = 8 + num_length + length
    if length > _MAX_HEADER_BYTES:
        raise UnreadableImage(f"NPY states a header of {length:,} bytes; one of an image has some hundred")
    if start > len(data):
        raise UnreadableImage("NPY is cut inside its header")
    return data[8 + num_length : start].decode("latin-1"), start


def _entries(text: str) -> dict[str, str]:
    inside = re.fullmatch(r"\s*\{(.*)\}\s*", text, re.DOTALL)
    entries: dict[str, str] = {}
    position = 0
    while inside and position < len(inside[1]) and (found := _ENTRY.match(inside[1], position)):
        entries[found[1]] = found[2]
        position = found.end()
    is_whole = inside is not None and position == len(inside[1]) and len(entries) == 3
    values = (
        entries.get("descr", "")[:1],
        entries.get("fortran_order", "")[:1],
        entries.get("shape", "")[:1],
    )
    if not is_whole or values not in (("'", "T", "("), ("'", "F", "(")):
        raise UnreadableImage(
            f"NPY header is damaged, or not that of an array of numbers: {text.strip()[:80]!r}"
        )
    return entries


def _dtype(descr: str) -> np.dtype:
    if descr not in _TYPES:
        raise UnreadableImage(f"NPY of type {descr!r} is not read: store uint8, uint16, float32 or float64")
    return np.dtype(descr)


def _levels(transmission: np.ndarray) -> np.ndarray:
    least, most = float(np.min(transmission)), float(np.max(transmission))
    if not (least >= _LEAST_TRANSMISSION and most <= _MOST_TRANSMISSION):
        raise UnreadableImage(
            f"NPY of floats from {least:.4g} to {most:.4g} is no transmission (0 to 1, air 1): divide by the air"
            " level, or store grey levels as uint16"
        )
    return np.rint(np.maximum(transmission, 0) * AIR_OF_FLOATS).astype(np.uint16, order="C")
