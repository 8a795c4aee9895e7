"""The report of a corpus: one HTML page that needs no network and runs nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rwsc.corpus.drift import NUM_BINS, Drift
from rwsc.corpus.heat_map import GRID
from rwsc.corpus.pixel_check import CHECKS
from rwsc.corpus.report_counts import NUM_SHARES, NUM_TURNS, SIZE_EDGES_PX, ReportCounts
from rwsc.placement.occlusion import DENSE_TRANSMISSION
from rwsc.storage.images import encode_image
from rwsc.storage.web_page import jpeg_uri, render_web_page

MAX_NAMES = 60
"""Rows of a table at most; what is left out is summed in one row."""

MAX_MAPS = 11
_JPEG_QUALITY = 85
_CHART_WIDTH, _CHART_HEIGHT = 400, 128
_CELL = 160 // GRID


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SampleImage:
    """One image of the sample grid."""

    image_id: str
    text: str
    picture: np.ndarray
    """8-bit RGB, with its labels drawn."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Report:
    """All that the page tells."""

    corpus: str
    """Address of the corpus."""

    card: Mapping[str, Any]
    """Its run card."""

    counts: ReportCounts
    drift: Drift
    num_compared: int
    """Images whose pixels were held against their bags."""

    faults: Counter[str]
    """Images that fail a check of pixels, by its name."""

    missing: int
    """Images of the sample that could not be compared, for their file or their bag is gone or has changed."""

    max_drift_nepers: float
    """Drift from which on the corpus is taken for unlike real bags."""

    samples: Sequence[SampleImage]
    num_uncommitted: int
    """Planned shards that are not made yet."""

    seconds: float | None
    """How long the last run of a finished corpus took, as it says itself."""

    @property
    def checks(self) -> list[tuple[str, bool, str]]:
        """Name, whether it is good, and what was found, of every check of the corpus as a whole."""
        compared = f"of {self.num_compared:,} images compared"
        found = [
            (name, not self.faults[name], f"{self.faults[name]:,} {compared}: {meaning}")
            for name, meaning in CHECKS.items()
        ]
        equal = self.counts.num_equal_images
        failed = self.counts.tally.totals().failed
        missing = f"{self.missing:,} sampled images cannot be compared: file or bag is gone or has changed"
        return [
            *found,
            ("readable", not self.missing, missing),
            ("drift", not self.has_drifted, drift_text(self)),
            (
                "duplicates",
                not equal,
                f"{equal:,} images show what another one shows: the same bag, things and places",
            ),
            ("failed", not failed, f"{failed:,} images failed"),
        ]

    @property
    def has_drifted(self) -> bool:
        """Whether images are further from their bags than is allowed."""
        return (self.drift.nepers or 0.0) > self.max_drift_nepers


def drift_text(report: Report) -> str:
    """Say how far images are from bags, and how far bags are from each other."""
    apart, between = report.drift.nepers, report.drift.between_bags_nepers
    if apart is None:
        return "nothing to compare"
    yardstick = "" if between is None else f"; half of the bags from the other half {between:.3f}"
    return (
        f"images differ from their bags by {apart:.3f} nepers on average over pixels (first Wasserstein distance of the"
        f" histograms; limit {report.max_drift_nepers:g}){yardstick}"
    )


def render_report(report: Report) -> str:
    """Write the page; every name in it is escaped, and its own policy runs no script and loads nothing.

    Args:
        report: What to tell.

    Returns:
        HTML.
    """
    counts, card = report.counts, report.card
    totals = counts.tally.totals()
    return render_web_page(
        "rwsc.corpus",
        "report",
        title=f"Corpus {report.corpus}",
        engine=card["settings"].get("engine"),
        code_version=card.get("code_version"),
        fingerprint=card.get("fingerprint"),
        is_finished=not report.num_uncommitted,
        num_uncommitted=report.num_uncommitted,
        tiles=_tiles(report),
        checks=report.checks,
        samples=[_shown(sample) for sample in report.samples],
        classes=_classes(counts),
        most_items=max(counts.objects.values(), default=0),
        fates=[
            (f"{role}, {status}", number)
            for role, statuses in totals.roles.items()
            for status, number in statuses.items()
            if number
        ],
        reasons=_named(Counter(totals.reasons)),
        items_per_image=sorted(counts.items_per_image.items()),
        sizes=[(name, int(count)) for name, count in zip(_size_names(), counts.sizes_N, strict=True)],
        occluded=_shares(counts.occluded_N),
        levels=sorted(totals.occlusion.items()),
        dense=f"{DENSE_TRANSMISSION:g}",
        scores=_shares(counts.scores_N),
        num_compared=f"{report.num_compared:,}",
        bag_line=_line(report.drift.bags.shares_N, report.drift),
        image_line=_line(report.drift.images.shares_N, report.drift),
        drift_text=drift_text(report),
        maps=[_map(name, cells) for name, cells in counts.positions.counts(MAX_MAPS)],
        turn_heads=[f"{360 * turn // NUM_TURNS}°" for turn in range(NUM_TURNS)],
        turns=[(label, cells.tolist()) for label, cells in sorted(counts.turns.items())[:MAX_NAMES]],
        licences=_named(counts.licences),
        datasets=_named(counts.datasets),
        scanners=_named(counts.scanners),
        inputs=[("corpus", report.corpus), *_flat({"sha256": card.get("inputs"), "address": card.get("addresses")})],
        settings=_flat(card["settings"]),
    )  # fmt: skip


