"""Build an item bank: every annotated object of every usable scan becomes exactly one row."""

import secrets
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rwsc.items.bank import BATCH_ROWS, bank_uri, iter_bank
from rwsc.items.config import ItemsConfig
from rwsc.items.in_box import SeesBoxes
from rwsc.items.ladder import items_of_scan
from rwsc.items.likeness import Member, Signature, physical_ids, signature_of
from rwsc.items.outliner_on_demand import OutlinerOnDemand
from rwsc.items.pixels import decode_alpha, decode_transmission
from rwsc.items.review import ACCEPT, Review, read_review
from rwsc.items.schema import ITEMS_KIND, ITEMS_SCHEMA, ITEMS_VERSION, ItemRow
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.parallel import map_in_order
from rwsc.sources.row_file import refuse_existing, write_rows
from rwsc.sources.schema import Scan
from rwsc.storage.addresses import PART_PREFIX, is_s3
from rwsc.storage.parquet import write_tables

ANNOTATED_TWICE = "annotated twice"

_MIN_REPEAT_OVERLAP = 0.85
"""Share of two masks of one class in one scan that is common to both, from which they are one annotation."""


@dataclass(kw_only=True)
class BuildSummary:
    """What a build of an item bank found."""

    num_rows: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    """Rows per status."""

    by_class: dict[str, Counter[str]] = field(default_factory=dict)
    """Rows per status for each class."""

    by_reason: Counter[str] = field(default_factory=Counter)
    """Rows per reason, measures left out."""

    num_physical_items: int = 0
    """Things that the accepted items show, as far as can be told."""

    largest_physical_item: int = 0
    """Accepted items of the thing that most of them show; one that holds most of a class cannot be split."""

    review: Counter[str] = field(default_factory=Counter)
    """Decisions of the review file by what became of them; `unknown` are ids that no row bears."""

    def to_dict(self) -> dict[str, Any]:
        """Give the counts as plain values, ready for JSON."""
        return {
            "num_rows": self.num_rows,
            "by_status": dict(self.by_status),
            "by_class": {label: dict(counts) for label, counts in self.by_class.items()},
            "by_reason": dict(self.by_reason),
            "num_physical_items": self.num_physical_items,
            "largest_physical_item": self.largest_physical_item,
            "review": dict(self.review),
        }


def build_items(
    catalogue_uri: str,
    items_uri: str,
    config: ItemsConfig | None = None,
    *,
    review_uri: str | None = None,
    overwrite: bool = False,
) -> BuildSummary:
    """Cut the items out of a catalogue's scans into an item bank.

    Which items show one thing is known only at the end, so the rows go to a hidden file first and are copied
    with their physical ids from there; memory holds a short description of each, not its pixels.

    Args:
        catalogue_uri: Catalogue of annotated scans.
        items_uri: Bank to write, a ``.parquet`` file or a folder; it appears whole or not at all.
        config: How to cut and what to keep; None takes the defaults.
        review_uri: File of a person's decisions, see `rwsc.items.review`; None for none.
        overwrite: Replace a bank that is there.

    Returns:
        What was found.

    Raises:
        ObjectExists: Something is stored there and `overwrite` is not set.
        SourceError: The catalogue is none, or the review file contradicts itself.
    """
    config = ItemsConfig() if config is None else config
    uri = bank_uri(items_uri)
    if not overwrite:
        refuse_existing(uri)
    review = Review(uri="") if review_uri is None else read_review(review_uri)
    scans = (
        scan for scan in iter_scans(read_catalogue(catalogue_uri)) if scan.status == "ok" and scan.objects
    )
    summary, members = BuildSummary(), list[Member]()
    with _hidden_file(uri) as part_uri, OutlinerOnDemand() as outliner:
        cut = partial(_cuts_of_scan, config=config, outliner=outliner)
        per_scan = map_in_order(cut, scans, max_workers=config.workers)
        rows = _counted(_remembered(_without_repeats(_reviewed(per_scan, review), review), members), summary)
        write_rows(
            part_uri,
            (row.to_row() for row in rows),
            schema=ITEMS_SCHEMA,
            kind=ITEMS_KIND,
            version=ITEMS_VERSION,
            batch_rows=BATCH_ROWS,
        )
        things = physical_ids(members)
        _count_things(iter_bank(part_uri, ["item_id", "status"]), things, summary)
        tables = (_with_physical_ids(table, things) for table in iter_bank(part_uri))
        write_tables(uri, tables, schema=ITEMS_SCHEMA, kind=ITEMS_KIND, version=ITEMS_VERSION)
    summary.review = review.outcome
    if review.unknown_ids:
        summary.review["unknown"] = len(review.unknown_ids)
    return summary


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cut:
    """A row and what likeness needs of its pixels."""

    row: ItemRow
    signature: Signature | None


def _cuts_of_scan(scan: Scan, *, config: ItemsConfig, outliner: SeesBoxes) -> list[_Cut]:
    is_stated = scan.kind == "isolated" and scan.group is not None
    rows = [
        replace(row, identity_stated=is_stated)
        for row in items_of_scan(scan, config=config, outliner=outliner)
    ]
    return [_Cut(row=row, signature=_signature(row)) for row in rows]


