"""Write the beam that made-up scans are measured with: python jobs/tabulate_beam.py rwsc/physics/beam.json.

Needs the packages spekpy and xraydb (extra `dev`), which rwsc itself never imports.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import spekpy
import typer
import xraydb
from scipy.optimize import nnls

KILOVOLTS = 160
ANODE_DEGREES = 20
TUBE_MM = {"Be": 0.8, "Al": 3.0}
FRONT = ("Gd2O2S", 7.34 * 0.6, 0.02)
"""Formula, density in g/cm3 (a screen of packed grains) and thickness in cm of the layer that sees low energies."""
FILTER = ("Cu", 8.96, 0.07)
BACK = ("CsI", 4.51, 0.4)

MATERIALS: dict[str, tuple[str, str]] = {
    "ORGANIC": (
        "C2.1H3.2O1.0",
        "textile, paper, wood, plastics: between cellulose and polythene",
    ),
    "INORGANIC": ("Al", "aluminium; glass and salt come near it"),
    "METAL": ("Fe", "steel, taken as iron"),
    "WATER": ("H2O", "water and what is mostly water"),
    "PVC": ("C2H3Cl", "polyvinyl chloride, as of cable mantles"),
    "COPPER": ("Cu", "copper and brass"),
    "LEAD": ("Pb", "lead"),
}
"""Formula and meaning, in the order of `rwsc.physics.phantom_canvas.Material`."""

ELEMENTS = range(4, 33)
"""Atomic numbers that effective Z is told by; above them K edges make the two energies ambiguous."""

DEEPEST_NEPERS = 7.0
TOLERANCE = 0.003
MOST_ENERGIES = 40
LOWEST_KEV = 16


def write_beam(output: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Compute both spectra, reduce them to a few energies, and tabulate attenuation there.

    Args:
        output: The JSON file.

    Raises:
        ValueError: The few energies do not stand for the whole spectra to within the tolerance.
    """
    energy_kev, detected_DE = detected_spectra()
    chosen_B, weights_DB, error = _few_energies(energy_kev, detected_DE)
    output.write_text(json.dumps(_document(energy_kev[chosen_B], weights_DB, error), indent=1) + "\n")
    typer.echo(f"{output}: {len(chosen_B)} energies, attenuation within {100 * error:.3f} %")


def detected_spectra() -> tuple[np.ndarray, np.ndarray]:
    """Give energies in keV, (E,), and the share of the signal in air that each makes, (D, E), low and high."""
    tube = spekpy.Spek(kvp=KILOVOLTS, th=ANODE_DEGREES, dk=1.0)
    tube.multi_filter(list(TUBE_MM.items()))
    energy_kev, photons_E = tube.get_spectrum()
    passed_E = photons_E * _through(FRONT, energy_kev) * _through(FILTER, energy_kev)
    # Scintillators give light in proportion to the energy they absorb.
    detected_DE = np.stack(
        [
            energy_kev * photons_E * (1 - _through(FRONT, energy_kev)),
            energy_kev * passed_E * (1 - _through(BACK, energy_kev)),
        ]
    )
    seen_E = energy_kev >= 10
    return energy_kev[seen_E], (detected_DE / detected_DE[:, seen_E].sum(axis=1, keepdims=True))[:, seen_E]


def mass_attenuation(formula: str, energy_kev: np.ndarray) -> np.ndarray:
    """Give mass attenuation in cm2/g at each energy."""
    return np.asarray(xraydb.material_mu(formula, np.asarray(energy_kev) * 1e3, density=1.0))


def _through(layer: tuple[str, float, float], energy_kev: np.ndarray) -> np.ndarray:
    formula, density, thickness_cm = layer
    return np.exp(-mass_attenuation(formula, energy_kev) * density * thickness_cm)


