"""Formats that Pillow decodes: OpenCV bends alpha or orientation of some, and talks of damaged JPEGs."""

import io
import struct
import warnings
from typing import Any

import numpy as np
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, TiffImagePlugin, WebPImagePlugin

from rwsc.errors import UnreadableImage
from rwsc.storage.image_files import Frame

# Pillow warns about odd tags of damaged files, which are told of in our errors or do not matter.
warnings.filterwarnings("ignore", module=r"PIL\.")

_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
_TARGETS = {
    "1": "L",
    "L": "L",
    "P": "RGB",
    "RGB": "RGB",
    "RGBX": "RGB",
    "LA": "RGBA",
    "PA": "RGBA",
    "RGBA": "RGBA",
    "I;16": "I;16",
    "I;16L": "I;16",
    "I;16B": "I;16",
}
_TARGET_CHANNELS = {"L": 1, "I;16": 1, "RGB": 3, "RGBA": 4}
_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_ORIENTATION = 258, 262, 274
_TIFF_RGB, _TIFF_SHORT = 2, 3


_TIFF_WHITE_IS_ZERO = 0


def read_pillow_frame(kind: str, data: bytes) -> Frame:
    """Read the header of a file.

    Args:
        kind: TIFF, BMP or WEBP.
        data: The file.

    Returns:
        Size, 8 or 16 bits, and channels as decoded.

    Raises:
        UnreadableImage: The header is damaged, or its kind of pixels has no exact grey, RGB or RGBA form.
    """
    opened = _open(kind, data)
    target = _target_mode(opened)
    if target is None:
        raise UnreadableImage(f"{kind} with pixels of the kind {opened.mode} is not read: convert it to RGB")
    deep = _is_deep_tiff(opened)
    if deep and opened.tag_v2.get(_TIFF_PHOTOMETRIC) != _TIFF_RGB:
        raise UnreadableImage("TIFF with 16 bits in several channels that are not RGB: convert it to RGB")
    bits = 16 if deep or target == "I;16" else 8
    if bits == 16 and opened.tag_v2.get(_TIFF_PHOTOMETRIC) == _TIFF_WHITE_IS_ZERO:
        raise UnreadableImage("16-bit TIFF in which white is zero is not read: invert it first")
    return Frame(opened.width, opened.height, bits, _TARGET_CHANNELS[target])


def decode_pillow(kind: str, data: bytes) -> np.ndarray:
    """Decode a file whose header has been read.

    Args:
        kind: JPEG, TIFF, BMP or WEBP.
        data: The file.

    Returns:
        uint8 or uint16 pixels, grey, RGB or RGBA.

    Raises:
        UnreadableImage: The file is cut short or damaged.
    """
    opened = _open(kind, data)
    target = _target_mode(opened)
    try:
        as_stored = target in (opened.mode, "I;16")
        pixels = np.asarray(opened if as_stored else opened.convert(target))
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow raise anything
        raise UnreadableImage(f"{kind} is cut short or damaged: {_one_line(error)}") from None
    return np.ascontiguousarray(pixels, dtype=np.uint16 if target == "I;16" else np.uint8)


def upright_tiff(data: bytes) -> bytes:
    """Give a TIFF file whose orientation tag, which decoders follow, says upright.

    Args:
        data: The file.

    Returns:
        The file itself, or a copy with the tag set to 1.
    """
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        entries = [start + 2 + 12 * number for number in range(count)]
        found = [at for at in entries if struct.unpack_from(f"{order}H", data, at)[0] == _TIFF_ORIENTATION]
        upright = bytearray(data) if found else data
        for at in found:
            struct.pack_into(f"{order}HIHH", upright, at + 2, _TIFF_SHORT, 1, 1, 0)
    except struct.error:
        return data
    return bytes(upright)


def _open(kind: str, data: bytes) -> Any:  # noqa: ANN401 - TIFF tags exist on one of the types only
    """Open one format directly: Pillow's own door would try others, and has limits of its own."""
    try:
        return _READERS[kind](io.BytesIO(upright_tiff(data) if kind == "TIFF" else data))
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow raise anything
        raise UnreadableImage(f"{kind} header is cut or damaged: {_one_line(error)}") from None


def _target_mode(opened: Image.Image) -> str | None:
    target = _TARGETS.get(opened.mode)
    return "RGBA" if opened.mode == "P" and "transparency" in opened.info else target


def _is_deep_tiff(opened: Any) -> bool:  # noqa: ANN401 - see _open
    bits = opened.tag_v2.get(_TIFF_BITS, ()) if isinstance(opened, TiffImagePlugin.TiffImageFile) else ()
    return len(bits) > 1 and max(bits) > 8


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
