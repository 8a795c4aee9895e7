"""What a study found, as JSON and as one HTML page that needs no network and calls for nothing."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rwsc.config import output_values
from rwsc.evaluation import slides
from rwsc.evaluation.study import StudyConfig
from rwsc.evaluation.study_claims import Claim
from rwsc.evaluation.study_figures import Sheet
from rwsc.evaluation.study_machines import group_machines, machine_limits, machine_line, trained_on
from rwsc.evaluation.study_tables import Column, Figure, Row, Table
from rwsc.fusion.baselines.methods import DEVIATIONS
from rwsc.storage.images import encode_image
from rwsc.storage.web_page import jpeg_uri, render_web_page
from rwsc.training.settings import TrainConfig

_JPEG_QUALITY = 92
_ARROWS = {"high": "↑", "low": "↓", "": ""}
_SHIPPED = "default"  # how settings name the weights that come with rwsc


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Study:
    """All that page and JSON tell."""

    config: StudyConfig
    tables: Sequence[Table]
    figures: Mapping[str, Sheet]
    machines: Sequence[Mapping[str, Any] | None]
    """What each measured run was trained on, and its ``date``; None where that was not recorded."""

    licence: str
    """The strictest licence of the data."""

    is_academic: bool
    """Whether it allows academic use alone."""

    trained: Mapping[str, TrainConfig]
    """Settings of each arm's training, with its first seed, by name."""

    @property
    def runs_done(self) -> int:
        """Runs of arms that are measured."""
        return sum(row.done for row in self._rows.values())

    @property
    def runs_failed(self) -> int:
        """Runs of arms that ended without a figure; their rows say why."""
        return sum(len(row.failures) for row in self._rows.values())

    @property
    def runs_wanted(self) -> int:
        """Runs that are to be."""
        return len(self.config.arms) * len(self.config.seeds)

    @property
    def _rows(self) -> dict[str, Row]:
        """A row of each trained arm, which may stand in several tables."""
        arms = {arm.name for arm in self.config.arms}
        return {row.name: row for table in self.tables for row in table.rows if row.name in arms}


def to_json(study: Study) -> dict[str, Any]:
    """Lay a study out for programs.

    Args:
        study: What was found.

    Returns:
        Plain values; None in the place of what is undefined, "inf" of what is infinite.
    """
    plain: dict[str, Any] = _plain(
        {
            "runs": {"done": study.runs_done, "failed": study.runs_failed, "wanted": study.runs_wanted},
            "tables": [asdict(table) for table in study.tables],
            "slides": slides.SOURCE,
            "deviations": _deviations(study),
            "statements": statements(study),
            "settings": output_values(study.config),
            "arms": {name: _arm_values(config) for name, config in study.trained.items()},
            "licence": study.licence,
            "machines": [asdict(group) for group in group_machines(study.machines)],
        }
    )
    return plain


def _arm_values(config: TrainConfig) -> dict[str, Any]:
    """Lay an arm's settings out; the network of one that starts from weights is theirs, where it names none."""
    theirs = {"network", "size"} - config.model_fields_set if config.start_from else set()
    return {name: value for name, value in output_values(config).items() if name not in theirs}


def statements(study: Study) -> list[str]:
    """Say plainly what the figures rest on, and what not to read into them.

    Args:
        study: What was found.

    Returns:
        Sentences.
    """
    config = study.config
    data = (
        "phantoms (made-up scans), not real ones"
        if config.phantoms
        else f"scans; bags and items of the splits {', '.join(config.held_out_splits)} were in no training"
        f"{' of this study' if any(start != _SHIPPED for start in _starts(study).values()) else ''}"
    )
    trained = study.trained.values()
    steps, batches = {run.steps for run in trained}, {run.batch for run in trained}
    crops, precisions = {run.sample.crop_px for run in trained}, {run.precision for run in trained}
    machines = group_machines(study.machines)
    found = [
        f"{config.held_out_pairs} held-out pairs of {config.pairs.crop_px} px, the same for all arms and seeds:"
        f" {data}.",
        f"{_counted(len(config.seeds), 'seed')} for each arm; mean ± standard deviation over seeds of the means over"
        " pairs.",
        f"Every run is trained for {_listed(steps)} steps of {_listed(batches)} crops of {_listed(crops)} px"
        f"{trained_on(machines)}, in {' or '.join(sorted(precisions))}. Measured, in float32, is the checkpoint with"
        " the least loss on held-out samples of the training split, which may be an earlier one than the last.",
        "Networks are judged by their own output over the whole frame: nothing is pasted back.",
        "Arms of the method rwsc without a residual on the product of transmissions (TIP) are our reconstruction of"
        " the slides' network. With the residual, our default for corpora, the untrained network is TIP already and"
        " keeps the bag by itself (decision 0004).",
        "The slides leave open how many layers and channels there are, where the modules stand and what the region"
        " module takes in, whether there are skip connections or a discriminator, the losses' exact form and weights,"
        " and how it was trained: all of that is ours.",
        f"The slides' figures are printed as they are ({slides.SOURCE}); their data, sizes, training and metric code"
        " are not public, so that rows can be compared within a column of ours, not across.",
    ]
    found += _start_limits(_starts(study), is_checked=not config.phantoms)
    found += [
        f"Settings of all arms{of} that set no others: {_settings_text(values)}."
        for of, values in _shared(study)
        if values
    ]
    found += machine_limits(machines)
    divisors = {
        name: each.network["width_divisor"]
        for name, each in study.trained.items()
        if each.network.get("width_divisor", 1) != 1
    }
    if divisors:
        narrower = ", ".join(f"{name} by {divisor}" for name, divisor in divisors.items())
        found.append(f"Layers of baselines are narrower than published: {narrower}.")
    if len(config.seeds) < 3:
        found.append("Fewer than three seeds: the spread says little.")
    if study.runs_failed:
        found.append(
            f"Failed: {study.runs_failed} of {study.runs_wanted} runs, for the reason in their row; means are of the"
            " others, and arms are compared on the seeds that both have."
        )
    if study.runs_done + study.runs_failed < study.runs_wanted:
        found.append(f"Unfinished: {study.runs_done} of {study.runs_wanted} runs are measured so far.")
    if study.is_academic:
        found.append("The data are for academic use alone: do not pass the pictures on.")
    return found


