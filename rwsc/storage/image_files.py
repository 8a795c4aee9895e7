"""What image files say of themselves, and whether they are whole, read without decoding a pixel."""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from rwsc.errors import UnreadableImage

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8"

_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
"""Chunks that decide the pixels; profiles, texts, orientation and animation are left out."""
_PNG_GREY, _PNG_RGB, _PNG_PALETTE = 0, 2, 3
_PNG_CHANNELS = {_PNG_GREY: 1, _PNG_RGB: 3, _PNG_PALETTE: 3, 4: 4, 6: 4}

_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
_JPEG_FILL = 0xFF
_JPEG_BARE = {0x01, *range(0xD0, 0xD9), _JPEG_FILL}
# Inside a scan, FF 00 is a data byte and FF D0 to FF D7 are restarts; anything else begins a segment. The
# pattern begins with one plain byte, so that the search skips at memory speed.
_JPEG_SEGMENT = re.compile(rb"\xff[\x01-\xcf\xd8-\xff]")


class Frame(NamedTuple):
    """What a header says of the stored pixels."""

    width: int
    height: int
    bits: int
    channels: int


class Chunk(NamedTuple):
    """A chunk of a PNG file."""

    kind: bytes
    data: memoryview
    whole: memoryview


def read_png_frame(data: bytes) -> Frame:
    """Read the header chunk of a PNG file.

    Args:
        data: The file, or its beginning.

    Returns:
        Size, bits per channel as stored (1 to 16), and channels as decoded: 1, 3, or 4 with alpha. A grey
        declared transparent counts as grey.

    Raises:
        UnreadableImage: The header is cut or makes no sense.
    """
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise UnreadableImage("PNG is cut or damaged inside its header")
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    if colour not in _PNG_CHANNELS or bits not in (1, 2, 4, 8, 16) or not (width and height):
        raise UnreadableImage(
            f"PNG header makes no sense: {width} x {height}, {bits} bits, colour type {colour}"
        )
    channels = _PNG_CHANNELS[colour]
    if colour in (_PNG_RGB, _PNG_PALETTE) and _has_transparency(data):
        channels = 4
    return Frame(width, height, bits, channels)


def checked_png(data: bytes) -> bytes:
    """Make sure that a PNG file is whole and keep what decides its pixels.

    Args:
        data: The file.

    Returns:
        The file without the chunks that no pixel depends on.

    Raises:
        UnreadableImage: The file is cut short, or a chunk fails its checksum.
    """
    kept: list[bytes | memoryview] = [PNG_SIGNATURE]
    for chunk in png_chunks(data):
        if chunk.kind in _PNG_KEPT:
            if zlib.crc32(chunk.whole[4:-4]) != int.from_bytes(chunk.whole[-4:], "big"):
                raise UnreadableImage(f"PNG is damaged: its {chunk.kind.decode()} chunk fails the checksum")
            if chunk.kind != b"tRNS" or data[25] != _PNG_GREY:
                kept.append(chunk.whole)
        if chunk.kind == b"IEND":
            return b"".join(kept)
    raise UnreadableImage(f"PNG is cut short: its end chunk is missing after {len(data)} bytes")


def read_jpeg_frame(data: bytes) -> Frame:
    """Read the frame header of a JPEG file.

    Args:
        data: The file, or its beginning.

    Returns:
        Size, bits per channel, and channels as stored: 1 grey, 3 colour, 4 print colours.

    Raises:
        UnreadableImage: The file ends before a frame header.
    """
    for marker, segment in jpeg_segments(data):
        if marker in _JPEG_FRAMES and len(segment) >= 6:
            bits, height, width, channels = struct.unpack(">BHHB", segment[:6])
            if not (width and height):
                raise UnreadableImage(f"JPEG header makes no sense: {width} x {height} pixels")
            return Frame(width, height, bits, channels)
    raise UnreadableImage("JPEG is cut short: it ends before its frame header")


def check_jpeg(data: bytes) -> None:
    """Make sure that a JPEG file runs to its end mark; decoders paint what is missing grey.

    Args:
        data: The file.

    Raises:
        UnreadableImage: The end mark, or any scan, is missing.
    """
    markers = {marker for marker, _ in jpeg_segments(data)}
    if _JPEG_END not in markers:
        raise UnreadableImage(f"JPEG is cut short: its end mark is missing after {len(data)} bytes")
    if _JPEG_SCAN not in markers:
        raise UnreadableImage("JPEG holds no picture: it has no scan")


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Walk the chunks of a PNG file up to where it ends or is cut; checksums are not looked at."""
    view = memoryview(data)
    start = len(PNG_SIGNATURE)
    while start + 12 <= len(view):
        length, kind = struct.unpack(">I4s", view[start : start + 8])
        end = start + 12 + length
        if end > len(view):
            return
        yield Chunk(kind, view[start + 8 : end - 4], view[start:end])
        start = end


def _has_transparency(data: bytes) -> bool:
    for chunk in png_chunks(data):
        if chunk.kind in (b"tRNS", b"IDAT"):
            return chunk.kind == b"tRNS"
    return False


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the segments of a JPEG file up to the end mark, passing over the coded pixels: marker and content."""
    position = len(JPEG_SIGNATURE)
    while found := _JPEG_SEGMENT.search(data, position):
        marker = data[found.end() - 1]
        position = found.end() - (marker == _JPEG_FILL)
        if marker in _JPEG_BARE:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if marker != _JPEG_END and position + length > len(data):
            return
        yield marker, data[position + 2 : position + length]
        if marker == _JPEG_END:
            return
        position += length
