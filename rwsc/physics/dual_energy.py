"""Scans of two energies: polychromatic attenuation of known matter, and a detector that measures it.

The last axis of every scan here is the energy, low before high. The beam comes from a table that
`jobs/tabulate_beam.py` made; nothing of it is of one particular scanner.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np

from rwsc.physics.phantom_canvas import Material
from rwsc.physics.transmission import full_scale, to_transmission

TRANSMISSION_FLOOR = 2e-4
"""Smallest transmission of a 16-bit scan that is told apart from none: what is below drowns in noise."""

GRAMS_PER_DEPTH = np.array([3.2, 2.2, 3.5, 5.0, 2.5, 2.5, 2.5], dtype=np.float32)
"""Areal density, in g/cm2, of one unit of a canvas's depth of each `Material`.

Chosen so that a phantom's things are about as dense as the things they stand for: some 6 g/cm2 of water in a
bottle, 1.5 to 3 g/cm2 of steel in a blade, 5 g/cm2 in a gun's slide.
"""

_STRIP_PX = 16_384
_LEAST = np.float32(1e-12)


@dataclass(frozen=True, eq=False)
class Beam:
    """Two detected spectra, as a few energies that stand for them, and what matter does to these.

    Attributes:
        weight_EB: Share of the signal in air that each energy makes, at low and at high.
        cm2_per_gram_MB: Mass attenuation of each `Material`.
        atomic_numbers: Elements that are tabulated too.
        cm2_per_gram_of_element_ZB: Their mass attenuation.
    """

    weight_EB: np.ndarray
    cm2_per_gram_MB: np.ndarray
    atomic_numbers: np.ndarray
    cm2_per_gram_of_element_ZB: np.ndarray


@cache
def load_beam() -> Beam:
    """Give the beam that rwsc ships."""
    table = json.loads(files("rwsc.physics").joinpath("beam.json").read_text(encoding="utf-8"))
    elements = table["cm2_per_g_of_element"]
    return Beam(
        weight_EB=np.array([table["weight_low"], table["weight_high"]]),
        cm2_per_gram_MB=np.array([table["cm2_per_g"][material.name] for material in Material]),
        atomic_numbers=np.array([float(number) for number in elements]),
        cm2_per_gram_of_element_ZB=np.array(list(elements.values())),
    )


@dataclass(frozen=True, kw_only=True)
class Detector:
    """How a line of detectors measures transmission.

    Attributes:
        photons_in_air: Photons that make a pixel of air, at low and at high.
        blur_px: Standard deviation of its point spread, in pixels.
        read_noise: Standard deviation of noise that does not depend on the signal, in grey levels.
        offset: Grey level that no photon at all gives.
        air_level: Grey level of air, at low and at high.
    """

    photons_in_air: tuple[float, float] = (40_000.0, 60_000.0)
    blur_px: float = 0.5
    read_noise: float = 12.0
    offset: float = 20.0
    air_level: tuple[float, float] = (50_000.0, 50_000.0)

    @property
    def air_level_2(self) -> np.ndarray:
        """Grey level of air, low and high, float64."""
        return np.array(self.air_level)

    def see(self, transmission_HW2: np.ndarray) -> np.ndarray:
        """Give transmission as the detector resolves it, without noise, float32 of the same shape."""
        if self.blur_px <= 0:
            return transmission_HW2
        return cv2.GaussianBlur(transmission_HW2, (0, 0), self.blur_px, borderType=cv2.BORDER_REPLICATE)

    def read(self, rng: np.random.Generator | None, seen_HW2: np.ndarray) -> np.ndarray:
        """Turn what it sees into grey levels.

        Args:
            rng: Draws the noise; None leaves it out.
            seen_HW2: Transmission as `see` gives it.

        Returns:
            Grey levels, uint16, (H, W, 2).
        """
        grey_HW2 = seen_HW2 * (self.air_level_2.astype(np.float32) - np.float32(self.offset))
        grey_HW2 += np.float32(self.offset)
        if rng is not None:
            # Ten thousands of photons a pixel: their Poisson distribution is as good as normal, and variances add.
            gain_2 = self.air_level_2 - self.offset
            per_signal_2 = (gain_2**2 / np.array(self.photons_in_air)).astype(np.float32)
            spread_HW2 = np.sqrt(seen_HW2 * per_signal_2 + np.float32(self.read_noise**2))
            grey_HW2 += spread_HW2 * rng.standard_normal(seen_HW2.shape, dtype=np.float32)
        return np.clip(np.rint(grey_HW2), 0, full_scale(np.uint16)).astype(np.uint16)

    def measure(self, rng: np.random.Generator | None, transmission_HW2: np.ndarray) -> np.ndarray:
        """Measure transmission: blur, photon noise, read noise, offset.

        Args:
            rng: Draws the noise; None leaves it out.
            transmission_HW2: Share of the signal that came through, float32 in [0, 1].

        Returns:
            Grey levels, uint16, (H, W, 2).
        """
        return self.read(rng, self.see(transmission_HW2))


DETECTOR = Detector()
"""The detector that phantoms are measured with."""


def transmit(depth_MHW: np.ndarray) -> np.ndarray:
    r"""Give the share of the signal that comes through matter, at both energies (Beer-Lambert law).

    .. math:: t_e = \sum_b w_{eb} \exp\Big(-\sum_m \mu_{mb}\, g_m\Big)

    Args:
        depth_MHW: Depth of each `Material` as a `Canvas` keeps it; never negative.

    Returns:
        float32 transmission in (0, 1], (H, W, 2).
    """
    beam = load_beam()
    nepers_MB = (GRAMS_PER_DEPTH[:, None] * beam.cm2_per_gram_MB).astype(np.float32)
    return _transmit(np.ascontiguousarray(depth_MHW.reshape(len(depth_MHW), -1).T), nepers_MB, beam).reshape(
        *depth_MHW.shape[1:], 2
    )


def transmit_elements(grams_PZ: np.ndarray) -> np.ndarray:
    """Give the transmission of tabulated elements, as `transmit` does.

    Args:
        grams_PZ: Areal density of each of `Beam.atomic_numbers`, in g/cm2, for each ray.

    Returns:
        float32 transmission, (P, 2).
    """
    beam = load_beam()
    return _transmit(grams_PZ.astype(np.float32), beam.cm2_per_gram_of_element_ZB.astype(np.float32), beam)


def scan_transmission(scan_HW2: np.ndarray, air_level_2: np.ndarray) -> np.ndarray:
    """Turn a measured scan into transmission.

    Args:
        scan_HW2: Grey levels, uint16.
        air_level_2: Grey level of air at low and high.

    Returns:
        float32 in [`TRANSMISSION_FLOOR`, 1], same shape.
    """
    return to_transmission(scan_HW2, air_level_2, floor=TRANSMISSION_FLOOR)


def _transmit(depth_PM: np.ndarray, nepers_MB: np.ndarray, beam: Beam) -> np.ndarray:
    weight_BE = beam.weight_EB.T.astype(np.float32)
    through_PE = np.ones((len(depth_PM), 2), dtype=np.float32)
    used_M = depth_PM.any(axis=0)
    matter_P = np.flatnonzero(depth_PM.any(axis=1))
    # Strips that stay in the cache.
    for start in range(0, len(matter_P), _STRIP_PX):
        rays = matter_P[start : start + _STRIP_PX]
        through_PB = depth_PM[rays][:, used_M] @ -nepers_MB[used_M]
        np.exp(through_PB, out=through_PB)
        through_PE[rays] = through_PB @ weight_BE
    return np.clip(through_PE, _LEAST, 1, out=through_PE)