def _starts(study: Study) -> dict[str, str]:
    """Give the weights that arms start from, by the arm's name; none of those that begin with fresh ones."""
    return {name: run.start_from for name, run in study.trained.items() if run.start_from}


def _start_limits(starts: Mapping[str, str], *, is_checked: bool) -> list[str]:
    """Say which arms start from other weights, and what is known of these."""
    if not starts:
        return []
    found = [f"Not trained from nothing: {', '.join(f'{name} ({start})' for name, start in starts.items())}."]
    if _SHIPPED in starts.values():
        found.append(f"{_SHIPPED} are the weights that come with rwsc, which saw made-up scans alone.")
    if set(starts.values()) != {_SHIPPED}:
        refused = "Start weights whose card shows that they saw what is held out are refused; what else "
        found.append(
            f"{refused if is_checked else 'What '}they were trained on is other data, which is not checked."
        )
    return found


def _shared(study: Study) -> list[tuple[str, Mapping[str, Any]]]:
    """Give what a study sets for many arms at once, and for which."""
    methods = {run.method for run in study.trained.values()}
    config = study.config
    return [
        ("", config.training),
        (" of the method rwsc", config.rwsc if "rwsc" in methods else {}),
        (" of the other methods", config.baselines if methods - {"rwsc"} else {}),
    ]


def render_page(study: Study) -> str:
    """Write the page.

    All text of settings is escaped. The page's own policy runs no script, no style but its own, and loads nothing
    but the pictures inside it.

    Args:
        study: What was found.

    Returns:
        HTML.
    """
    return render_web_page(
        "rwsc.evaluation",
        "tables",
        title="The slides' tables, and ours",
        statements=statements(study),
        tables=[_shown_table(table, study) for table in study.tables],
        figures=[
            (
                name,
                sheet.caption,
                jpeg_uri(encode_image(sheet.picture, codec="jpeg", jpeg_quality=_JPEG_QUALITY)),
            )
            for name, sheet in study.figures.items()
        ],
        arms=[
            (arm.shown, arm.name, _settings_text(arm.set), config.method, config.steps, config.learning_rate)
            for arm, config in ((arm, study.trained[arm.name]) for arm in study.config.arms)
        ],
        machine=machine_line(group_machines(study.machines)),
        licence=study.licence,
    )


def _shown_table(table: Table, study: Study) -> dict[str, Any]:
    columns = [*table.columns, *table.slides_columns]
    groups: list[list[Any]] = []
    for column in columns:
        if groups and groups[-1][0] == column.group:
            groups[-1][1] += 1
        else:
            groups.append([column.group, 1])
    best = {column.key: best_of(column, table.rows) for column in table.columns}
    return {
        "name": table.name,
        "title": table.title,
        "note": table.note,
        "groups": groups,
        "heads": [(column.head, _ARROWS[column.better] * column.is_marked) for column in columns],
        "rows": [
            {
                "title": row.title,
                "progress": "" if row.done == row.wanted else f"{row.done} of {row.wanted} runs",
                "failures": row.failures,
                "cells": [
                    _cell(row.figures.get(column.key), column, is_best=row.name in best[column.key])
                    for column in table.columns
                ],
                "slides": [_number(row.slides.get(column.key), column) for column in table.slides_columns],
            }
            for row in table.rows
        ],
        "claims": _shown_claims(table),
        "deviations": _deviations(study) if table.name == "methods" else [],
    }


