"""How well a small network tells what engines make from what is real: on phantoms, and on a user's own scans."""

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rwsc.corpus.prepare import prepare
from rwsc.errors import ConfigError, RwscError, SourceError
from rwsc.evaluation.probe import choose_places, cut_patches, deal_folds, one_thread, probe_auc
from rwsc.evaluation.probe_catalogue import Pair, Scene, find_pairs, open_scene
from rwsc.evaluation.truth_phantoms import AIR_RGB, TruthCase, draw_case, fuse_case
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Engine
from rwsc.fusion.match import MatchConfig
from rwsc.items.build import build_items
from rwsc.physics.pseudo_colour import to_rgb8
from rwsc.runs.bench_truth import FLOOR, open_engines
from rwsc.runs.machine import describe_machine
from rwsc.runs.talk import Progress, say
from rwsc.seeds import derive_seed, stream

SEEDS = (0, 1)
"""Seeds of the networks; each is tested on every fold."""

AS_A_CORPUS = MatchConfig()
"""How items are matched to their bag by a corpus, unless its settings say otherwise."""

MATCHED = MatchConfig(noise=True, sharpness=True)
"""All the matching there is, which a corpus has on request."""

MIN_PICTURES = 8
_TOLD_EVERY = 20
_TWO_ENERGIES = "tip_dual"


@dataclass(frozen=True, slots=True)
class _Question:
    """Two ways of making that a network is to tell apart, picture by picture."""

    one: Sequence[np.ndarray]
    other: Sequence[np.ndarray]

    def ask(self, folds: Sequence[np.ndarray]) -> dict[str, float]:
        """Give the mean and the extremes over folds and seeds; `folds` are those of each seed."""
        # What nothing was done to cannot be told, and needs no network to say so.
        if all(np.array_equal(a, b) for a, b in zip(self.one, self.other, strict=True)):
            return {"mean": 0.5, "lowest": 0.5, "highest": 0.5}
        aucs = [
            each
            for seed, folds_N in zip(SEEDS, folds, strict=True)
            for each in probe_auc(self.one, self.other, folds=folds_N, seed=seed)
        ]
        return {
            "mean": round(statistics.fmean(aucs), 3),
            "lowest": round(min(aucs), 3),
            "highest": round(max(aucs), 3),
        }


@one_thread()
def measure_probe(
    num_phantoms: int, *, engines: Sequence[str] | None = None, weights: Sequence[str] = ()
) -> dict[str, Any]:
    """Train small networks to tell composites from true scans, and empty insertions from bags.

    Args:
        num_phantoms: Phantoms, at least `MIN_PICTURES`.
        engines: Names of engines; None takes all, of which rwsc where weights are given.
        weights: Addresses of weights for rwsc; each makes an engine of its own.

    Returns:
        ``engines``: for each, and for the true scan taken a second time, the AUC of the ``composite`` as a corpus
        makes it by default, of the composite of the ``matched`` item, and of the ``empty`` insertion, each with
        its ``mean``, ``lowest`` and ``highest`` over folds and seeds; ``phantoms``, ``seconds`` and ``machine``.

    Raises:
        RwscError: An engine or weights cannot be used.
    """
    _check_number(num_phantoms, "phantoms")
    opened = open_engines(engines, weights)
    started = time.monotonic()
    drawn = Progress(num_phantoms, noun="phantoms")
    true: list[np.ndarray] = []
    bags: list[np.ndarray] = []
    made = _empty_lists(opened, ("composite", "matched", "empty"))
    again: list[np.ndarray] = []
    for number in range(num_phantoms):
        case = draw_case(number)
        alpha_HW = case.truth.alpha_HW
        places_N2 = choose_places(stream("bench probe", number), alpha_HW)
        true.append(cut_patches(case.true.rgb_HWC, alpha_HW, places_N2))
        bags.append(cut_patches(case.bag_HWC, alpha_HW, places_N2))
        again.append(cut_patches(case.again_HWC, alpha_HW, places_N2))
        for name, engine in opened.items():
            for kind, picture in _fuse_phantom(case, engine, derive_seed("bench probe", number)).items():
                made[name][kind].append(cut_patches(picture, alpha_HW, places_N2))
        _tell(drawn)
    folds = [deal_folds(num_phantoms, seed=seed) for seed in SEEDS]
    nothing = {"matched": None, "empty": None}
    found: dict[str, Any] = {FLOOR: {"composite": _Question(true, again).ask(folds), **nothing}}
    for name, kinds in made.items():
        found[name] = {
            kind: _Question(bags if kind == "empty" else true, patches).ask(folds)
            for kind, patches in kinds.items()
        }
        say(f"{name}: {found[name]['composite']['mean']:.3f}")
    return {"engines": found, "phantoms": num_phantoms, **_end(started)}


