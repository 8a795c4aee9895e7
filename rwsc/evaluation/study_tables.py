"""From scores of pairs to tables: means over pairs, mean and spread over seeds, and who is ahead of whom."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rwsc.evaluation import slides
from rwsc.evaluation.metric_totals import MetricTotal, totals_of
from rwsc.evaluation.study import StudyConfig, TableName
from rwsc.evaluation.study_claims import Claim, Scores, claim_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one run, or of an engine that needs no training."""

    seed: int | None
    """Seed of the run; None of an engine."""

    scores: Sequence[Mapping[str, float]] | None = None
    """Scores of each pair; None while there are none."""

    failure: str = ""
    """Why there never will be any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One metric of one arm."""

    mean: float
    """Mean over seeds of the means over pairs; NaN where nothing is finite."""

    spread: float
    """Standard deviation over seeds (n - 1); NaN for fewer than two."""

    by_seed: Mapping[str, float]
    """Mean over pairs by seed; the key is empty for an engine without seeds."""

    between_pairs: float
    """Standard deviation between pairs, of all seeds together."""

    counted: int
    """Scores in these means."""

    undefined: int
    """Scores that are NaN, in no mean."""

    infinite: int
    """Scores that are infinite, in no mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a table."""

    key: str
    """Name of the score."""

    head: str
    """Its heading."""

    group: str
    """Heading above it and its neighbours."""

    better: str
    """``high``, ``low``, or empty where neither is."""

    digits: int = 4
    """Digits after the point."""

    is_marked: bool = True
    """Whether the best is printed bold; not where too much of it is no good either."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One arm or engine in a table."""

    name: str
    title: str
    figures: Mapping[str, Figure]
    """By the key of the column; empty while nothing is measured."""

    slides: Mapping[str, float] = field(default_factory=dict)
    """What the slides print, by the key of the table's columns for them."""

    done: int
    """Runs that are measured."""

    wanted: int
    """Runs that are to be."""

    failures: Sequence[str] = ()
    """Why runs failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table of the study."""

    name: TableName
    title: str
    note: str
    columns: Sequence[Column]
    slides_columns: Sequence[Column]
    rows: Sequence[Row]
    claims: Sequence[Claim]


def _scores_of(region: str, group: str) -> tuple[Column, ...]:
    return (
        Column(key=f"{region}.q_e", head="Q_E", group=group, better="high"),
        Column(key=f"{region}.qabf", head="Q^AB/F", group=group, better="high"),
        Column(key=f"{region}.psnr", head="PSNR", group=group, better="high", digits=2),
        Column(key=f"{region}.ei", head="EI", group=group, better="", digits=1),
    )


_OUTSIDE = (
    Column(key="outside.mae", head="MAE", group="off the item, against the bag", better="low", digits=3),
    Column(key="outside.psnr", head="PSNR", group="off the item, against the bag", better="high", digits=2),
)
_MASK = (
    Column(
        key="mask.ei", head="EI", group="inside the item's mask", better="high", digits=1, is_marked=False
    ),
    Column(key="mask.qabf", head="Q^AB/F", group="inside the item's mask", better="high"),
    Column(key="mask.q_e", head="Q_E", group="inside the item's mask", better="high"),
)
_LOSSES = (
    Column(key="loss.ll", head="LL", group="losses, unweighted", better="low"),
    Column(key="loss.csd", head="CSD", group="losses, unweighted", better="low"),
    Column(key="loss.recon", head="recon.", group="losses, unweighted", better="low"),
)
_BOX = _scores_of("box", "item's box")
_FRAME = _scores_of("frame", "full frame")

