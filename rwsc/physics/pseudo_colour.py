"""What scanners' consoles show of two energies: orange for organic, green for inorganic, blue for metal, black.

The two attenuations are turned into the atomic number and the areal density of the pure element that would give
the same two: beam hardening is part of the table, not an error of it. The colours are ours, after the common
convention of orange up to about Z = 10, green up to about 18 and blue above; no vendor's map.
"""

from enum import IntEnum
from functools import cache

import cv2
import numpy as np
from scipy.spatial import cKDTree

from rwsc.physics.dual_energy import TRANSMISSION_FLOOR, load_beam, scan_transmission, transmit_elements
from rwsc.physics.interpolation import read_between


class MaterialClass(IntEnum):
    """The groups that colours stand for."""

    AIR = 0
    ORGANIC = 1
    INORGANIC = 2
    METAL = 3
    OPAQUE = 4


Z_INORGANIC = 10.0
"""Effective atomic number from which matter counts as inorganic; consoles commonly change colour near it."""
Z_METAL = 18.0
"""Effective atomic number from which matter counts as metal."""

AIR_NEPERS = 0.02
"""Mean attenuation of both energies below which a ray passed air."""
OPAQUE_NEPERS = 4.2
"""Mean attenuation above which too little comes through to tell matter apart."""
_MAX_NEPERS = -float(np.log(TRANSMISSION_FLOOR))

_HUES = np.array(
    [
        [4.0, 0.10, 0.46, 1.45],
        [8.0, 0.16, 0.50, 1.40],
        [10.0, 0.45, 0.46, 1.35],
        [12.0, 0.85, 0.38, 1.25],
        [16.0, 0.95, 0.42, 1.05],
        [18.0, 1.15, 0.55, 0.65],
        [20.0, 1.40, 0.60, 0.28],
        [26.0, 1.60, 0.64, 0.15],
        [32.0, 1.68, 0.68, 0.14],
    ]
)
"""Effective Z, and how much red, green and blue darken with it; read linearly between rows."""

_PALE = np.array([0.35, 0.45, 0.80], dtype=np.float32)
_PALE_NEPERS = 0.03
"""Mean attenuation at which hue is half faded into pale."""
_COLOUR_REACH, _COLOUR_NEPERS = 2.0, 1.2
_BLACK_NEPERS, _BLACK_POWER = 3.3, 3.0

_HUE_BLUR_PX = 0.8

_RATIOS = (1.0, 3.9)
_NUM_RATIOS = 448
_NUM_NEPERS = 256
_NUM_TONES = 32


def effective_z(transmission_HW2: np.ndarray) -> np.ndarray:
    """Tell matter by the atomic number of the element that attenuates both energies as it does.

    Noise makes it worthless for thin parts, and for those that are nearly opaque; above 32 and among elements
    with a K edge in the beam, such as lead, it means nothing.

    Args:
        transmission_HW2: Share of the signal that came through, low and high, in (0, 1].

    Returns:
        float32 from the first to the last tabulated atomic number (4 to 32), (H, W); 0 for air.
    """
    low_HW, high_HW = _nepers(transmission_HW2)
    z_HW = _look_up(_inverse()[0], low_HW, high_HW)
    z_HW[low_HW + high_HW < 2 * AIR_NEPERS] = 0
    return z_HW


def areal_density(transmission_HW2: np.ndarray) -> np.ndarray:
    """Give the areal density of that element in g/cm2, float32, (H, W), 0 where nothing attenuates."""
    low_HW, high_HW = _nepers(transmission_HW2)
    return _look_up(_inverse()[1], low_HW, high_HW) * high_HW


def material_class(transmission_HW2: np.ndarray) -> np.ndarray:
    """Give the `MaterialClass` of each pixel, uint8, (H, W)."""
    low_HW, high_HW = _nepers(transmission_HW2)
    mean_HW = (low_HW + high_HW) / 2
    z_HW = _look_up(_inverse()[0], low_HW, high_HW)
    class_HW = np.full(z_HW.shape, MaterialClass.ORGANIC, dtype=np.uint8)
    class_HW[z_HW >= Z_INORGANIC] = MaterialClass.INORGANIC
    class_HW[z_HW >= Z_METAL] = MaterialClass.METAL
    class_HW[mean_HW < AIR_NEPERS] = MaterialClass.AIR
    class_HW[mean_HW > OPAQUE_NEPERS] = MaterialClass.OPAQUE
    return class_HW