def _signature(row: ItemRow) -> Signature | None:
    if row.transmission_png is None or row.alpha_png is None:
        return None
    return signature_of(decode_transmission(row.transmission_png), decode_alpha(row.alpha_png))


@contextmanager
def _hidden_file(uri: str) -> Iterator[str]:
    """Name a file that no listing shows, beside a local one or among the temporary ones, and remove it."""
    folder = Path(tempfile.gettempdir()) if is_s3(uri) else Path(uri).parent
    path = folder / f"{PART_PREFIX}{secrets.token_hex(8)}"
    try:
        yield str(path)
    finally:
        path.unlink(missing_ok=True)


def _reviewed(per_scan: Iterable[list[_Cut]], review: Review) -> Iterator[list[_Cut]]:
    for cuts in per_scan:
        yield [replace(cut, row=review.apply(cut.row)) for cut in cuts]


def _without_repeats(per_scan: Iterable[list[_Cut]], review: Review) -> Iterator[_Cut]:
    """Reject an object that is annotated twice, so that an id names one row of status ok.

    Of several rows the first stays; of those that a person accepted, and else of all.
    """
    kept_ids: set[str] = set()
    for cuts in per_scan:
        repeats = _repeats(cuts, kept_ids)
        for number, cut in enumerate(cuts):
            if number not in repeats:
                yield cut
                continue
            if cut.row.review == ACCEPT and cut.row.item_id not in kept_ids:
                review.set_aside(cut.row.item_id, ANNOTATED_TWICE)
            yield replace(cut, row=replace(cut.row, status="rejected", reason=ANNOTATED_TWICE))


def _repeats(cuts: list[_Cut], kept_ids: set[str]) -> set[int]:
    """Give the places of a scan's usable rows that repeat another one, and note the ids of the others."""
    kept: list[ItemRow] = []
    repeats: set[int] = set()
    usable = [(number, cut.row) for number, cut in enumerate(cuts) if cut.row.status == "ok"]
    for number, row in sorted(usable, key=lambda numbered: numbered[1].review != ACCEPT):
        if row.item_id in kept_ids or any(_is_repeat(row, other) for other in kept):
            repeats.add(number)
        else:
            kept.append(row)
            kept_ids.add(row.item_id)
    return repeats


def _is_repeat(row: ItemRow, other: ItemRow) -> bool:
    """Say whether two items of one scan cover the same pixels, whatever their annotations' boxes say."""
    if row.label != other.label or row.alpha_png is None or other.alpha_png is None:
        return False
    x, y = (round(min(row.source_bbox[axis], other.source_bbox[axis])) for axis in (0, 1))
    right, bottom = (
        round(max(one.source_bbox[axis] + one.source_bbox[axis + 2] for one in (row, other)))
        for axis in (0, 1)
    )
    boxes = [one.source_bbox[2] * one.source_bbox[3] for one in (row, other)]
    # What overlaps so much fills most of a box around both; to look at the pixels of others would cost.
    if min(boxes) < _MIN_REPEAT_OVERLAP / 2 * (right - x) * (bottom - y):
        return False
    covers = []
    for one in (row, other):
        whole_HW = np.zeros((bottom - y, right - x), dtype=bool)
        cover_HW = decode_alpha(one.alpha_png or b"") >= 0.5
        top, left = round(one.source_bbox[1]) - y, round(one.source_bbox[0]) - x
        whole_HW[top : top + cover_HW.shape[0], left : left + cover_HW.shape[1]] = cover_HW
        covers.append(whole_HW)
    return int((covers[0] & covers[1]).sum()) >= _MIN_REPEAT_OVERLAP * int((covers[0] | covers[1]).sum())


def _remembered(cuts: Iterable[_Cut], members: list[Member]) -> Iterator[ItemRow]:
    """Keep of each row what it takes to tell which thing it shows."""
    for cut in cuts:
        row = cut.row
        prior = None if row.group is None else f"{row.dataset or ''}\x1f{row.group}"
        members.append(
            Member(
                item_id=row.item_id,
                label=row.label,
                prior=prior,
                is_stated=row.identity_stated,
                signature=cut.signature if row.status == "ok" else None,
            )
        )
        yield row


def _counted(rows: Iterable[ItemRow], summary: BuildSummary) -> Iterator[ItemRow]:
    for row in rows:
        summary.num_rows += 1
        summary.by_status[row.status] += 1
        summary.by_class.setdefault(row.label, Counter())[row.status] += 1
        if row.reason:
            summary.by_reason[row.reason.split(":", 1)[0]] += 1
        yield row


def _count_things(tables: Iterable[pa.Table], things: dict[str, str], summary: BuildSummary) -> None:
    sizes = Counter(
        things[row["item_id"]] for table in tables for row in table.to_pylist() if row["status"] == "ok"
    )
    summary.num_physical_items = len(sizes)
    summary.largest_physical_item = max(sizes.values(), default=0)


def _with_physical_ids(table: pa.Table, things: dict[str, str]) -> pa.Table:
    name = "physical_item_id"
    ids = pa.array([things[item_id] for item_id in table["item_id"].to_pylist()], pa.string())
    return table.set_column(table.schema.get_field_index(name), ITEMS_SCHEMA.field(name), ids)
