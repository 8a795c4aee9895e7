"""Cut the items out of one scan: for each object, the best of what its annotation allows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

import numpy as np

from rwsc.errors import ObjectMissing, RwscError, SourceError
from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Candidate, Cut, extract_item
from rwsc.items.in_box import SeesBoxes, mask_in_box
from rwsc.items.on_air import mask_on_air
from rwsc.items.pixels import encode_alpha, encode_transmission
from rwsc.items.quality import gate
from rwsc.items.scan_attenuation import alpha_of, picture_attenuation, scan_attenuation
from rwsc.items.schema import ItemRow
from rwsc.seeds import content_id
from rwsc.sources.json_fields import one_line
from rwsc.sources.masks import decode_rle
from rwsc.sources.outages import is_outage
from rwsc.sources.reread import read_indexed
from rwsc.sources.schema import BBox, Scan, ScanObject

NOTHING_SEEN = "no item seen in its box"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotCut:
    """An object that nothing was cut out of."""

    status: Literal["rejected", "failed"]
    """failed: of what goes wrong in no way foreseen."""

    reason: str


def items_of_scan(scan: Scan, *, config: ItemsConfig, outliner: SeesBoxes) -> list[ItemRow]:
    """Make the rows of all objects of one scan, reading it at most once.

    The best rung that applies is taken, and `method` says which: the picture's own alpha channel or a mask of an
    item alone on the belt (``given``); an item alone on the belt without either, found by its attenuation
    (``threshold``); a mask in a bag (``mask_unmixed``); a box alone (``box_unmixed``).

    Args:
        scan: A usable scan.
        config: Settings.
        outliner: What finds items in boxes.

    Returns:
        One row per object, in the catalogue's order. What goes wrong with an object fails its row alone.

    Raises:
        StorageError: The bucket that holds the scan is down.
    """
    rows = [_bare_row(scan, thing) for thing in scan.objects]
    wanted = [number for number, thing in enumerate(scan.objects) if _why_not_cut(scan, thing) is None]
    if not wanted:
        return rows
    image = _read(scan)
    if isinstance(image, NotCut):
        return [
            replace(row, status="failed", reason=image.reason) if number in wanted else row
            for number, row in enumerate(rows)
        ]
    results = _tried(partial(cut_objects, scan, image, config=config, outliner=outliner))
    if isinstance(results, NotCut):
        results = dict.fromkeys(wanted, results)
    for number, result in results.items():
        row = rows[number]
        made = result if isinstance(result, NotCut) else _tried(partial(_filled_row, row, result, config))
        rows[number] = (
            replace(row, status=made.status, reason=made.reason) if isinstance(made, NotCut) else made
        )
    return rows


def cut_objects(
    scan: Scan, image: np.ndarray, *, config: ItemsConfig, outliner: SeesBoxes
) -> dict[int, Candidate | NotCut]:
    """Cut out what can be cut out of a scan that has been read.

    Args:
        scan: A usable scan.
        image: Its pixels, with the alpha channel where it has one.
        config: Settings.
        outliner: What finds items in boxes.

    Returns:
        By place among the scan's objects, the cut-out or why there is none.
    """
    attenuation_HWC = scan_attenuation(image, scan)
    colour_HWC = picture_attenuation(attenuation_HWC)
    cuts: dict[int, Cut] = {}
    results: dict[int, Candidate | NotCut] = {}
    for number, thing in enumerate(scan.objects):
        if (reason := _why_not_cut(scan, thing)) is not None:
            results[number] = NotCut("rejected", reason)
            continue
        found = _tried(partial(_find, scan, thing, image, attenuation_HWC, colour_HWC, outliner))
        if isinstance(found, NotCut):
            results[number] = found
        else:
            cuts[number] = found
    for number, cut in cuts.items():
        whole = replace(cut, others_HW=_others(cuts, number))
        results[number] = _tried(partial(extract_item, attenuation_HWC, whole, config))
    return results


def _read(scan: Scan) -> np.ndarray | NotCut:
    """Read a scan. A bucket that is down ends the run: its items are not to be written off as failed."""
    try:
        return read_indexed(scan.uri, scan.sha256)
    except Exception as error:
        if is_outage(error, scan.uri) and not isinstance(error, ObjectMissing):
            raise
        return NotCut("failed", _told(error))


def _tried(work: Callable[[], T]) -> T | NotCut:
    try:
        return work()
    except RwscError as error:
        return NotCut("rejected", _told(error))
    except Exception as error:  # noqa: BLE001 - one object must not cost the others; its row tells what it was
        return NotCut("failed", _told(error))


def _told(error: Exception) -> str:
    return one_line(error if isinstance(error, RwscError) else f"{type(error).__name__}: {error}")


def _why_not_cut(scan: Scan, thing: ScanObject) -> str | None:
    """Say why nothing can be cut out for an annotation, or None where it can be tried."""
    if not thing.is_usable:
        return "outside the picture"
    if "crowd" in thing.flags:
        return "several objects under one mask (crowd)"
    if "harmless" in thing.flags:
        return "harmless, says its source"
    if scan.kind != "isolated" and thing.mask_rle is None and "no_box" in thing.flags:
        return "neither a box nor a mask"
    return None


def _find(
    scan: Scan,
    thing: ScanObject,
    image: np.ndarray,
    attenuation_HWC: np.ndarray,
    colour_HWC: np.ndarray,
    outliner: SeesBoxes,
) -> Cut:
    """Take the best rung of the ladder for one object; raises RwscError where nothing is found."""
    if thing.mask_rle is not None:
        mask_HW = _mask(thing.mask_rle, image.shape)
        if scan.kind != "isolated":
            return Cut(mask_HW=mask_HW, method="mask_unmixed")
        alpha_HW = alpha_of(image) if "alpha_mask" in thing.flags else None
        return Cut(mask_HW=mask_HW, method="given", alpha_HW=alpha_HW)
    bbox_xywh = _box(thing)
    if scan.kind == "isolated":
        box_xywh = None if "no_box" in thing.flags else bbox_xywh
        mask_HW = mask_on_air(attenuation_HWC, box_xywh, _other_boxes(scan, thing))
        return Cut(mask_HW=mask_HW, method="threshold", bbox_xywh=box_xywh)
    found = mask_in_box(colour_HWC, bbox_xywh, outliner)
    if not found.mask_HW.any():
        raise RwscError(NOTHING_SEEN)
    return Cut(mask_HW=found.mask_HW, method="box_unmixed", bbox_xywh=bbox_xywh, confidence=found.confidence)


def _mask(mask_rle: str, shape_hw: tuple[int, ...]) -> np.ndarray:
    try:
        mask_HW = decode_rle(mask_rle, height=shape_hw[0], width=shape_hw[1])
    except ValueError as error:
        raise SourceError(f"damaged mask: {error}", remedy="index the source again") from None
    if not mask_HW.any():
        raise SourceError("empty mask", remedy="index the source again")
    return mask_HW


def _box(thing: ScanObject) -> BBox:
    x, y, w, h = thing.bbox_xywh
    return x, y, w, h


def _other_boxes(scan: Scan, thing: ScanObject) -> list[BBox]:
    others = (other for other in scan.objects if other is not thing)
    return [_box(other) for other in others if other.is_usable and "no_box" not in other.flags]


def _others(cuts: Mapping[int, Cut], number: int) -> np.ndarray:
    union_HW = np.zeros_like(cuts[number].mask_HW)
    for other, cut in cuts.items():
        if other != number:
            union_HW |= cut.mask_HW
    return union_HW


def _bare_row(scan: Scan, thing: ScanObject) -> ItemRow:
    """Make the row of an object that nothing was cut out of."""
    item_id = content_id(
        "item", str(scan.sha256), thing.label, ",".join(map(repr, thing.bbox_xywh)), thing.mask_rle or ""
    )
    return ItemRow(
        item_id=item_id,
        physical_item_id=item_id,  # which items show one thing is known when all have been seen
        label=thing.label,
        status="rejected",
        reason=_why_not_cut(scan, thing),
        dataset=scan.dataset,
        licence=scan.licence,
        scanner_id=scan.scanner_id,
        split=scan.split,
        subset=scan.subset,
        group=scan.group,
        view=scan.view,
        source_scan_id=str(scan.scan_id),
        source_bbox=thing.bbox_xywh,
    )


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
