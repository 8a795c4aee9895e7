"""An item's pixels as a bank stores them, as PNG: transmission of RGB or of two energies, and coverage."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from rwsc.errors import SourceError, UnreadableImage
from rwsc.storage.images import decode_image, encode_image, probe_image


@contextmanager
def pixels_of(item_id: str) -> Iterator[None]:
    """Name the item whose stored pixels turn out to be damaged while this is open.

    Args:
        item_id: The item.

    Yields:
        Nothing.

    Raises:
        SourceError: They are.
    """
    try:
        yield
    except (UnreadableImage, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise SourceError(
            f"the pixels of item {item_id} in the item bank are damaged: {reason}",
            remedy="build the bank again",
        ) from None


def encode_transmission(transmission_HWC: np.ndarray) -> bytes:
    """Write a transmission with 16 bits.

    Args:
        transmission_HWC: float32 in (0, 1]; three channels are RGB, one is gray, two are low and high energy.

    Returns:
        RGB, in which a single channel is repeated; or two energies as one gray picture of twice the height, low above
        high. That the picture is gray tells which it is.
    """
    levels_HWC = np.rint(transmission_HWC * np.float32(65535)).astype(np.uint16)
    if levels_HWC.shape[2] == 2:
        return encode_image(np.concatenate([levels_HWC[..., 0], levels_HWC[..., 1]]))
    return encode_image(np.ascontiguousarray(np.broadcast_to(levels_HWC, (*levels_HWC.shape[:2], 3))))


def decode_transmission(data: bytes) -> np.ndarray:
    """Read what `encode_transmission` wrote: float32, (H, W, 2) or (H, W, 3), in (0, 1], exact to 1/65535."""
    levels = np.maximum(decode_image(data), 1)  # zero transmission has no attenuation
    levels_HWC = np.stack(np.split(levels, 2), axis=-1) if levels.ndim == 2 else levels
    return levels_HWC.astype(np.float32) / np.float32(65535)


def num_channels(data: bytes) -> int:
    """Tell from its header how many channels `decode_transmission` will give: 2 energies, or 3 of RGB."""
    return 2 if probe_image(data).channels == 1 else 3


def encode_alpha(alpha_HW: np.ndarray) -> bytes:
    """Write coverage in [0, 1] with 8 bits."""
    return encode_image(np.rint(alpha_HW * np.float32(255)).astype(np.uint8))


def decode_alpha(data: bytes) -> np.ndarray:
    """Read what `encode_alpha` wrote: float32, (H, W), in [0, 1]."""
    return decode_image(data).astype(np.float32) / np.float32(255)
