"""How close engines come to the true scan, on phantoms whose truth is known."""

import time
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from rwsc.errors import ConfigError, ObjectExists
from rwsc.evaluation.truth import TruthError, measure_error, summarise
from rwsc.evaluation.truth_phantoms import TruthCase, draw_case, fuse_case
from rwsc.evaluation.truth_sheet import SheetCell, SheetRow, draw_truth_sheet
from rwsc.fusion.engine import Engine
from rwsc.fusion.engines import ENGINES, EngineConfig, open_classic
from rwsc.fusion.rwsc import RwscEngine
from rwsc.runs.machine import describe_machine
from rwsc.runs.talk import Progress
from rwsc.runs.weights import read_weights
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix, absolute_uri, split_uri, uri_exists, write_uri

BASELINE = "tip"
"""The engine that gains are given against; it is always measured."""

FLOOR = "scanned again"
"""Name of the row that no engine can beat but by luck: the same bag and item, scanned a second time."""

ON_SHEET = 8
"""Phantoms on the picture."""

_TOLD_EVERY = 20


def measure_truth(
    num_phantoms: int,
    *,
    engines: Sequence[str] | None = None,
    weights: Sequence[str] = (),
    sheet: str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Fuse phantoms with every engine and compare with their true scans.

    Args:
        num_phantoms: Phantoms, at least 1.
        engines: Names of `ENGINES`; None takes all, of which rwsc where weights are given.
        weights: Addresses of weights for rwsc; each makes an engine of its own.
        sheet: Where a picture of the first `ON_SHEET` phantoms goes, or None.
        overwrite: Replace a picture that is there.

    Returns:
        ``engines``: for each, and for `FLOOR`, what `summarise` gives; ``phantoms``, ``seconds`` and ``machine``.

    Raises:
        RwscError: An engine, weights or the picture's address cannot be used.
    """
    opened = open_engines(engines, weights)
    if sheet is not None:
        _check_sheet(sheet, overwrite)
    started = time.monotonic()
    progress = Progress(num_phantoms, noun="phantoms")
    errors: dict[str, list[TruthError]] = {FLOOR: [], **{name: [] for name in opened}}
    rows: list[SheetRow] = []
    for number in range(num_phantoms):
        case = draw_case(number)
        pictures = {FLOOR: case.again_HWC} | {
            name: fuse_case(case, engine, two_energies=engine.name == "tip_dual")
            for name, engine in opened.items()
        }
        for name, picture in pictures.items():
            errors[name].append(measure_error(picture, case.true))
        if sheet is not None and number < ON_SHEET:
            rows.append(_sheet_row(case, pictures, errors))
        progress.done += 1
        if progress.done % _TOLD_EVERY == 0:
            progress.say()
    if sheet is not None:
        heads = ["bag", "item", "true scan", *(_short(name) for name in errors)]
        title = f"rwsc bench truth: the first {len(rows)} of {num_phantoms} phantoms"
        write_uri(absolute_uri(sheet), encode_image(draw_truth_sheet(rows, heads, title=title)))
    return {
        "engines": {name: summarise(found, errors[BASELINE]) for name, found in errors.items()},
        "phantoms": num_phantoms,
        "seconds": round(time.monotonic() - started, 1),
        "machine": describe_machine(),
    }


def open_engines(names: Sequence[str] | None, weights: Sequence[str]) -> dict[str, Engine]:
    """Open engines by the names they have in the table: `BASELINE` first, rwsc once for each weights.

    Args:
        names: Names of `ENGINES`; None takes all. The baseline is always among them, and rwsc where weights are given.
        weights: Addresses of weights for rwsc.

    Returns:
        Engines by name.

    Raises:
        ConfigError: There is no such engine, or rwsc has no weights.
        WeightsError: Weights are not there or damaged.
    """
    if unknown := sorted(set(names or ()) - set(ENGINES)):
        raise ConfigError(f"no engine {unknown[0]!r}", remedy=f"engines are {', '.join(ENGINES)}")
    if names is not None and "rwsc" in names and not weights:
        raise ConfigError(
            "the engine rwsc is measured with weights", remedy="give --weights default, or a training run"
        )
    wanted = [name for name in ENGINES if name == BASELINE or names is None or name in names]
    opened = {name: open_classic(name, EngineConfig()) for name in wanted if name != "rwsc"}
    return opened | {f"rwsc {address}": RwscEngine(*read_weights(address)) for address in weights}


def _check_sheet(sheet: str, overwrite: bool) -> None:
    """Refuse before the measuring what could not be written after it."""
    uri = absolute_uri(sheet)
    if not overwrite and uri_exists(uri):
        raise ObjectExists(f"{uri} exists already", remedy="give --overwrite, or another name")
    Prefix(split_uri(uri)[0]).check_writable()


def _sheet_row(
    case: TruthCase, pictures: dict[str, np.ndarray], errors: dict[str, list[TruthError]]
) -> SheetRow:
    x, y, w, h = case.truth.bbox_xywh
    shown = [
        SheetCell(rgb_HWC=case.bag_HWC, is_compared=False),
        SheetCell(rgb_HWC=case.item_HWC, is_compared=False, caption=case.truth.label),
        SheetCell(rgb_HWC=case.true.rgb_HWC, is_compared=False),
    ]
    shown += [
        SheetCell(rgb_HWC=picture, caption=f"{errors[name][-1].psnr_db:.1f} dB")
        for name, picture in pictures.items()
    ]
    return SheetRow(true_HWC=case.true.rgb_HWC, bbox_xywh=(int(x), int(y), int(w), int(h)), cells=shown)


def _short(name: str) -> str:
    """Give a heading that fits a column: of weights, the last part of their address."""
    engine, _, address = name.partition(" ")
    return f"{engine} {PurePosixPath(address).name}" if address and name != FLOOR else name