def to_json(report: Report) -> dict[str, Any]:
    """Lay the report out for programs: plain values, without pictures."""
    counts, totals = report.counts, report.counts.tally.totals()
    return {
        "corpus": report.corpus,
        "ok": all(is_good for _, is_good, _ in report.checks),
        "checks": {name: {"ok": is_good, "found": text} for name, is_good, text in report.checks},
        "planned": totals.planned,
        "made": totals.made,
        "rejected": totals.rejected,
        "failed": totals.failed,
        "uncommitted_shards": report.num_uncommitted,
        "classes": {row["label"]: {name: row[name] for name in row if name != "label"} for row in _classes(counts)},
        "drift_nepers": report.drift.nepers,
        "drift_between_bags_nepers": report.drift.between_bags_nepers,
        "images_compared": report.num_compared,
        "reasons": totals.reasons,
        "licences": dict(counts.licences),
    }  # fmt: skip


def _tiles(report: Report) -> list[tuple[str, str]]:
    totals = report.counts.tally.totals()
    tiles = [
        ("images made", f"{totals.made:,}"),
        ("items put in", f"{report.counts.objects.total():,}"),
        ("classes", f"{len(report.counts.objects):,}"),
        ("rejected", f"{totals.rejected:,}"),
        ("failed", f"{totals.failed:,}"),
    ]
    if report.seconds:
        tiles.append(("images/s in the last run", f"{totals.planned / report.seconds:,.1f}"))
    return tiles


def _classes(counts: ReportCounts) -> list[dict[str, Any]]:
    labels = sorted({*counts.objects, *counts.bag_objects}, key=lambda name: (-counts.objects[name], name))
    rows = []
    for label in labels[:MAX_NAMES]:
        uses = counts.articles[label].values() if label in counts.articles else [0]
        rows.append(
            {
                "label": label,
                "inserted": counts.objects[label],
                "images": counts.images[label],
                "bag_objects": counts.bag_objects[label],
                "articles": len(counts.articles.get(label, ())),
                "least": min(uses),
                "most": max(uses),
            }
        )
    return rows


def _named(counter: Counter[str]) -> list[tuple[str, int]]:
    ranked = sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))
    rest = sum(number for _, number in ranked[MAX_NAMES:])
    return [*ranked[:MAX_NAMES], *([(f"{len(ranked) - MAX_NAMES:,} more", rest)] if rest else [])]


def _size_names() -> list[str]:
    ends = [*SIZE_EDGES_PX[1:], None]
    return [
        f"{start} and more" if end is None else f"{start} to {end}"
        for start, end in zip(SIZE_EDGES_PX, ends, strict=True)
    ]


def _shares(counts_N: np.ndarray) -> list[tuple[str, int]]:
    edges = [f"{place / NUM_SHARES:.1f}" for place in range(NUM_SHARES + 1)]
    return [
        (f"{start} to {end}", int(count))
        for start, end, count in zip(edges, edges[1:], counts_N, strict=False)
    ]


def _line(shares_N: np.ndarray, drift: Drift) -> str:
    """Give the points of a histogram's line; both lines of a chart share one scale."""
    most = max(float(drift.images.shares_N.max()), float(drift.bags.shares_N.max()), 1e-9)
    return " ".join(
        f"{_CHART_WIDTH * (place + 0.5) / NUM_BINS:.1f},{_CHART_HEIGHT * (1 - 0.96 * share / most):.1f}"
        for place, share in enumerate(shares_N)
    )


def _map(name: str, counts: np.ndarray) -> dict[str, Any]:
    most = max(1, int(counts.max()))
    cells = [
        (_CELL * column, _CELL * line, round(float(counts[line, column]) / most, 3))
        for line, column in zip(*np.nonzero(counts), strict=True)
    ]
    return {"name": name, "total": int(counts.sum()), "cells": cells}


def _shown(sample: SampleImage) -> dict[str, Any]:
    jpeg = encode_image(sample.picture, codec="jpeg", jpeg_quality=_JPEG_QUALITY)
    return {
        "image_id": sample.image_id,
        "text": sample.text,
        "uri": jpeg_uri(jpeg),
        "width": sample.picture.shape[1],
        "height": sample.picture.shape[0],
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", str(value)))
    return rows
