"""How well a small network tells what engines make from true scans, on phantoms."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from rwsc.corpus.prepare import prepare
from rwsc.errors import ConfigError
from rwsc.evaluation.probe import Patches, choose_places, cut_patches, probe_auc
from rwsc.evaluation.truth_phantoms import AIR_RGB, TruthCase, draw_case, fuse_case
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Engine
from rwsc.physics.pseudo_colour import to_rgb8
from rwsc.physics.transmission import to_transmission
from rwsc.runs.bench_truth import FLOOR, open_engines
from rwsc.runs.machine import describe_machine
from rwsc.runs.talk import Progress, say
from rwsc.seeds import stream

SEEDS = (0, 1)
"""Seeds of the networks; each is tested on every fold."""

MIN_PHANTOMS = 8
_TOLD_EVERY = 20


def measure_probe(
    num_phantoms: int, *, engines: Sequence[str] | None = None, weights: Sequence[str] = ()
) -> dict[str, Any]:
    """Train small networks to tell composites from true scans, and empty insertions from bags.

    Args:
        num_phantoms: Phantoms, at least `MIN_PHANTOMS`.
        engines: Names of engines; None takes all, of which rwsc where weights are given.
        weights: Addresses of weights for rwsc; each makes an engine of its own.

    Returns:
        ``engines``: for each, and for the true scan taken a second time, the ``composite`` and the ``empty`` AUC,
        each with its ``mean``, ``lowest`` and ``highest`` over folds and seeds; ``phantoms``, ``seconds`` and
        ``machine``.

    Raises:
        RwscError: An engine or weights cannot be used.
    """
    if num_phantoms < MIN_PHANTOMS:
        raise ConfigError(
            f"{num_phantoms} phantoms are too few to train and to test on",
            remedy=f"give --num-images {MIN_PHANTOMS} or more; some hundred tell more",
        )
    opened = open_engines(engines, weights)
    started = time.monotonic()
    drawn = Progress(num_phantoms, noun="phantoms")
    true: list[Patches] = []
    bags: list[Patches] = []
    composites: dict[str, list[Patches]] = {FLOOR: [], **{name: [] for name in opened}}
    empties: dict[str, list[Patches]] = {name: [] for name in opened}
    for number in range(num_phantoms):
        case = draw_case(number)
        alpha_HW = case.truth.alpha_HW
        places_N2 = choose_places(stream("bench probe", number), alpha_HW)
        true.append(cut_patches(case.true.rgb_HWC, alpha_HW, places_N2, number))
        bags.append(cut_patches(case.bag_HWC, alpha_HW, places_N2, number))
        composites[FLOOR].append(cut_patches(case.again_HWC, alpha_HW, places_N2, number))
        for name, engine in opened.items():
            fused = fuse_case(case, engine, two_energies=engine.name == "tip_dual")
            composites[name].append(cut_patches(fused, alpha_HW, places_N2, number))
            empties[name].append(cut_patches(_fuse_empty(case, engine), alpha_HW, places_N2, number))
        drawn.done += 1
        if drawn.done % _TOLD_EVERY == 0:
            say(drawn.line())
    found: dict[str, Any] = {}
    for name, patches in composites.items():
        found[name] = {"composite": _spread(true, patches)}
        found[name]["empty"] = _spread(bags, empties[name]) if name in empties else None
        say(f"{name}: {found[name]['composite']['mean']:.3f}")
    return {
        "engines": found,
        "phantoms": num_phantoms,
        "seconds": round(time.monotonic() - started, 1),
        "machine": describe_machine(),
    }


def _fuse_empty(case: TruthCase, engine: Engine) -> np.ndarray:
    """Let no item at all go through an engine, as an empty insertion of a corpus does."""
    truth, two_energies = case.truth, engine.name == "tip_dual"
    scan, air = (truth.bag_HW2, truth.air_level_2) if two_energies else (case.bag_HWC, np.full(3, AIR_RGB))
    alpha_HW = truth.alpha_HW.astype(np.float32)
    rows, columns = (np.flatnonzero(alpha_HW.any(axis=axis)) for axis in (1, 0))
    alpha_HW = alpha_HW[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    own = Insertion(
        transmission_HWC=np.ones((*alpha_HW.shape, scan.shape[2]), np.float32),
        alpha_HW=alpha_HW,
        x_px=int(columns[0]),
        y_px=int(rows[0]),
    )
    bag = to_transmission(scan, air)
    empty = prepare([own], [], bag=bag, is_empty=True, engine=engine.name, seed=0)
    (fused,) = fuse_in_rounds([scan], [air], [empty], engine)
    return to_rgb8(fused, air) if two_energies else fused


def _spread(one: Sequence[Patches], other: Sequence[Patches]) -> dict[str, float]:
    # What nothing was done to cannot be told, and needs no network to say so.
    if all(np.array_equal(a.pixels_NCHW, b.pixels_NCHW) for a, b in zip(one, other, strict=True)):
        return {"mean": 0.5, "lowest": 0.5, "highest": 0.5}
    aucs = [each for seed in SEEDS for each in probe_auc(one, other, seed=seed)]
    return {
        "mean": round(statistics.fmean(aucs), 3),
        "lowest": round(min(aucs), 3),
        "highest": round(max(aucs), 3),
    }
