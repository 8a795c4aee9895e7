"""A study: every arm and seed is a training run of its own, each is measured on the same pairs, and tables tell."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import rwsc
from rwsc.config import output_values
from rwsc.errors import ObjectMissing
from rwsc.evaluation.study import Arm, StudyConfig, check_arms, run_name, runs_of, train_config
from rwsc.evaluation.study_figures import draw_figures
from rwsc.evaluation.study_page import Study, render_page, to_json
from rwsc.evaluation.study_scores import Pair, draw_pairs
from rwsc.evaluation.study_tables import Outcome, build_tables
from rwsc.runs.held_out import open_held_out, pairs_key
from rwsc.runs.study_runs import (
    check_runs,
    engine_scores,
    known_outcome,
    read_machine,
    train_and_measure,
)
from rwsc.runs.talk import say
from rwsc.sources.licences import Licence, classify
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, absolute_uri
from rwsc.storage.run_card import claim_run

JSON_KEY = "tables.json"
PAGE_KEY = "tables.html"


def evaluate_tables(study: StudyConfig) -> tuple[str, int]:
    """Train every arm with every seed, measure all on the same held-out pairs, and write the tables.

    What is done is left alone, so that the same command takes up a study; arms and seeds may be added.

    Args:
        study: What is trained and compared.

    Returns:
        Address of the page, which `JSON_KEY` lies beside; and how many runs failed, as the page tells.

    Raises:
        RwscError: Settings, inputs, folder or cluster do not fit.
    """
    study = study.model_copy(
        update={
            name: absolute_uri(address)
            for name in ("items", "bags", "output")
            if (address := getattr(study, name)) is not None
        }
    )
    check_arms(study)
    out = Prefix(study.output)
    out.check_writable()
    held_out, licence = open_held_out(study)
    check_runs(study)
    pairs = draw_pairs(held_out, study.held_out_pairs)
    key = pairs_key(pairs)
    claim_run(out, _run_card(study, key))
    if classify(licence) is Licence.ACADEMIC:
        say("the data are for academic use alone, and so are the weights, figures and pictures of this study")
    outcomes: dict[str, list[Outcome]] = {}
    machines: dict[str, dict[str, Any] | None] = {}
    waiting = []
    for arm, seed in runs_of(study):
        known = known_outcome(out, study, arm, seed, key)
        if known is None:
            waiting.append((arm, seed))
        else:
            outcomes.setdefault(arm.name, []).append(known)
            machines[run_name(arm, seed)] = read_machine(out, run_name(arm, seed))
    # What can be refused is refused here, before a report that is there is written over.
    training = train_and_measure(study, waiting, pairs, key)
    for name in study.untrained:
        outcomes[name] = [Outcome(seed=None, scores=engine_scores(out, name, pairs, study.pictures, key))]
    page = write_report(study, out, pairs, outcomes, machines, licence)
    for arm, seed, outcome in training:
        outcomes.setdefault(arm.name, []).append(outcome)
        if outcome.scores is not None:
            machines[run_name(arm, seed)] = read_machine(out, run_name(arm, seed))
        say(_line(arm, seed, outcome))
        write_report(study, out, pairs, outcomes, machines, licence)
    return page, sum(bool(outcome.failure) for found in outcomes.values() for outcome in found)


def write_report(
    study: StudyConfig,
    out: Prefix,
    pairs: list[Pair],
    outcomes: Mapping[str, Sequence[Outcome]],
    machines: Mapping[str, Mapping[str, Any] | None],
    licence: str | None,
) -> str:
    """Write tables and page of what is measured so far.

    Args:
        study: The study.
        out: Its folder.
        pairs: The held-out pairs.
        outcomes: What became of arms and engines, by name.
        machines: What each measured run was trained on, by its name; None where that was not recorded.
        licence: The strictest licence of the data.

    Returns:
        Address of the page.
    """
    report = Study(
        config=study,
        tables=build_tables(study, outcomes),
        figures=draw_figures(study, pairs[: study.pictures], lambda name: _pictures(out, name)),
        machines=[machines[name] for name in sorted(machines)],
        licence=licence or "not stated",
        is_academic=classify(licence) is Licence.ACADEMIC,
        trained={arm.name: train_config(study, arm, study.seeds[0]) for arm in study.arms},
    )
    for name, sheet in report.figures.items():
        out.write(f"figures/{name}.png", encode_image(sheet.picture))
    out.write(JSON_KEY, (json.dumps(to_json(report), indent=1, allow_nan=False) + "\n").encode())
    out.write(PAGE_KEY, render_page(report).encode())
    return out.uri_of(PAGE_KEY)


def _run_card(study: StudyConfig, key: str) -> dict[str, Any]:
    # Arms, seeds and their settings are no part of it: every run guards its own folder, so that both can grow.
    held = ("phantoms", "train_split", "held_out_splits", "held_out_pairs", "pairs", "pairs_seed")
    settings = {name: value for name, value in output_values(study).items() if name in held}
    return {
        "kind": "evaluate tables",
        "fingerprint": hashlib.sha256(json.dumps([settings, key], sort_keys=True).encode()).hexdigest()[:16],
        "settings": settings,
        "inputs": {"held_out_pairs": key},
        "code_version": rwsc.__version__,
    }


def _pictures(out: Prefix, key: str) -> np.ndarray | None:
    """Read a picture that was kept; None while there is none."""
    try:
        return decode_image(out.read(f"pictures/{key}.png"))
    except ObjectMissing:
        return None


def _line(arm: Arm, seed: int, outcome: Outcome) -> str:
    if outcome.scores is None:
        return f"{run_name(arm, seed)}: {outcome.failure}"
    shown = {"outside.mae": "MAE off the item", "box.q_e": "Q_E", "box.qabf": "Q^AB/F", "box.psnr": "PSNR"}
    parts = []
    for key, title in shown.items():
        values = [row[key] for row in outcome.scores if math.isfinite(row[key])]
        parts.append(f"{title} {sum(values) / len(values):.3f}" if values else f"{title} undefined")
    return f"{run_name(arm, seed)}: " + " · ".join(parts)
