"""Two energies as two matters: how much organic matter and steel together attenuate as what was measured.

Attenuations of a polychromatic beam do not add up: it hardens. Amounts of matter do. Any matter without an
absorption edge in the beam's range attenuates, at all energies, as some mixture of two basis matters does, if
need be with a negative amount of one of them (R. E. Alvarez, A. Macovski, "Energy-selective reconstructions in
X-ray computerised tomography", 1976). So what lies along a ray is added up in these amounts.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from rwsc.physics.dual_energy import Beam, load_beam
from rwsc.physics.phantom_canvas import Material

MAX_NEPERS = 9.0
"""Attenuation at high energy up to which a table is kept; what exceeds it is taken as unhardened."""

_BASIS = (Material.ORGANIC, Material.METAL)
_LIGHTEST, _HEAVIEST = 5, 29
_NUM_DEPTHS, _NUM_MIXTURES = 192, 48
_NUM_CURVE = 4000
_MAX_GRAMS = 3000.0
_STEPS = 30
_LARGEST_STEP = 10.0
_LEAST_NEPERS = 1e-6


@dataclass(frozen=True, eq=False)
class _Table:
    """Amounts for measured attenuations.

    Its rows go with the root of the high attenuation, its columns from the low attenuation of the lightest to that
    of the heaviest element that attenuates as much at high energy.
    """

    high_D: np.ndarray
    low_of_lightest_D: np.ndarray
    low_of_heaviest_D: np.ndarray
    grams_per_neper_DM2: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Amounts:
    """What attenuates along each ray.

    Attributes:
        grams: Areal density of organic matter and steel in g/cm2, float32, (..., 2); one may be negative.
        rest: Attenuation at low and high energy that no matter explains (noise, scans of another beam), in
            nepers, float32, (..., 2), 0 or more.
    """

    grams: np.ndarray
    rest: np.ndarray

    def __add__(self, other: "Amounts") -> "Amounts":
        """Give what both attenuate together."""
        return Amounts(self.grams + other.grams, self.rest + other.rest)


def to_amounts(nepers: np.ndarray) -> Amounts:
    """Find the amounts of two matters that attenuate as measured.

    Args:
        nepers: Attenuation at low and high energy, 0 or more, float32, (..., 2).

    Returns:
        The amounts; `to_nepers` gives the attenuation back within a thousandth, and 0 gives exactly 0.
    """
    table = _table()
    flat_P2 = np.ascontiguousarray(nepers, dtype=np.float32).reshape(-1, 2)
    low_P = flat_P2[:, 0]
    # As deep as high energy says, but no deeper than the lightest element that attenuates so little at low.
    deepest_P = np.interp(low_P, table.low_of_lightest_D, table.high_D).astype(np.float32)
    depth_P = np.minimum(flat_P2[:, 1], deepest_P)
    row_P = np.sqrt(depth_P * np.float32(1 / MAX_NEPERS)) * (_NUM_DEPTHS - 1)
    least_P, most_P = (
        _interpolate_curve(curve_D, row_P) for curve_D in (table.low_of_lightest_D, table.low_of_heaviest_D)
    )
    explained_P = np.clip(low_P, least_P, most_P)
    share_P = (explained_P - least_P) / np.maximum(most_P - least_P, np.float32(_LEAST_NEPERS))
    grams_P2 = (
        _interpolate(table.grams_per_neper_DM2, row_P, share_P * (_NUM_MIXTURES - 1)) * depth_P[:, None]
    )
    rest_P2 = flat_P2 - np.stack([explained_P, depth_P], axis=1)
    return Amounts(grams_P2.reshape(nepers.shape), np.maximum(rest_P2, 0).reshape(nepers.shape))


def to_nepers(amounts: Amounts) -> np.ndarray:
    """Give the attenuation of amounts of matter at low and high energy, in nepers, float32, (..., 2)."""
    flat_P2 = amounts.grams.reshape(-1, 2).astype(np.float32)
    nepers_P2 = np.zeros_like(flat_P2)
    is_matter_P = flat_P2.any(axis=1)
    nepers_P2[is_matter_P] = _nepers_and_light(flat_P2[is_matter_P], _nepers_per_gram(load_beam()))[0]
    return nepers_P2.reshape(amounts.rest.shape) + amounts.rest


def _nepers_per_gram(beam: Beam) -> np.ndarray:
    return beam.cm2_per_gram_MB[list(_BASIS)]


def _nepers_and_light(grams_P2: np.ndarray, basis_MB: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give attenuation (P, 2), and what comes through at each energy of the beam (P, B) over the most of them."""
    nepers_PB = grams_P2 @ basis_MB.astype(grams_P2.dtype)
    # Relative to the energy that comes through best, so that nothing vanishes behind much matter.
    least_P1 = nepers_PB.min(axis=1, keepdims=True)
    light_PB = np.exp(least_P1 - nepers_PB)
    weight_BE = load_beam().weight_EB.T.astype(grams_P2.dtype)
    return least_P1 - np.log(light_PB @ weight_BE), light_PB


