"""Phantoms whose true scan is known, and what an engine makes of their bag and item."""

from dataclasses import dataclass

import numpy as np

from rwsc.evaluation.truth import TrueScan, overlap_of, seam_of
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Engine
from rwsc.fusion.match import MatchConfig
from rwsc.physics.dual_energy import DETECTOR
from rwsc.physics.pseudo_colour import material_class, to_rgb8
from rwsc.physics.transmission import DEFAULT_FLOOR, to_transmission
from rwsc.physics.truth import Truth, draw_truth
from rwsc.seeds import stream

CASE_PX = (360, 440)
"""Height and width of a phantom, as in training."""

STREAM = "bench truth"
"""First part of the seeds of these phantoms. Those of training begin with the run's seed, a number, so that no
phantom of the benchmark was ever trained on."""

MIN_OVERLAP_PX = 200
"""Phantoms with less overlap are drawn again: there is too little to measure."""

AIR_RGB = 255.0
_MIN_ALPHA = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TruthCase:
    """One phantom to fuse, and the true scan to compare with."""

    truth: Truth
    true: TrueScan
    bag_HWC: np.ndarray
    """The bag as most users have it, uint8 pseudo-colour."""

    item_HWC: np.ndarray
    """The item alone on air, where it lies in the bag, alike."""

    again_HWC: np.ndarray
    """The same bag and item scanned a second time: what noise alone makes different, uint8 pseudo-colour."""


def draw_case(number: int) -> TruthCase:
    """Draw the benchmark's phantom of a number.

    Args:
        number: From 0; every number has its own phantom, whatever else is drawn.

    Returns:
        A phantom with at least `MIN_OVERLAP_PX` pixels of overlap.
    """
    rng = stream(STREAM, number)
    while True:
        truth = draw_truth(rng, height_px=CASE_PX[0], width_px=CASE_PX[1])
        overlap_HW = overlap_of(truth.alpha_HW, material_class(truth.bag_true_HW2))
        if np.count_nonzero(overlap_HW) >= MIN_OVERLAP_PX:
            break
    true = TrueScan(
        rgb_HWC=truth.both_rgb,
        class_HW=material_class(truth.both_true_HW2),
        overlap_HW=overlap_HW,
        seam_HW=seam_of(truth.alpha_HW),
    )
    again_HW2 = DETECTOR.read(rng, truth.both_true_HW2)
    return TruthCase(
        truth=truth,
        true=true,
        bag_HWC=truth.bag_rgb,
        item_HWC=truth.item_rgb,
        again_HWC=to_rgb8(again_HW2, truth.air_level_2),
    )


def fuse_case(
    case: TruthCase, engine: Engine, *, two_energies: bool, match: MatchConfig | None = None, seed: int = 0
) -> np.ndarray:
    """Let an engine put the phantom's item into its bag, as it would a scan.

    Args:
        case: The phantom; the engine sees bag and item with their noise, and not the scan of both.
        engine: The way to fuse.
        two_energies: Give the engine the measured energies and colour its result; otherwise it sees what most
            users have, colour of 8 bits.
        match: How the item's noise and sharpness are matched to the bag's; None leaves the item as it is.
        seed: Of the noise that matching adds.

    Returns:
        Pseudo-colour picture, uint8, (H, W, 3).
    """
    truth = case.truth
    if two_energies:
        scan_HW2 = _fuse(
            truth.bag_HW2, truth.item_HW2, truth.air_level_2, truth.seen_alpha_HW, engine, match, seed
        )
        return to_rgb8(scan_HW2, truth.air_level_2)
    return _fuse(case.bag_HWC, case.item_HWC, np.full(3, AIR_RGB), truth.seen_alpha_HW, engine, match, seed)


def _fuse(
    bag_HWC: np.ndarray,
    item_HWC: np.ndarray,
    air_level: np.ndarray,
    alpha_HW: np.ndarray,
    engine: Engine,
    match: MatchConfig | None,
    seed: int,
) -> np.ndarray:
    rows, columns = (np.flatnonzero(alpha_HW.any(axis=axis)) for axis in (1, 0))
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    alpha_HW = alpha_HW[place]
    seen_HWC = to_transmission(item_HWC[place], air_level)
    # A scan shows matter and air mixed at the rim; an item of the bank is its matter alone.
    own_HWC = 1 - (1 - seen_HWC) / np.maximum(alpha_HW, _MIN_ALPHA)[..., None]
    insertion = Insertion(
        transmission_HWC=np.clip(own_HWC, DEFAULT_FLOOR, 1).astype(np.float32),
        alpha_HW=alpha_HW.astype(np.float32),
        x_px=int(columns[0]),
        y_px=int(rows[0]),
        seed=seed,
    )
    return fuse_in_rounds([bag_HWC], [air_level], [[insertion]], engine, match=match)[0]