_SLIDES_METHODS = (
    Column(key="q_e", head="Q_E", group="slides", better=""),
    Column(key="qabf", head="Q^AB/F", group="slides", better=""),
    Column(key="psnr", head="PSNR", group="slides", better="", digits=2),
    Column(key="ei", head="EI", group="slides", better="", digits=1),
)
_SLIDES_OUTSIDE = (
    Column(key="outside.mae", head="MAE", group="slides", better="", digits=3),
    Column(key="outside.psnr", head="PSNR", group="slides", better="", digits=2),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Form:
    title: str
    note: str
    columns: tuple[Column, ...]
    claimed: tuple[str, ...] = ()
    slides_columns: tuple[Column, ...] = ()
    slides: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    with_engines: bool = False


_FORMS: dict[TableName, _Form] = {
    "edge_attention": _Form(
        title="Table 1: edge attention",
        note="How well the network's own output keeps the bag where no item is: MAE in grey levels of 8 bits, PSNR"
        " in dB, all channels. Arms on TIP begin as the product of transmissions, which keeps the bag by itself.",
        columns=_OUTSIDE,
        claimed=("outside.mae", "outside.psnr"),
        slides_columns=_SLIDES_OUTSIDE,
        slides=slides.EDGE_ATTENTION,
    ),
    "region": _Form(
        title="Figure 7 in numbers: deviation maps, or mask average pooling only",
        note="The slides show pictures alone and call the item of mask average pooling fuzzy. Sharpness is edge"
        " intensity (EI) inside the mask: noise and fringes raise it too, beyond what tip has, which keeps all of the"
        " item's texture, so Q^AB/F and Q_E say whether the edges are the sources'.",
        columns=_MASK,
        claimed=("mask.ei", "mask.qabf"),
        with_engines=True,
    ),
    "losses": _Form(
        title="Losses: each left out in turn",
        note="LL, CSD and reconstruction are those of held-out pairs with our default settings (w1 = w2 = 1), whatever"
        " an arm was trained on. The slides have no such table.",
        columns=(*_LOSSES, *_OUTSIDE, *_BOX),
    ),
    "methods": _Form(
        title="Table 2: other methods",
        note="The slides do not say on which region they measure, nor by which code: ours are of grey levels, Q_E ="
        " Q_W Q_W' after Piella, Q^AB/F with repeated borders, PSNR the mean of those against item and bag, EI the"
        " mean length of the Sobel gradient, of which more is not better. truth is the true scan of both, which"
        " phantoms have: a method that scores above it is ahead in the metric, not nearer to a scan.",
        columns=(*_BOX, *_FRAME),
        claimed=("box.q_e", "box.qabf", "box.psnr"),
        slides_columns=_SLIDES_METHODS,
        slides=slides.METHODS,
        with_engines=True,
    ),
    "sweep": _Form(
        title="Sweep",
        note="One row per arm, held-out pairs alone.",
        columns=(*_OUTSIDE, *_BOX, _MASK[0], *_LOSSES),
    ),
}


def build_tables(study: StudyConfig, outcomes: Mapping[str, Sequence[Outcome]]) -> list[Table]:
    """Make the tables that the arms of a study ask for.

    Args:
        study: The study.
        outcomes: What became of each arm's runs and of the engines, by name; may be incomplete.

    Returns:
        Tables in the order of `TableName`.
    """
    rows = {arm.name: _row(arm.name, arm.shown, outcomes, len(study.seeds)) for arm in study.arms}
    engines = [_row(name, name, outcomes, 1) for name in study.untrained]
    tables = []
    for name, form in _FORMS.items():
        shown = [rows[arm.name] for arm in study.arms if name in arm.tables]
        if not shown:
            continue
        shown = [*shown, *engines] if form.with_engines else shown
        shown = [replace(row, slides=form.slides.get(row.name, {})) for row in shown]
        tables.append(
            Table(
                name=name,
                title=form.title,
                note=form.note,
                columns=form.columns,
                slides_columns=form.slides_columns,
                rows=shown,
                claims=_claims(form, study, {row.name: row for row in shown}, outcomes),
            )
        )
    return tables


def figure_of(by_seed: Mapping[str, MetricTotal]) -> Figure:
    """Sum up a metric.

    Args:
        by_seed: Totals over pairs by seed.

    Returns:
        Mean and spread over the seeds whose mean is defined, and how many scores are in none.
    """
    means = {seed: total.mean() for seed, total in by_seed.items()}
    finite = [mean for mean in means.values() if not math.isnan(mean)]
    merged = sum(by_seed.values(), MetricTotal())
    return Figure(
        mean=statistics.fmean(finite) if finite else math.nan,
        spread=statistics.stdev(finite) if len(finite) > 1 else math.nan,
        by_seed=means,
        between_pairs=merged.spread(),
        counted=merged.finite,
        undefined=merged.undefined,
        infinite=merged.infinite,
    )


def _row(name: str, title: str, outcomes: Mapping[str, Sequence[Outcome]], wanted: int) -> Row:
    # In one order, whichever run was done first: sums depend on it.
    found = sorted(outcomes.get(name, ()), key=lambda outcome: outcome.seed or 0)
    totals = {
        "" if outcome.seed is None else str(outcome.seed): totals_of(outcome.scores)
        for outcome in found
        if outcome.scores is not None
    }
    metrics = next(iter(totals.values()), {})
    return Row(
        name=name,
        title=title,
        figures={
            metric: figure_of({seed: each[metric] for seed, each in totals.items()}) for metric in metrics
        },
        done=len(totals),
        wanted=wanted,
        failures=[f"seed {outcome.seed}: {outcome.failure}" for outcome in found if outcome.failure],
    )


def _claims(
    form: _Form, study: StudyConfig, rows: Mapping[str, Row], outcomes: Mapping[str, Sequence[Outcome]]
) -> list[Claim]:
    better = {column.key: column.better for column in form.columns}
    return [
        claim
        for arm in study.arms
        for name in arm.against
        for key in form.claimed
        if arm.name in rows and name in rows
        if (
            claim := claim_of(
                _scores_by_seed(outcomes, name),
                _scores_by_seed(outcomes, arm.name),
                metric=key,
                is_high_better=better[key] == "high",
                titles=(rows[name].title, rows[arm.name].title),
            )
        )
        is not None
    ]


def _scores_by_seed(outcomes: Mapping[str, Sequence[Outcome]], name: str) -> Scores:
    return {outcome.seed: outcome.scores for outcome in outcomes.get(name, ()) if outcome.scores is not None}
