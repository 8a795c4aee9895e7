"""Scans of two energies that lie in two files, under one address: ``<low>.png#high=<high>.png``."""

import re
from collections.abc import Callable

import numpy as np

from rwsc.errors import AccessDenied, StorageError, UnreadableImage
from rwsc.storage.addresses import PAIR_MARK
from rwsc.storage.images import ImageInfo, decode_image, encode_image, probe_image

HALF_SUFFIXES = (".png", ".tif", ".tiff", ".npy")
"""Endings of files that can be half of a pair: formats that keep every value."""

_ENDING = r"\.(?:png|tiff?|npy)"
_ADDRESS = re.compile(
    rf"(?P<low>.+/[^/#]+{_ENDING}){PAIR_MARK}(?P<high>(?:[^/#]+/)?[^/#]+{_ENDING})", re.IGNORECASE | re.DOTALL
)


def is_pair(uri: str) -> bool:
    """Tell whether an address names a scan in two files."""
    return _ADDRESS.fullmatch(uri) is not None


def pair_uri(low_uri: str, high_uri: str) -> str:
    """Give the address of a scan whose energies lie in two files.

    Args:
        low_uri: Address of the low energy.
        high_uri: Address of the high energy, in the same folder or in one beside it.

    Returns:
        The low energy's address with the high energy's name behind it: a bare name lies in the same folder,
        ``FOLDER/NAME`` in the folder beside it.

    Raises:
        StorageError: The files lie elsewhere, or their names cannot be written so.
    """
    folder, _, _ = low_uri.rpartition("/")
    for base in (folder, folder.rpartition("/")[0]):
        uri = f"{low_uri}{PAIR_MARK}{high_uri.removeprefix(f'{base}/')}"
        if high_uri.startswith(f"{base}/") and is_pair(uri) and halves_of(uri) == (low_uri, high_uri):
            return uri
    raise StorageError(
        f"{low_uri} and {high_uri} cannot be joined to one scan",
        remedy="put both energies into one folder, or into two that lie side by side",
    )


def halves_of(uri: str) -> tuple[str, str]:
    """Give the addresses of low and high energy.

    Args:
        uri: Address as `pair_uri` makes it.

    Returns:
        Two addresses in one folder, or in two that lie side by side; nothing else can be named.

    Raises:
        StorageError: The address is no such one.
    """
    found = _ADDRESS.fullmatch(uri)
    if found is None or any(part in (".", "..") for part in found["high"].split("/")):
        raise StorageError(f"{uri} names no pair of files", remedy=f"write LOW.png{PAIR_MARK}HIGH.png")
    folder, _, _ = found["low"].rpartition("/")
    base = folder.rpartition("/")[0] if "/" in found["high"] else folder
    return found["low"], f"{base}/{found['high']}"


def read_pair(uri: str, read: Callable[[str], bytes]) -> bytes:
    """Read both energies of a scan as one file.

    Args:
        uri: Address as `pair_uri` makes it.
        read: Reads the object at an address.

    Returns:
        An .npy file of shape (H, W, 2), low energy first; equal files give equal bytes.

    Raises:
        AccessDenied: One half is no image of one channel, or they differ in size or depth.
        StorageError: One half is missing or cannot be read.
    """
    low_HW, high_HW = (_half(half_uri, read(half_uri)) for half_uri in halves_of(uri))
    _check_alike(uri, _facts(low_HW), _facts(high_HW))
    return encode_image(np.stack([low_HW, high_HW], axis=-1), codec="npy")


def probe_pair(uri: str, probe: Callable[[str], ImageInfo]) -> ImageInfo:
    """Read the headers of both energies.

    Args:
        uri: Address as `pair_uri` makes it.
        probe: Reads the header of the image at an address.

    Returns:
        What decoding what `read_pair` gives will give.

    Raises:
        AccessDenied: As for `read_pair`.
        UnreadableImage: One half is no image.
    """
    low, high = (probe(half_uri) for half_uri in halves_of(uri))
    for half_uri, info in zip(halves_of(uri), (low, high), strict=True):
        _check_grey(half_uri, info.channels)
    _check_alike(uri, (low.width, low.height, low.bit_depth), (high.width, high.height, high.bit_depth))
    return ImageInfo(
        width=low.width, height=low.height, bit_depth=low.bit_depth, channels=2, format=low.format
    )


def _half(uri: str, data: bytes) -> np.ndarray:
    try:
        _check_grey(uri, probe_image(data).channels)
        return decode_image(data)
    except UnreadableImage as error:
        # Whoever reads a scan takes this for the fault of the one scan, not of the store.
        raise AccessDenied(f"{_name(uri)}: {error.message}", remedy="fetch the file again") from None


def _check_grey(uri: str, channels: int) -> None:
    if channels != 1:
        raise AccessDenied(
            f"{_name(uri)} has {channels} channels, so it is no scan of one energy",
            remedy="a pair is two grey images",
        )


def _facts(image_HW: np.ndarray) -> tuple[int, int, int]:
    return image_HW.shape[1], image_HW.shape[0], 8 * image_HW.dtype.itemsize


def _check_alike(uri: str, low: tuple[int, int, int], high: tuple[int, int, int]) -> None:
    if low != high:
        told = [f"{width} x {height} pixels of {bits} bits" for width, height, bits in (low, high)]
        names = [_name(half_uri) for half_uri in halves_of(uri)]
        raise AccessDenied(
            f"low and high energy differ: {names[0]} has {told[0]}, {names[1]} has {told[1]}",
            remedy="export both energies of one scan alike",
        )


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]
