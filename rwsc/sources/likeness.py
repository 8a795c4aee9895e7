"""A hash of what a picture shows, equal or nearly so for pictures that look alike."""

import cv2
import imagehash
import numpy as np
from PIL import Image

_REDUCED_PX = 32
"""The side that the hash itself reduces to; done here in one step, which is far cheaper."""


def perceptual_hash(image: np.ndarray) -> str:
    """Hash a picture by its low frequencies.

    Size, depth, compression and small shifts of brightness hardly change it; turning and mirroring do.

    Args:
        image: Grey levels, uint8 or uint16, (H, W) or (H, W, C).

    Returns:
        16 hexadecimal digits; two pictures are alike where few of the 64 bits differ.
    """
    small = cv2.resize(image, (_REDUCED_PX, _REDUCED_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey_HW = small if small.ndim == 2 else small.mean(axis=2)
    # To the brightest pixel, not to the type's range: 12-bit scans in 16 bits would come out black.
    grey_HW = np.rint(grey_HW * (255 / max(1.0, float(grey_HW.max())))).astype(np.uint8)
    return str(imagehash.phash(Image.fromarray(grey_HW)))


def num_different_bits(first: str, second: str) -> int:
    """Count the bits in which two hashes differ, 0 to 64."""
    return (int(first, 16) ^ int(second, 16)).bit_count()
