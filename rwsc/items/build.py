"""Build an item bank: every annotated object of every usable scan becomes exactly one row."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from rwsc.errors import RwscError
from rwsc.items.bank import bank_uri
from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Candidate, extract_item, gate
from rwsc.items.pixels import encode_alpha, encode_transmission
from rwsc.items.schema import ITEMS_KIND, ITEMS_SCHEMA, ITEMS_VERSION, ItemRow
from rwsc.seeds import content_id
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.examine import without_alpha
from rwsc.sources.json_fields import one_line
from rwsc.sources.masks import decode_rle
from rwsc.sources.parallel import map_in_order
from rwsc.sources.row_file import refuse_existing, write_rows
from rwsc.sources.schema import Scan, ScanObject
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import read_uri

NO_MASK = "no mask: extraction from boxes alone is not available in this version"

_BATCH_ROWS = 64


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
    """Groups of accepted cut-outs that may show the same thing."""

    def to_dict(self) -> dict[str, Any]:
        """Give the counts as plain values, ready for JSON."""
        return {
            "num_rows": self.num_rows,
            "by_status": dict(self.by_status),
            "by_class": {label: dict(counts) for label, counts in self.by_class.items()},
            "by_reason": dict(self.by_reason),
            "num_physical_items": self.num_physical_items,
        }


def build_items(
    catalogue_uri: str, items_uri: str, config: ItemsConfig | None = None, *, overwrite: bool = False
) -> BuildSummary:
    """Cut the items out of a catalogue's scans into an item bank.

    Args:
        catalogue_uri: Catalogue of annotated scans.
        items_uri: Bank to write, a ``.parquet`` file or a folder; it appears whole or not at all.
        config: How to cut and what to keep; None takes the defaults.
        overwrite: Replace a bank that is there.

    Returns:
        What was found.

    Raises:
        ObjectExists: Something is stored there and `overwrite` is not set.
        SourceError: The catalogue is none.
    """
    config = ItemsConfig() if config is None else config
    uri = bank_uri(items_uri)
    if not overwrite:
        refuse_existing(uri)
    scans = (
        scan for scan in iter_scans(read_catalogue(catalogue_uri)) if scan.status == "ok" and scan.objects
    )
    per_scan = map_in_order(partial(items_of_scan, config=config), scans, max_workers=config.workers)
    summary = BuildSummary()
    rows = _counted(_without_repeats(row for rows in per_scan for row in rows), summary)
    write_rows(
        uri,
        (row.to_row() for row in rows),
        schema=ITEMS_SCHEMA,
        kind=ITEMS_KIND,
        version=ITEMS_VERSION,
        batch_rows=_BATCH_ROWS,
    )
    return summary


def items_of_scan(scan: Scan, *, config: ItemsConfig) -> list[ItemRow]:
    """Make the rows of all objects of one scan, reading it at most once.

    Args:
        scan: A usable scan.
        config: Settings.

    Returns:
        One row per object, in the catalogue's order.
    """
    rows = [_bare_row(scan, thing) for thing in scan.objects]
    masked = [
        number for number, thing in enumerate(scan.objects) if thing.mask_rle and "crowd" not in thing.flags
    ]
    if not masked:
        return rows
    try:
        image = _read_again(scan)
    except RwscError as error:
        return [
            replace(row, status="failed", reason=one_line(error)) if number in masked else row
            for number, row in enumerate(rows)
        ]
    masks = {number: _mask(scan, scan.objects[number]) for number in masked}
    for number, mask_HW in masks.items():
        others_HW = _union([other for name, other in masks.items() if name != number], mask_HW)
        candidate = extract_item(
            image,
            mask_HW,
            air_level=np.asarray(scan.air_level, dtype=np.float32),
            on_air=scan.kind == "isolated",
            others_HW=others_HW,
            config=config,
        )
        rows[number] = _filled_row(rows[number], candidate, config)
    return rows


def _bare_row(scan: Scan, thing: ScanObject) -> ItemRow:
    """Make the row of an object that nothing was cut out of."""
    item_id = content_id(
        "item", str(scan.sha256), thing.label, ",".join(map(repr, thing.bbox_xywh)), thing.mask_rle or ""
    )
    return ItemRow(
        item_id=item_id,
        physical_item_id=_physical_item_id(scan, thing, item_id),
        label=thing.label,
        status="rejected",
        reason=_why_not_cut(thing),
        dataset=scan.dataset,
        licence=scan.licence,
        scanner_id=scan.scanner_id,
        split=scan.split,
        subset=scan.subset,
        group=scan.group,
        source_scan_id=str(scan.scan_id),
        source_bbox=thing.bbox_xywh,
    )


def _why_not_cut(thing: ScanObject) -> str:
    if not thing.is_usable:
        return "outside the picture"
    return "several objects under one mask (crowd)" if "crowd" in thing.flags else NO_MASK


def _physical_item_id(scan: Scan, thing: ScanObject, item_id: str) -> str:
    """Name the physical thing shown, as far as can be told.

    Provisional: scenes photographed together and the class stand for one thing, which joins things that are
    different. That errs on the safe side for splits, which must keep views of one thing together.
    """
    if scan.group is None:
        return item_id
    return content_id("physical", scan.dataset or "", scan.group, thing.label)


def _read_again(scan: Scan) -> np.ndarray:
    data = read_uri(str(scan.uri))
    if hashlib.sha256(data).hexdigest() != scan.sha256:
        raise RwscError("the scan's file has changed since it was indexed", remedy="index the source again")
    return without_alpha(decode_image(data))


def _mask(scan: Scan, thing: ScanObject) -> np.ndarray:
    return decode_rle(str(thing.mask_rle), height=int(scan.height or 0), width=int(scan.width or 0))


def _union(masks: list[np.ndarray], like_HW: np.ndarray) -> np.ndarray:
    union_HW = np.zeros_like(like_HW)
    for mask_HW in masks:
        union_HW |= mask_HW
    return union_HW


def _filled_row(row: ItemRow, candidate: Candidate, config: ItemsConfig) -> ItemRow:
    reason = gate(candidate.quality, config)
    return replace(
        row,
        status="ok" if reason is None else "rejected",
        reason=reason,
        source_bbox=[float(value) for value in candidate.bbox_xywh],
        width=candidate.alpha_HW.shape[1],
        height=candidate.alpha_HW.shape[0],
        method=candidate.method,
        transmission_png=encode_transmission(candidate.transmission_HWC),
        alpha_png=encode_alpha(candidate.alpha_HW),
        quality=candidate.quality,
    )


def _without_repeats(rows: Iterable[ItemRow]) -> Iterator[ItemRow]:
    """Reject an object that is annotated twice, so that an id names one row of status ok."""
    seen: set[str] = set()
    for row in rows:
        if row.item_id in seen and row.status == "ok":
            yield replace(row, status="rejected", reason="annotated twice")
        else:
            yield row
        seen.add(row.item_id)


def _counted(rows: Iterable[ItemRow], summary: BuildSummary) -> Iterator[ItemRow]:
    physical: set[str] = set()
    for row in rows:
        summary.num_rows += 1
        summary.by_status[row.status] += 1
        summary.by_class.setdefault(row.label, Counter())[row.status] += 1
        if row.reason:
            summary.by_reason[row.reason.split(":", 1)[0]] += 1
        if row.status == "ok":
            physical.add(row.physical_item_id)
            summary.num_physical_items = len(physical)
        yield row
