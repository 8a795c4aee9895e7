"""An item's pixels as a bank stores them: 16-bit RGB transmission and 8-bit coverage, as PNG."""

import numpy as np

from rwsc.storage.images import decode_image, encode_image


def encode_transmission(transmission_HWC: np.ndarray) -> bytes:
    """Write a transmission with one or three channels as 16-bit RGB; a single channel is repeated."""
    levels_HWC = np.rint(transmission_HWC * np.float32(65535)).astype(np.uint16)
    return encode_image(np.ascontiguousarray(np.broadcast_to(levels_HWC, (*levels_HWC.shape[:2], 3))))


def decode_transmission(data: bytes) -> np.ndarray:
    """Read what `encode_transmission` wrote: float32, (H, W, 3), in (0, 1], exact to 1/65535."""
    levels_HWC = np.maximum(decode_image(data), 1)  # zero transmission has no attenuation
    return levels_HWC.astype(np.float32) / np.float32(65535)


def encode_alpha(alpha_HW: np.ndarray) -> bytes:
    """Write coverage in [0, 1] with 8 bits."""
    return encode_image(np.rint(alpha_HW * np.float32(255)).astype(np.uint8))


def decode_alpha(data: bytes) -> np.ndarray:
    """Read what `encode_alpha` wrote: float32, (H, W), in [0, 1]."""
    return decode_image(data).astype(np.float32) / np.float32(255)