def colourise(transmission_HW2: np.ndarray) -> np.ndarray:
    """Show two energies as one colour picture.

    Hue follows effective Z, and fades where little attenuates, since it is noise there; brightness follows the mean
    attenuation. Air is white, what is opaque black.

    Args:
        transmission_HW2: Share of the signal that came through, low and high, in (0, 1].

    Returns:
        float32 in (0, 1], (H, W, 3), red, green and blue.
    """
    low_HW, high_HW = _nepers(transmission_HW2)
    return _show(_look_up(_hue_table(), low_HW, high_HW), (low_HW + high_HW) / 2)


def to_rgb8(scan_HW2: np.ndarray, air_level_2: np.ndarray) -> np.ndarray:
    """Show a measured scan as a console would.

    Brightness is each pixel's own. Hue is that of a small neighbourhood, in which denser pixels count for more: it
    is the noisier of the two, and at unresolved edges of metal the mixture with what lies beside it looks organic.

    Args:
        scan_HW2: Grey levels at low and high, uint16.
        air_level_2: Grey level of air at each.

    Returns:
        uint8, (H, W, 3), red, green and blue.
    """
    low_HW, high_HW = _nepers(scan_transmission(scan_HW2, air_level_2))
    mean_HW = (low_HW + high_HW) / 2
    weight_HW1 = mean_HW[..., None] + np.float32(1e-4)
    hue_HWC = _look_up(_hue_table(), low_HW, high_HW)
    around_HW4 = cv2.GaussianBlur(
        np.concatenate([hue_HWC * weight_HW1, weight_HW1], axis=2), (0, 0), _HUE_BLUR_PX
    )
    shown_HWC = _show(around_HW4[..., :3] / around_HW4[..., 3:], mean_HW)
    return np.rint(255 * shown_HWC).astype(np.uint8)


def from_colour(rgb_HWC: np.ndarray) -> np.ndarray:
    """Find the two energies whose colour of `colourise` is nearest; the rough inverse of it.

    Args:
        rgb_HWC: A picture, uint8, or float in [0, 1].

    Returns:
        float32 transmission in (0, 1], (H, W, 2).
    """
    tone_HWC = np.sqrt(_as_float(rgb_HWC)) * np.float32(_NUM_TONES - 1)
    return np.exp(-_between(_nearest_energies(), tone_HWC))


def class_of_colour(rgb_HWC: np.ndarray) -> np.ndarray:
    """Give the `MaterialClass` that a colour of `colourise` stands for.

    Args:
        rgb_HWC: A picture, uint8, or float in [0, 1].

    Returns:
        uint8, (H, W).
    """
    return material_class(from_colour(rgb_HWC))


