"""What ``rwsc sources`` prints for a person: the table of datasets, and the report on a source."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from rwsc.cli.terminal import escaped

WIDTH = 110
"""Columns that lines keep within, where no single word is longer."""

_LABEL_WIDTH = 20
_MAX_CLASSES = 40


def dataset_lines(datasets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give the table of known datasets.

    Args:
        datasets: Plain values of `rwsc.sources.known.KnownDataset`.

    Yields:
        Lines of at most `WIDTH` columns.
    """
    yield f"{'dataset':<12}{'layout':<12}{'modality':<12}{'images':>10}  {'classes':>7}  licence"
    for known in datasets:
        images = known["editions"][0]["images"] if known["editions"] else None
        head = (
            f"{known['name']:<12}{known['layout'] or '-':<12}{known['modality'] or '-':<12}"
            f"{f'{images:,}' if images else '-':>10}  {len(known['classes']) or '-':>7}  "
        )
        lines = wrap(known["licence"] or "no terms known", WIDTH - len(head))
        yield head + lines[0]
        yield from (" " * len(head) + line for line in lines[1:])


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Give the report on a source.

    Args:
        report: Plain values of `rwsc.sources.survey.SourceReport`.

    Yields:
        Lines; long paths are not broken.
    """
    yield from _lines("layout", f"{report['layout']}, by {report['why']}")
    yield from _lines("folder", report["folder"])
    yield from _lines("dataset", report["dataset"] or "not known")
    yield from _lines("licence", report["licence"] or "none stated")
    yield from _lines("images", f"{report['num_images']:,}, {report['num_annotated']:,} of them with objects")
    yield from _lines("  by split", _counts(report["by_split"]))
    yield from _lines("  by kind", _counts(report["by_kind"]))
    yield from _quantile_lines(
        report["image_px"], "  size, px", f"of {report['num_headers']:,} headers in an even sample"
    )
    yield from _lines("  by channels", _counts(report["by_channels"]))
    if report["num_pairs"]:
        yield from _lines("  in two files", f"{report['num_pairs']:,}, one for each energy")
    yield from _lines("objects", f"{report['num_objects']:,}")
    yield from _lines("  by class", _counts(report["by_source_class"]))
    if report["by_class"] != report["by_source_class"]:
        yield from _lines("  by taxonomy", _counts(report["by_class"]))
    yield from _quantile_lines(
        report["object_px"],
        "  size, px",
        f"of {report['num_measured_objects']:,} boxes in images of known size",
    )
    yield from _blocks(report)


def _blocks(report: Mapping[str, Any]) -> Iterator[str]:
    yield from _block("missing", (f"{number:,} {what}" for what, number in report["missing"].items()))
    yield from _block("surprising", (f"{number:,} x {what}" for what, number in report["surprising"].items()))
    yield from _block(
        "not in the taxonomy", (f"{number:,} x {name}" for name, number in report["unknown_classes"].items())
    )
    yield from _block("cannot be used", report["damaged"])
    yield from _block(
        "published counts",
        (
            f"{row['what']}: {row['published']:,} published, {row['found']:,} here"
            + ("" if row["published"] == row["found"] else f" ({row['found'] - row['published']:+,})")
            for row in report["published"]
        ),
    )
    yield from _block("known of it", report["notes"])


def _block(title: str, entries: Iterable[str]) -> Iterator[str]:
    shown = list(entries)
    for number, entry in enumerate(shown[:_MAX_CLASSES]):
        yield from _lines(title if number == 0 else "", entry)
    if len(shown) > _MAX_CLASSES:
        yield from _lines("", f"and {len(shown) - _MAX_CLASSES:,} more")


def _quantile_lines(values: Mapping[str, Sequence[float]], label: str, of_what: str) -> Iterator[str]:
    found = {name: numbers for name, numbers in values.items() if numbers}
    if not found:
        return
    yield from _lines(label, f"least, 10 %, median, 90 %, most {of_what}")
    for name, numbers in found.items():
        shown = (f"{100 * number:.3g} %" if name == "share" else f"{number:,.0f}" for number in numbers)
        yield from _lines("", f"{'share of image' if name == 'share' else name:<15}" + ", ".join(shown))


def _counts(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    more = f", and {len(ranked) - _MAX_CLASSES} more" if len(ranked) > _MAX_CLASSES else ""
    return ", ".join(f"{name} {number:,}" for name, number in ranked[:_MAX_CLASSES]) + more or "none"


def _lines(label: str, text: str) -> Iterator[str]:
    width = WIDTH - _LABEL_WIDTH - 1
    for number, line in enumerate(
        wrap(escaped(text), width, break_long_words=False, break_on_hyphens=False) or [""]
    ):
        yield f"{label if number == 0 else '':<{_LABEL_WIDTH}} {line}"
