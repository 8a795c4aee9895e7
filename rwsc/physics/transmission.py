"""Transmission and attenuation of X-ray images, and their superposition.

Transmission is the share of photons that came through, 1 for air; attenuation is its negative logarithm.
"""

import cv2
import numpy as np

DEFAULT_FLOOR = 1e-3
"""Smallest transmission told apart from none: below one grey level of an 8-bit image (1/255 = 0.0039)."""


def full_scale(dtype: np.dtype | type) -> int:
    """Give the largest value an image of this type can hold.

    Args:
        dtype: uint8 or uint16.

    Returns:
        255 or 65535.

    Raises:
        ValueError: Another type.
    """
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise ValueError(f"an image holds uint8 or uint16 values, not {kind}")
    return int(np.iinfo(kind).max)


def to_transmission(
    image: np.ndarray, air_level: np.ndarray | float, *, floor: float = DEFAULT_FLOOR
) -> np.ndarray:
    r"""Turn grey levels into transmission, channel by channel.

    .. math:: t = \mathrm{clip}(I / I_0,\; t_0,\; 1)

    Args:
        image: Grey levels, uint8 or uint16, (H, W) or (H, W, C).
        air_level: Grey level of air, :math:`I_0`, a number or one per channel, in the image's own units.
        floor: Smallest transmission, :math:`t_0`, in (0, 1): black pixels do not become infinite attenuation.

    Returns:
        float32 transmission in [floor, 1], same shape. Pixels brighter than air count as air.

    Raises:
        ValueError: `floor` outside (0, 1), or an air level that is not positive.
    """
    _check_floor(floor)
    air = np.asarray(air_level, dtype=np.float32)
    if not (air > 0).all():
        raise ValueError(f"the air level must be positive, not {air_level}")
    if image.dtype == np.uint8 and image.size and air.shape in ((), (1,), image.shape[2:]):
        # Each of the 256 levels once: a third of the cost, and the same to the bit.
        table_LC = _share(np.arange(256, dtype=np.float32)[:, None], air, floor)
        return cv2.LUT(image, table_LC[None]).reshape(image.shape)
    return _share(image.astype(np.float32), air, floor)


def to_image(transmission: np.ndarray, air_level: np.ndarray | float, dtype: np.dtype | type) -> np.ndarray:
    """Turn transmission back into grey levels.

    Args:
        transmission: Values in [0, 1], (H, W) or (H, W, C).
        air_level: Grey level of air, a number or one per channel.
        dtype: uint8 or uint16.

    Returns:
        Grey levels, rounded to the nearest and clipped to the type's range, same shape.
    """
    grey = transmission.astype(np.float32) * np.asarray(air_level, dtype=np.float32)
    return np.clip(np.rint(grey), 0, full_scale(dtype)).astype(dtype)


def to_attenuation(transmission: np.ndarray, *, floor: float = DEFAULT_FLOOR) -> np.ndarray:
    r"""Turn transmission into attenuation along each ray (Beer-Lambert law, equation 1 of the slides).

    .. math:: a = -\ln \max(t, t_0)

    Args:
        transmission: Share of photons that came through, in [0, 1], any shape.
        floor: Smallest transmission told apart from none, :math:`t_0`, in (0, 1).

    Returns:
        Attenuation in nepers, never negative for transmission up to 1, same shape and type.

    Raises:
        ValueError: `floor` outside (0, 1).
    """
    _check_floor(floor)
    return -np.log(np.maximum(transmission, np.asarray(floor, dtype=transmission.dtype)))


def from_attenuation(attenuation: np.ndarray) -> np.ndarray:
    """Turn attenuation in nepers back into transmission; the inverse of `to_attenuation` above its floor."""
    return np.exp(-attenuation)


def tip(bag: np.ndarray, item: np.ndarray) -> np.ndarray:
    r"""Superimpose an item on a bag: transmissions along a ray multiply (equation 4 of the slides).

    .. math:: t_{fb} = t_f \cdot t_b, \qquad I_{fb} = I_f \cdot I_b / I_0

    Exact for one photon energy. For pseudo-colour it is applied per channel, which is an approximation: colour
    is a rendering of two energies, not a measured intensity.

    Args:
        bag: Transmission of the bag, in [0, 1].
        item: Transmission of the item, in [0, 1], of a shape that broadcasts with the bag's.

    Returns:
        Transmission of both together.
    """
    return bag * item


def _share(grey: np.ndarray, air: np.ndarray, floor: float) -> np.ndarray:
    return np.clip(grey / air, np.float32(floor), np.float32(1))


def _check_floor(floor: float) -> None:
    if not 0 < floor < 1:
        raise ValueError(f"the transmission floor must lie between 0 and 1, not {floor}")