def _nepers(transmission_HW2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    nepers_HW2 = -np.log(np.clip(transmission_HW2.astype(np.float32), TRANSMISSION_FLOOR, 1))
    return np.ascontiguousarray(nepers_HW2[..., 0]), np.ascontiguousarray(nepers_HW2[..., 1])


def _show(hue_HWC: np.ndarray, mean_HW: np.ndarray) -> np.ndarray:
    """Give the colour of matter: its hue deepens with attenuation, then everything turns black."""
    mean_HW1 = mean_HW[..., None].astype(np.float32)
    certain_HW1 = mean_HW1 / (mean_HW1 + np.float32(_PALE_NEPERS))
    hue_HWC = _PALE + certain_HW1 * (hue_HWC - _PALE)
    depth_HW1 = np.float32(_COLOUR_REACH) * -np.expm1(-mean_HW1 / np.float32(_COLOUR_NEPERS))
    black_HW1 = (mean_HW1 / np.float32(_BLACK_NEPERS)) ** np.float32(_BLACK_POWER)
    return np.exp(-(depth_HW1 * hue_HWC + black_HW1))


def _hue(z: np.ndarray) -> np.ndarray:
    return np.stack([np.interp(z, _HUES[:, 0], _HUES[:, column]) for column in (1, 2, 3)], axis=-1)


def _look_up(table: np.ndarray, low_HW: np.ndarray, high_HW: np.ndarray) -> np.ndarray:
    """Read a table of `_inverse` at each pixel, linearly between its entries."""
    ratio_HW = low_HW / np.maximum(high_HW, np.float32(1e-4))
    x_HW = (ratio_HW - np.float32(_RATIOS[0])) * np.float32((_NUM_RATIOS - 1) / (_RATIOS[1] - _RATIOS[0]))
    y_HW = np.sqrt(high_HW) * np.float32((_NUM_NEPERS - 1) / np.sqrt(_MAX_NEPERS))
    x_HW = np.clip(x_HW, 0, _NUM_RATIOS - 1)
    return read_between(table, x_HW, y_HW)


@cache
def _element_curves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the attenuation of each tabulated element at rising areal density.

    Returns:
        Areal densities, (G,), and attenuation at low and at high, (Z, G) each.
    """
    grams_G = np.concatenate([[0.0], np.geomspace(1e-4, 1e3, 1200)])
    numbers = load_beam().atomic_numbers
    rays = np.zeros((len(numbers), len(grams_G), len(numbers)))
    for index in range(len(numbers)):
        rays[index, :, index] = grams_G
    nepers_ZG2 = -np.log(transmit_elements(rays.reshape(-1, len(numbers))).astype(np.float64))
    nepers_ZG2 = nepers_ZG2.reshape(len(numbers), len(grams_G), 2)
    return grams_G, nepers_ZG2[..., 0], nepers_ZG2[..., 1]


@cache
def _inverse() -> tuple[np.ndarray, np.ndarray]:
    """Tabulate effective Z, and grams per cm2 and neper at high, over attenuation at high and low over high."""
    grams_G, low_ZG, high_ZG = _element_curves()
    numbers = load_beam().atomic_numbers
    ratios = np.linspace(*_RATIOS, _NUM_RATIOS)
    z_table, gram_table = np.empty((2, _NUM_NEPERS, _NUM_RATIOS), dtype=np.float32)
    # Thinnest row: a limit in which ratios do not depend on depth.
    for row, high in enumerate(np.maximum(np.linspace(0, np.sqrt(_MAX_NEPERS), _NUM_NEPERS) ** 2, 1e-3)):
        grams_Z = np.array([np.interp(high, high_G, grams_G) for high_G in high_ZG])
        low_Z = np.array(
            [np.interp(gram, grams_G, low_G) for gram, low_G in zip(grams_Z, low_ZG, strict=True)]
        )
        z_table[row] = np.interp(ratios, np.maximum.accumulate(low_Z / high), numbers)
        gram_table[row] = np.interp(z_table[row], numbers, grams_Z / high)
    return z_table, gram_table


@cache
def _hue_table() -> np.ndarray:
    return _hue(_inverse()[0]).astype(np.float32)


@cache
def _nearest_energies() -> np.ndarray:
    """Tabulate the attenuation at low and high whose colour is nearest to each colour of an even lattice.

    The lattice is even in the square root of colour, so that dark colours are told apart.
    """
    _, low_ZG, high_ZG = _element_curves()
    numbers = load_beam().atomic_numbers
    means_A = np.linspace(0, np.sqrt(_MAX_NEPERS), 120) ** 2
    curves_Z = zip(low_ZG, high_ZG, strict=True)
    nepers_ZA2 = np.array(
        [
            [np.interp(means_A, (low_G + high_G) / 2, energy_G) for energy_G in (low_G, high_G)]
            for low_G, high_G in curves_Z
        ]
    ).transpose(0, 2, 1)
    fine_z = np.linspace(5.5, 28, 91)
    below = np.clip(np.searchsorted(numbers, fine_z, side="right") - 1, 0, len(numbers) - 2)
    share = (fine_z - numbers[below])[:, None, None]
    nepers_NA2 = nepers_ZA2[below] * (1 - share) + nepers_ZA2[below + 1] * share
    colour_NAC = _show(_hue(fine_z)[:, None], np.broadcast_to(means_A, nepers_NA2.shape[:2]))
    tones = np.linspace(0, 1, _NUM_TONES)
    lattice = np.stack(np.meshgrid(tones, tones, tones, indexing="ij"), axis=-1)
    _, nearest = cKDTree(np.sqrt(colour_NAC).reshape(-1, 3)).query(lattice.reshape(-1, 3))
    return nepers_NA2.reshape(-1, 2)[nearest].reshape(*lattice.shape[:3], 2).astype(np.float32)


def _between(table_TTT2: np.ndarray, place_HWC: np.ndarray) -> np.ndarray:
    """Read a lattice linearly between its eight nearest nodes."""
    base_HWC = np.minimum(place_HWC.astype(np.intp), len(table_TTT2) - 2)
    share_HWC = place_HWC - base_HWC
    flat = table_TTT2.reshape(-1, table_TTT2.shape[-1])
    steps = np.array([len(table_TTT2) ** 2, len(table_TTT2), 1])
    index_HW = base_HWC @ steps
    found_HW2 = np.zeros((*place_HWC.shape[:2], flat.shape[1]), dtype=np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight_HW = np.where(corner, share_HWC, 1 - share_HWC).prod(axis=-1, dtype=np.float32)
        found_HW2 += weight_HW[..., None] * flat[index_HW + np.dot(corner, steps)]
    return found_HW2


def _as_float(rgb_HWC: np.ndarray) -> np.ndarray:
    if rgb_HWC.dtype == np.uint8:
        return rgb_HWC * np.float32(1 / 255)
    return np.clip(rgb_HWC.astype(np.float32), 0, 1)