@one_thread()
def measure_probe_on_scans(
    catalogue_uri: str,
    items_uri: str | None,
    number: int,
    *,
    engines: Sequence[str] | None = None,
    weights: Sequence[str] = (),
    without_groups: Collection[str] = (),
) -> dict[str, Any]:
    """Train small networks to tell items put into a user's harmless scans from the items that are really in some.

    A composite and its partner show the same item at about the same size, yet never the same bag. So a network can
    also go by the bag, and the AUC of an engine can hardly fall below that of ``bags_alone``: patches of nothing but
    bag, of scans with real items and of harmless scans. Only what lies above it can be laid to the making, and
    where the bags alone are told well, nothing can. ``own_scan`` has no such floor: there the item is put once more
    into its own scan. But it knows no strange scanner either, and both figures also count where an item lies and on
    what: rwsc's places are not those that people choose. So differences between engines tell more than the figures.
    An AUC of 0.5 says that this small network finds nothing, not that a larger one or a person would not.

    Args:
        catalogue_uri: Catalogue of threat scans with boxes and of harmless scans.
        items_uri: Bank of items cut out of them; None builds one for the occasion.
        number: Most items to use, at least `MIN_PICTURES`.
        engines: Names of engines; None takes all that can fuse these scans, of which rwsc where weights are given.
        weights: Addresses of weights for rwsc; each makes an engine of its own.
        without_groups: Groups of scans to leave out.

    Returns:
        ``engines``: for each the AUC of the ``composite`` as a corpus makes it by default, of the one of the
        ``matched`` item, of the item in its ``own_scan``, and of the ``empty`` insertion against the bag, each as
        `measure_probe` gives it;
        ``bags_alone``; ``pairs``, ``pairs_by_fold``, ``left_out``, ``seconds`` and ``machine``.

    Raises:
        RwscError: The catalogue, the bank, an engine or weights cannot be used.
    """
    _check_number(number, "items")
    opened = open_engines(engines, weights)
    started = time.monotonic()
    pairs, left_out = _find_pairs(catalogue_uri, items_uri, number, without_groups)
    laid = Progress(len(pairs), noun="items")
    folds: list[int] = []
    real: list[np.ndarray] = []
    own_bags: list[np.ndarray] = []
    bags: list[np.ndarray] = []
    made: dict[str, dict[str, list[np.ndarray]]] = {}
    for pair in pairs:
        scene = _open(pair)
        if scene is not None:
            if not folds:
                opened = _those_that_fit(opened, scene, must=engines)
                made = _empty_lists(opened, ("composite", "matched", "own_scan", "empty"))
            folds.append(pair.fold)
            real.append(scene.real.patches())
            own_bags.append(scene.own.patches())
            bags.append(scene.harmless.patches())
            for name, engine in opened.items():
                for kind, patches in _patches_of(scene, engine).items():
                    made[name][kind].append(patches)
        _tell(laid)
    if len(folds) < MIN_PICTURES or len(set(folds)) < 2:
        raise SourceError(
            f"only {len(folds)} items of {catalogue_uri} found a place in both a harmless bag and their own",
            remedy="add scans to the catalogue, or items to the bank",
        )
    same = [np.array(folds)] * len(SEEDS)
    bags_alone = _Question(own_bags, bags).ask(same)
    say(f"bags alone: {bags_alone['mean']:.3f}")
    found: dict[str, Any] = {}
    for name, kinds in made.items():
        found[name] = {
            kind: _Question(bags if kind == "empty" else real, patches).ask(same)
            for kind, patches in kinds.items()
        }
        say(f"{name}: {found[name]['composite']['mean']:.3f}")
    by_fold = [count for _, count in sorted(Counter(folds).items())]
    counts = {"pairs": len(folds), "pairs_by_fold": by_fold, "left_out": left_out}
    return {"engines": found, "bags_alone": bags_alone, **counts, **_end(started)}


