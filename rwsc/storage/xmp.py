"""XMP packets in PNG and JPEG files: what a picture says of itself, beside its pixels.

The places are those of Adobe's XMP Specification, part 3: an iTXt chunk of PNG, an APP1 segment of JPEG.
`cv2.imencodeWithMetadata` of OpenCV 5.0 writes to neither, and copies foreign memory behind the packet.
"""

import struct
import zlib
from itertools import takewhile

from rwsc.storage.image_files import JPEG_SIGNATURE, PNG_SIGNATURE, jpeg_segments, png_chunks

_PNG_KIND = b"iTXt"
_PNG_NAME = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Keyword, not compressed, method 0, no language, no translated keyword."""

_PNG_HEAD_BYTES = 33
"""Signature and header chunk, which comes first in every PNG."""

_JPEG_MARKER, _JPEG_JFIF, _JPEG_SCAN = 0xE1, 0xE0, 0xDA
_JPEG_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_MAX_JPEG_PACKET_BYTES = 65535 - 2 - len(_JPEG_NAME)


def with_xmp(data: bytes, packet: bytes) -> bytes:
    """Put an XMP packet into a picture that has none; its coded pixels stay as they are.

    Args:
        data: A PNG or JPEG file, as `rwsc.storage.images.encode_image` gives them.
        packet: The packet, UTF-8.

    Returns:
        The file with the packet before its pixels.

    Raises:
        ValueError: The file is neither, or the packet is too large for a JPEG segment.
    """
    if data.startswith(PNG_SIGNATURE):
        return data[:_PNG_HEAD_BYTES] + _png_chunk(packet) + data[_PNG_HEAD_BYTES:]
    if not data.startswith(JPEG_SIGNATURE):
        raise ValueError(f"only PNG and JPEG take an XMP packet, not a file that begins with {data[:8]!r}")
    if len(packet) > _MAX_JPEG_PACKET_BYTES:
        raise ValueError(f"a JPEG segment holds {_MAX_JPEG_PACKET_BYTES} bytes of XMP, not {len(packet)}")
    segment = _JPEG_NAME + packet
    whole = struct.pack(">BBH", 0xFF, _JPEG_MARKER, len(segment) + 2) + segment
    start = _end_of_jfif(data)
    return data[:start] + whole + data[start:]


def read_xmp(data: bytes) -> bytes | None:
    """Read the XMP packet of a picture.

    Args:
        data: The file, or its beginning.

    Returns:
        The first packet that lies before the pixels, as it is stored and unchecked; None where there is none, where
        it is compressed, and in other formats than PNG and JPEG.
    """
    if data.startswith(PNG_SIGNATURE):
        before_pixels = takewhile(lambda chunk: chunk.kind != b"IDAT", png_chunks(data))
        texts = (bytes(chunk.data) for chunk in before_pixels if chunk.kind == _PNG_KIND)
        return next((text[len(_PNG_NAME) :] for text in texts if text.startswith(_PNG_NAME)), None)
    if data.startswith(JPEG_SIGNATURE):
        before_scan = takewhile(lambda found: found[0] != _JPEG_SCAN, jpeg_segments(data))
        texts = (segment for marker, segment in before_scan if marker == _JPEG_MARKER)
        return next((text[len(_JPEG_NAME) :] for text in texts if text.startswith(_JPEG_NAME)), None)
    return None


def _png_chunk(packet: bytes) -> bytes:
    named = _PNG_KIND + _PNG_NAME + packet
    return struct.pack(">I", len(named) - len(_PNG_KIND)) + named + struct.pack(">I", zlib.crc32(named))


def _end_of_jfif(data: bytes) -> int:
    # Readers of JFIF look for its segment right behind the signature.
    start = len(JPEG_SIGNATURE)
    if data[start : start + 2] != bytes((0xFF, _JPEG_JFIF)):
        return start
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
