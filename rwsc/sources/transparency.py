"""Scans of which a part is transparent: what is there, and air where nothing is."""

from collections.abc import Sequence

import numpy as np

from rwsc.physics.transmission import full_scale


def without_alpha(image: np.ndarray) -> np.ndarray:
    """Drop a fourth channel, which is coverage and no measurement."""
    return np.ascontiguousarray(image[..., :3]) if image.ndim == 3 and image.shape[2] == 4 else image


def where_there(image: np.ndarray) -> np.ndarray | None:
    """Say where a picture is there at all.

    Args:
        image: uint8 or uint16, as it was decoded.

    Returns:
        bool, (H, W); None where no pixel of it is transparent.
    """
    if image.ndim == 2 or image.shape[2] < 4:
        return None
    is_there_HW = np.asarray(image[..., 3] > full_scale(image.dtype) // 2)
    return None if is_there_HW.all() else is_there_HW


def on_air(image: np.ndarray, air_level: Sequence[float] | np.ndarray) -> np.ndarray:
    """Drop alpha, and put air where there is nothing: what a picture holds there is no measurement.

    Every step that reads a bag reads it so: what lies outside the items of a made image equals this, to the bit.

    Args:
        image: uint8 or uint16, as it was decoded.
        air_level: Grey level of air that the catalogue states, one number or one per channel.

    Returns:
        The scan without alpha, of the same type.
    """
    pixels, is_there_HW = without_alpha(image), where_there(image)
    if is_there_HW is None:
        return pixels
    air = np.clip(np.rint(air_level), 0, full_scale(image.dtype)).astype(image.dtype)
    return np.where(is_there_HW[..., None], pixels, air)