def _check_number(number: int, noun: str) -> None:
    if number < MIN_PICTURES:
        raise ConfigError(
            f"{number} {noun} are too few to train and to test on",
            remedy=f"give --num-images {MIN_PICTURES} or more; some hundred tell more",
        )


def _empty_lists(names: Collection[str], kinds: Sequence[str]) -> dict[str, dict[str, list[np.ndarray]]]:
    return {name: {kind: [] for kind in kinds} for name in names}


def _tell(progress: Progress) -> None:
    progress.done += 1
    if progress.done % _TOLD_EVERY == 0:
        progress.say()


def _end(started: float) -> dict[str, Any]:
    return {"seconds": round(time.monotonic() - started, 1), "machine": describe_machine()}


def _find_pairs(
    catalogue_uri: str, items_uri: str | None, number: int, without_groups: Collection[str]
) -> tuple[list[Pair], int]:
    if items_uri is not None:
        return find_pairs(catalogue_uri, items_uri, number=number, without_groups=without_groups)
    say("no --items: cutting the items out of the catalogue's scans ...")
    with tempfile.TemporaryDirectory() as folder:
        build_items(catalogue_uri, folder)
        return find_pairs(catalogue_uri, folder, number=number, without_groups=without_groups)


def _open(pair: Pair) -> Scene | None:
    try:
        return open_scene(pair)
    except RwscError as error:
        say(f"warning: {error.message}; its item is left out")
        return None


def _those_that_fit(
    opened: dict[str, Engine], scene: Scene, *, must: Sequence[str] | None
) -> dict[str, Engine]:
    """Leave engines out that cannot fuse such scans, unless they were asked for by name."""
    fitting: dict[str, Engine] = {}
    for name, engine in opened.items():
        try:
            scene.harmless.fused(engine, None, seed=scene.seed)
        except ConfigError:
            if must is not None:
                raise
        else:
            fitting[name] = engine
    return fitting


def _patches_of(scene: Scene, engine: Engine) -> dict[str, np.ndarray]:
    seed, harmless, own = scene.seed, scene.harmless, scene.own
    return {
        "composite": harmless.patches(harmless.fused(engine, AS_A_CORPUS, seed=seed)),
        "matched": harmless.patches(harmless.fused(engine, MATCHED, seed=seed)),
        "own_scan": own.patches(own.fused(engine, AS_A_CORPUS, seed=seed)),
        "empty": harmless.patches(harmless.fused(engine, AS_A_CORPUS, seed=seed, is_empty=True)),
    }


def _fuse_phantom(case: TruthCase, engine: Engine, seed: int) -> dict[str, np.ndarray]:
    of_two = engine.name == _TWO_ENERGIES
    return {
        "composite": fuse_case(case, engine, two_energies=of_two, match=AS_A_CORPUS, seed=seed),
        "matched": fuse_case(case, engine, two_energies=of_two, match=MATCHED, seed=seed),
        "empty": _fuse_empty(case, engine, seed, two_energies=of_two),
    }


def _fuse_empty(case: TruthCase, engine: Engine, seed: int, *, two_energies: bool) -> np.ndarray:
    """Let no item at all go through an engine, as an empty insertion of a corpus does."""
    truth = case.truth
    scan, air = (truth.bag_HW2, truth.air_level_2) if two_energies else (case.bag_HWC, np.full(3, AIR_RGB))
    alpha_HW = truth.seen_alpha_HW.astype(np.float32)
    rows, columns = (np.flatnonzero(alpha_HW.any(axis=axis)) for axis in (1, 0))
    alpha_HW = alpha_HW[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    own = Insertion(
        transmission_HWC=np.ones((*alpha_HW.shape, scan.shape[2]), np.float32),
        alpha_HW=alpha_HW,
        x_px=int(columns[0]),
        y_px=int(rows[0]),
    )
    empty = prepare([own], [], scan=scan, air_level=air, is_empty=True, engine=engine.name, seed=seed)
    (fused,) = fuse_in_rounds([scan], [air], [empty], engine, match=AS_A_CORPUS)
    return to_rgb8(fused, air) if two_energies else fused