def best_of(column: Column, rows: Sequence[Row]) -> set[str]:
    """Name the best rows of a column.

    Args:
        column: The column.
        rows: The rows of its table.

    Returns:
        The rows whose scores are all infinitely good, else the one with the best mean. None where the column marks
        none, where nothing is measured, and where another row has more infinitely good scores than that one, which
        are in no mean.
    """
    if not column.better or not column.is_marked:
        return set()
    figures = {row.name: row.figures[column.key] for row in rows if column.key in row.figures}
    if perfect := {name for name, figure in figures.items() if figure.infinite and not figure.counted}:
        return perfect
    means = {name: figure.mean for name, figure in figures.items() if figure.counted}
    if not means:
        return set()
    best = (max if column.better == "high" else min)(means, key=lambda name: means[name])
    shares = {name: figures[name].infinite / figures[name].counted for name in means}
    return {best} if shares[best] == max(shares.values()) else set()


def _cell(figure: Figure | None, column: Column, *, is_best: bool) -> dict[str, Any]:
    if figure is None:
        return {"text": "", "left_out": "", "is_best": False, "hint": ""}
    spread = "" if math.isnan(figure.spread) else f" ± {figure.spread:.{column.digits}f}"
    mean = f"{figure.mean:.{column.digits}f}" if figure.counted else ("∞" if figure.infinite else "undefined")
    left_out = [
        f"{count} {what}"
        for count, what in ((figure.infinite, "infinite"), (figure.undefined, "undefined"))
        if count
    ]
    seeds = ", ".join(
        f"seed {seed}: {value:.{column.digits}f}" for seed, value in figure.by_seed.items() if seed
    )
    between = (
        ""
        if math.isnan(figure.between_pairs)
        else f"between pairs ± {figure.between_pairs:.{column.digits}f}"
    )
    return {
        "text": mean + spread,
        "left_out": ", ".join(left_out) if figure.counted else "",
        "is_best": is_best,
        "hint": "; ".join(text for text in (seeds, between) if text),
    }


def _number(value: float | None, column: Column) -> str:
    return "" if value is None else f"{value:.{column.digits}f}"


def _shown_claims(table: Table) -> list[tuple[str, list[tuple[str, str]]]]:
    """Group claims by whom they are about: a heading, and for each metric whether it holds and in words."""
    columns = {column.key: column for column in table.columns}
    shown: dict[str, list[tuple[str, str]]] = {}
    for claim in table.claims:
        shown.setdefault(f"{claim.first} against {claim.other}", []).append(
            _claim_text(claim, columns[claim.metric])
        )
    return list(shown.items())


def _claim_text(claim: Claim, column: Column) -> tuple[str, str]:
    """Give whether a claim holds in every seed, in none or in some, and words for it."""
    if not claim.seeds:
        return "undecided", f"{column.head} not compared: no seed has scores of both"
    is_lost = claim.behind and not claim.ahead
    kind = "holds" if claim.ahead == claim.seeds else "fails" if is_lost else "undecided"
    return kind, (
        f"{column.head} {claim.verdict} ({_difference_text(claim.difference, column.digits)}{_infinite_text(claim)},"
        f" ahead in {claim.ahead} of {_counted(claim.seeds, 'seed')})"
    )


def _difference_text(difference: float, digits: int) -> str:
    if math.isinf(difference):
        return "+∞" if difference > 0 else "-∞"
    is_lost = difference != 0 and round(difference, digits) == 0
    return f"{difference:+.0e}" if is_lost else f"{difference:+.{digits}f}"


def _infinite_text(claim: Claim) -> str:
    counts = {"better": claim.infinitely_better, "worse": claim.infinitely_worse}
    told = " and ".join(f"{how} in {_counted(count, 'score')}" for how, count in counts.items() if count)
    return f", infinitely {told}" if told else ""


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _deviations(study: Study) -> list[str]:
    methods = dict.fromkeys(config.method for config in study.trained.values())
    return list(dict.fromkeys(DEVIATIONS[method] for method in methods if method in DEVIATIONS))


def _settings_text(values: Mapping[str, Any], prefix: str = "") -> str:
    parts = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            parts.append(_settings_text(value, f"{prefix}{name}."))
        else:
            parts.append(f"{prefix}{name} = {value}")
    return ", ".join(parts)


def _listed(values: Collection[int]) -> str:
    return " or ".join(f"{value:,}" for value in sorted(values))


def _plain(value: Any) -> Any:  # noqa: ANN401 - any plain value
    """Put what JSON can hold in the place of what it cannot."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