@cache
def _table() -> _Table:
    beam = load_beam()
    high_D = MAX_NEPERS * np.linspace(0, 1, _NUM_DEPTHS) ** 2
    high_D[0] = _LEAST_NEPERS  # what is asked for nothing must have a limit
    lightest_D, heaviest_D = (_low_of(beam, number, high_D) for number in (_LIGHTEST, _HEAVIEST))
    mixture_M = np.linspace(0, 1, _NUM_MIXTURES)
    low_DM = lightest_D[:, None] * (1 - mixture_M) + heaviest_D[:, None] * mixture_M
    wanted_P2 = np.stack([low_DM, np.broadcast_to(high_D[:, None], low_DM.shape)], axis=-1).reshape(-1, 2)
    grams_P2 = _solve(wanted_P2, _nepers_per_gram(beam))
    per_neper_DM2 = (grams_P2 / wanted_P2[:, 1:]).reshape(*low_DM.shape, 2).astype(np.float32)
    return _Table(high_D, lightest_D, heaviest_D, per_neper_DM2)


def _element(beam: Beam, number: int) -> np.ndarray:
    return beam.cm2_per_gram_of_element_ZB[np.flatnonzero(beam.atomic_numbers == number)[0]]


def _low_of(beam: Beam, number: int, high_D: np.ndarray) -> np.ndarray:
    """Give the low attenuation of an element where its high one is as given."""
    grams_P = np.concatenate([[0.0], np.geomspace(1e-8, _MAX_GRAMS, _NUM_CURVE)])
    nepers_PB = grams_P[:, None] * _element(beam, number)
    least_P1 = nepers_PB.min(axis=1, keepdims=True)
    low_P, high_P = (least_P1 - np.log(np.exp(least_P1 - nepers_PB) @ beam.weight_EB.T)).T
    return np.interp(high_D, high_P, low_P)


def _solve(wanted_P2: np.ndarray, basis_MB: np.ndarray) -> np.ndarray:
    """Find the amounts with these attenuations by Newton's method."""
    grams_P2 = np.zeros_like(wanted_P2)
    for _ in range(_STEPS):
        nepers_P2, light_PB = _nepers_and_light(grams_P2, basis_MB)
        step_P2 = np.linalg.solve(_slope(light_PB, basis_MB), (wanted_P2 - nepers_P2)[..., None])[..., 0]
        grams_P2 = grams_P2 + np.clip(step_P2, -_LARGEST_STEP, _LARGEST_STEP)
    return grams_P2


def _slope(light_PB: np.ndarray, basis_MB: np.ndarray) -> np.ndarray:
    """Give the derivatives of attenuation (energy) by the amounts (matter), (P, 2, 2)."""
    weight_EB = load_beam().weight_EB
    slope_PE2 = np.stack([light_PB @ (weight_EB * each_B).T for each_B in basis_MB], axis=2)
    return slope_PE2 / (light_PB @ weight_EB.T)[..., None]


def _interpolate_curve(curve_D: np.ndarray, row_P: np.ndarray) -> np.ndarray:
    return np.interp(row_P, np.arange(len(curve_D)), curve_D).astype(np.float32)


def _interpolate(table_DM2: np.ndarray, row_P: np.ndarray, column_P: np.ndarray) -> np.ndarray:
    """Interpolate between the four nearest entries."""
    top_P = np.minimum(row_P.astype(np.int64), table_DM2.shape[0] - 2)
    left_P = np.minimum(column_P.astype(np.int64), table_DM2.shape[1] - 2)
    down_P1, right_P1 = (
        (row_P - top_P).astype(np.float32)[:, None],
        (column_P - left_P).astype(np.float32)[:, None],
    )
    upper_P2 = table_DM2[top_P, left_P] * (1 - right_P1) + table_DM2[top_P, left_P + 1] * right_P1
    lower_P2 = table_DM2[top_P + 1, left_P] * (1 - right_P1) + table_DM2[top_P + 1, left_P + 1] * right_P1
    return upper_P2 * (1 - down_P1) + lower_P2 * down_P1
