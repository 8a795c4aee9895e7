"""Images between bytes and arrays: checked before decoded, exact, 8 and 16 bit."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from rwsc.errors import UnreadableImage
from rwsc.storage.image_files import (
    JPEG_SIGNATURE,
    PNG_SIGNATURE,
    Frame,
    check_jpeg,
    checked_png,
    read_jpeg_frame,
    read_png_frame,
)
from rwsc.storage.npy_files import NPY_SIGNATURE, decode_npy, encode_npy, read_npy_frame
from rwsc.storage.pillow_images import decode_pillow, read_pillow_frame, upright_tiff

# Damaged files are told of in our errors; what the decoders print would drown the progress of a run.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

Codec = Literal["png", "jpeg", "npy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageLimits:
    """What an image may cost before it is refused."""

    max_pixels: int = 100_000_000
    """Width times height, read from the header before a pixel is decoded."""

    max_bytes: int = 256 * 2**20
    """Size of the file."""


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageInfo:
    """What decoding an image will give."""

    width: int
    """Columns of the array; orientation tags are not followed."""

    height: int
    """Rows of the array."""

    bit_depth: int
    """8 for uint8, 16 for uint16; fewer stored bits are spread over 8."""

    channels: int
    """1 grey, 2 low and high energy, 3 RGB, 4 RGB with alpha."""

    format: str
    """JPEG, PNG, TIFF, BMP, WEBP or NPY."""


_SIGNATURES = (
    (JPEG_SIGNATURE, "JPEG"),
    (PNG_SIGNATURE, "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (NPY_SIGNATURE, "NPY"),
)
_REFUSED_SIGNATURES = (
    (0, b"GIF8", "a GIF"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"%PDF", "a PDF"),
    (0, b"version https://git-lfs", "a Git LFS pointer, the image itself was not fetched"),
    (4, b"jP  ", "a JPEG 2000 image"),
    (4, b"ftyp", "a HEIF or AVIF image"),
    (128, b"DICM", "a DICOM file, export it as 16-bit PNG"),
)

# Chosen on real scans: as small as zlib's level 9 in a ninth of its time.
_PNG_OPTIONS = [
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_PAETH,
]
_TO_RGB = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
_HELD_CHANNELS = {"png": (3, 4), "jpeg": (3, 4), "npy": (2, 3)}
_FROM_RGB = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}


def probe_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> ImageInfo:
    """Read an image's header and refuse what should not be decoded.

    Args:
        data: The file.
        limits: What the image may cost.

    Returns:
        What `decode_image` will give, if the rest of the file is sound.

    Raises:
        UnreadableImage: The bytes are no image of a known format, over the limits, or of a kind that has no
            exact 8 or 16 bit grey, RGB or RGBA form.
    """
    if not data:
        raise UnreadableImage("the file is empty (0 bytes)")
    if len(data) > limits.max_bytes:
        raise UnreadableImage(f"the file has {len(data):,} bytes, over the limit of {limits.max_bytes:,}")
    kind = _format_of(data)
    frame = _read_frame(kind, data)
    if frame.width * frame.height > limits.max_pixels:
        raise UnreadableImage(
            f"{kind} of {frame.width:,} x {frame.height:,} pixels is over the limit of {limits.max_pixels:,}"
        )
    return ImageInfo(
        width=frame.width,
        height=frame.height,
        bit_depth=16 if frame.bits > 8 else 8,
        channels=frame.channels,
        format=kind,
    )


def decode_image(data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS) -> np.ndarray:
    """Decode an image as it is stored: no orientation, profile or gamma is applied.

    Args:
        data: The file.
        limits: What the image may cost.

    Returns:
        uint8 or uint16; (H, W) for grey, (H, W, 2) low and high energy, (H, W, 3) RGB, (H, W, 4) RGB with alpha
        that is not multiplied in.

    Raises:
        UnreadableImage: As for `probe_image`, or the file is cut short or damaged.
    """
    info = probe_image(data, limits)
    image = _decode(data, info)
    shape = (info.height, info.width) + ((info.channels,) if info.channels > 1 else ())
    if image.shape != shape or image.dtype.itemsize * 8 != info.bit_depth:
        raise UnreadableImage(f"{info.format} is damaged: its pixels do not fit its header")
    return image


def encode_image(image: np.ndarray, *, codec: Codec = "png", jpeg_quality: int = 95) -> bytes:
    """Encode an image; equal arrays give equal bytes.

    Args:
        image: (H, W) grey, (H, W, 2) low and high energy, (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or uint16.
        codec: `png` keeps every value of grey, RGB and RGBA; `npy` of grey, two energies and RGB; `jpeg` takes uint8
            grey or RGB and keeps colour at full resolution.
        jpeg_quality: 1 to 100.

    Returns:
        The file.

    Raises:
        ValueError: The array is no such image, or the codec cannot hold it.
    """
    channels = _checked_channels(image, codec)
    if codec == "npy":
        return encode_npy(image)
    stored = cv2.cvtColor(image, _FROM_RGB[channels]) if channels > 1 else image
    suffix, options = _encoder(codec, jpeg_quality)
    try:
        done, data = cv2.imencode(suffix, np.ascontiguousarray(stored), options)
    except cv2.error as error:
        raise ValueError(f"{codec} cannot hold {image.dtype} of shape {image.shape}") from error
    if not done:
        raise ValueError(f"{codec} cannot hold {image.dtype} of shape {image.shape}")
    return data.tobytes()


def _format_of(data: bytes) -> str:
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for offset, signature, what in _REFUSED_SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            raise UnreadableImage(f"the file is {what}; JPEG, PNG, TIFF, BMP, WebP and NPY are read")
    raise UnreadableImage(f"the file is no JPEG, PNG, TIFF, BMP, WebP or NPY: it begins with {data[:12]!r}")


def _read_frame(kind: str, data: bytes) -> Frame:
    if kind == "PNG":
        return read_png_frame(data)
    if kind == "NPY":
        return read_npy_frame(data)
    if kind != "JPEG":
        return read_pillow_frame(kind, data)
    frame = read_jpeg_frame(data)
    if frame.channels not in (1, 3):
        raise UnreadableImage(f"JPEG with {frame.channels} channels (CMYK print colours): convert it to RGB")
    if frame.bits != 8:
        raise UnreadableImage(f"JPEG with {frame.bits} bits is not read: store it as 16-bit PNG")
    return frame


def _decode(data: bytes, info: ImageInfo) -> np.ndarray:
    if info.format == "PNG":
        return _decode_cv(checked_png(data), info)
    if info.format == "NPY":
        return decode_npy(data)
    if info.format == "JPEG":
        check_jpeg(data)
    # Of 8-bit TIFF with alpha, OpenCV multiplies the alpha in; of deep TIFF, Pillow drops the lower bits.
    elif info.format == "TIFF" and (info.channels < 4 or info.bit_depth == 16):
        return _decode_cv(upright_tiff(data), info)
    return decode_pillow(info.format, data)


def _decode_cv(data: bytes, info: ImageInfo) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, MemoryError) as error:
        raise UnreadableImage(f"{info.format} cannot be decoded: {type(error).__name__}") from None
    if image is None:
        raise UnreadableImage(f"{info.format} is damaged: its pixels cannot be decoded")
    if image.ndim == 3 and image.shape[2] in _TO_RGB:
        image = cv2.cvtColor(image, _TO_RGB[image.shape[2]])
    return image


def _checked_channels(image: np.ndarray, codec: Codec) -> int:
    grey = image.ndim == 2
    held = _HELD_CHANNELS.get(codec, _HELD_CHANNELS["png"])
    if not (grey or (image.ndim == 3 and image.shape[2] in held)) or not image.size:
        raise ValueError(f"no image: {image.dtype} of shape {image.shape}")
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"no image: {image.dtype} of shape {image.shape}")
    channels = 1 if grey else image.shape[2]
    if codec == "jpeg" and (image.dtype != np.uint8 or channels == 4):
        raise ValueError(f"JPEG holds 8-bit grey or RGB, not {image.dtype} with {channels} channels: use png")
    return channels


def _encoder(codec: Codec, jpeg_quality: int) -> tuple[str, list[int]]:
    if codec == "png":
        return ".png", _PNG_OPTIONS
    if codec != "jpeg":
        raise ValueError(f"the codec must be 'png', 'jpeg' or 'npy', not {codec!r}")
    if not 1 <= jpeg_quality <= 100:
        raise ValueError(f"the JPEG quality must lie in 1..100, not {jpeg_quality}")
    full_colour = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return ".jpg", [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality, *full_colour]