def _few_energies(energy_kev: np.ndarray, detected_DE: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Find the smallest number of energies at which weights give the attenuation of the whole spectra.

    Returns:
        Indices of the energies, (B,), their weights at low and high, (D, B), and the largest relative error
        of attenuation over all test matter.
    """
    for number in range(6, MOST_ENERGIES + 1):
        wanted_kev = np.geomspace(LOWEST_KEV, KILOVOLTS - 2, number)
        chosen_B = np.unique(np.abs(energy_kev[:, None] - wanted_kev).argmin(axis=0))
        fits = [
            _weights(_test_curves(energy_kev, detected_E), detected_E, chosen_B) for detected_E in detected_DE
        ]
        error = max(error for _, error in fits)
        if error <= TOLERANCE:
            return chosen_B, np.stack([weights_B for weights_B, _ in fits]), error
    raise ValueError(f"{MOST_ENERGIES} energies are off by {error:.4f} in attenuation, more than {TOLERANCE}")


def _weights(curves_NE: np.ndarray, detected_E: np.ndarray, chosen_B: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit weights that add up to 1 (non-negative least squares); give them and the largest relative error."""
    truth_N = curves_NE @ detected_E
    # What counts is the error of attenuation, relative to it.
    scale_N = truth_N * -np.log(truth_N)
    rows_NB = np.vstack([curves_NE[:, chosen_B] / scale_N[:, None], np.full(len(chosen_B), 1e3)])
    weights_B, _ = nnls(rows_NB, np.append(truth_N / scale_N, 1e3), maxiter=10_000)
    weights_B /= weights_B.sum()
    found_N = -np.log(curves_NE[:, chosen_B] @ weights_B)
    return weights_B, float(np.abs(found_N / -np.log(truth_N) - 1).max())


def _test_curves(energy_kev: np.ndarray, detected_E: np.ndarray) -> np.ndarray:
    """Give transmission at each energy of much matter, thin to dense, pure and behind other matter, (N, E)."""
    formulas = [formula for formula, _ in MATERIALS.values()] + [_symbol(number) for number in ELEMENTS]
    pure_ME = np.stack([mass_attenuation(formula, energy_kev) for formula in formulas])
    mixed_ME = (pure_ME[: len(MATERIALS), None] + 0.5 * pure_ME[None, : len(MATERIALS)]).reshape(
        -1, len(energy_kev)
    )
    curves = []
    for mass_E in np.vstack([pure_ME, mixed_ME]):
        depths = np.geomspace(1e-3, 1e3, 400)
        seen = -np.log(np.maximum(np.exp(-np.outer(depths, mass_E)) @ detected_E, 1e-300))
        wanted = np.interp(np.geomspace(0.01, DEEPEST_NEPERS, 24), seen, depths)
        curves.append(np.exp(-np.outer(wanted, mass_E)))
    return np.concatenate(curves)


def _symbol(number: int) -> str:
    return str(xraydb.atomic_symbol(number))


def _document(energy_kev: np.ndarray, weights_DB: np.ndarray, error: float) -> dict[str, Any]:
    def rounded(values: np.ndarray) -> list[float]:
        return [float(f"{value:.7g}") for value in values]

    return {
        "about": "Two detected X-ray spectra, reduced to a few energies, and mass attenuation at these.",
        "made_by": "jobs/tabulate_beam.py",
        "tube": f"tungsten, {KILOVOLTS} kV, anode at {ANODE_DEGREES} degrees, filters in mm {TUBE_MM}",
        "detector": f"sandwich of scintillators; formula, g/cm3, cm: low {FRONT}, between {FILTER}, high {BACK}",
        "sources": {
            "spectra": f"spekpy {spekpy.__version__} (G. Poludniowski and others), MIT licence",
            "attenuation": f"xraydb {xraydb.__version__} (M. Newville and others; after Elam, 2002), MIT licence",
        },
        "greatest_error_of_attenuation": float(f"{error:.3g}"),
        "greatest_attenuation_checked_nepers": DEEPEST_NEPERS,
        "energy_keV": rounded(energy_kev),
        "weight_low": rounded(weights_DB[0]),
        "weight_high": rounded(weights_DB[1]),
        "materials": {
            name: {"formula": formula, "meaning": meaning} for name, (formula, meaning) in MATERIALS.items()
        },
        "cm2_per_g": {
            name: rounded(mass_attenuation(formula, energy_kev)) for name, (formula, _) in MATERIALS.items()
        },
        "cm2_per_g_of_element": {
            str(number): rounded(mass_attenuation(_symbol(number), energy_kev)) for number in ELEMENTS
        },
    }


if __name__ == "__main__":
    typer.run(write_beam)
