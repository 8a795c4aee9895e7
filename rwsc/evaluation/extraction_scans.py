"""Cut masked items out of scans from their boxes alone, and hold the result against the masks."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from rwsc.errors import ConfigError, SourceError
from rwsc.evaluation.masks import grabcut_in_box, iou
from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Candidate
from rwsc.items.in_box import SeesBoxes
from rwsc.items.ladder import NotCut, cut_objects
from rwsc.items.quality import gate
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.masks import decode_rle
from rwsc.sources.reread import read_indexed
from rwsc.sources.schema import BBox, Scan, ScanObject
from rwsc.sources.transparency import without_alpha

_MAX_GROUPS_NAMED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanCheck:
    """What became of one masked item."""

    uri: str
    label: str
    group: str | None
    method: str | None
    """Rung of the ladder that the box alone led to; None where nothing was found."""

    iou: float
    """Overlap of the mask found from the box alone with the one that is given."""

    iou_grabcut: float | None
    """The same for OpenCV's GrabCut from the rectangle; None for scans of more than 8 bits."""

    confidence: float
    reason: str | None
    """Why the gate rejects what the box alone led to, or None."""

    recomposition_psnr_db: float | None
    """How well the item cut out by its mask, put back into the filled place, gives the scan: over its box, against
    the air level; infinite for equal pictures, None where the mask cannot be cut out."""


def check_scans(
    catalogue_uri: str,
    config: ItemsConfig,
    outliner: SeesBoxes,
    *,
    without_groups: Collection[str] = (),
) -> Iterator[ScanCheck]:
    """Check every masked object of a catalogue's usable scans.

    Args:
        catalogue_uri: The catalogue.
        config: Settings of the item bank.
        outliner: What finds items in boxes.
        without_groups: Groups of scans to leave out, such as those that settings were chosen on.

    Yields:
        ScanCheck: One per masked object.

    Raises:
        ConfigError: A group to leave out is that of no scan.
        SourceError: No usable scan has a mask, a mask is damaged, or a scan has changed since it was indexed.
    """
    for scan, masked, image in iter_masked(catalogue_uri, without_groups):
        for thing in masked:
            yield _check(scan, thing, image, config, outliner)


def iter_masked(
    catalogue_uri: str, without_groups: Collection[str] = ()
) -> Iterator[tuple[Scan, list[ScanObject], np.ndarray]]:
    """Go through a catalogue's usable scans that have masks.

    Args:
        catalogue_uri: The catalogue.
        without_groups: Groups of scans to leave out.

    Yields:
        tuple: A scan, its objects that have a mask, and its pixels.

    Raises:
        ConfigError: A group to leave out is that of no scan.
        SourceError: No usable scan has a mask, or a scan has changed since it was indexed.
    """
    catalogue, found_any = read_catalogue(catalogue_uri), False
    check_groups(catalogue, catalogue_uri, without_groups)
    for scan in iter_scans(catalogue):
        masked = [thing for thing in scan.objects if thing.mask_rle and "crowd" not in thing.flags]
        if scan.status != "ok" or not masked or scan.group in without_groups:
            continue
        found_any = True
        yield scan, masked, read_indexed(scan.uri, scan.sha256)
    if not found_any:
        raise SourceError(
            f"{catalogue_uri} has no masks to compare with", remedy="index scans that have masks"
        )


def check_groups(catalogue: pa.Table, uri: str, wanted: Collection[str]) -> None:
    """Refuse a group that no scan has: figures would be of scans that were meant to be left out.

    Args:
        catalogue: The catalogue.
        uri: Its address.
        wanted: Groups to leave out.

    Raises:
        ConfigError: A group is that of no scan.
    """
    known = sorted(set(catalogue["group"].to_pylist()) - {None})
    unknown = [group for group in wanted if group not in known]
    if unknown:
        more = f" and {len(known) - _MAX_GROUPS_NAMED:,} more" if len(known) > _MAX_GROUPS_NAMED else ""
        raise ConfigError(
            f"no scan of {uri} is of the group {', '.join(map(repr, unknown))}",
            remedy=f"groups there are {', '.join(known[:_MAX_GROUPS_NAMED])}{more}"
            if known
            else "leave the groups out: its scans state none",
        )


def given_mask(scan: Scan, thing: ScanObject, image: np.ndarray) -> np.ndarray:
    """Give the mask that an object came with.

    Args:
        scan: The scan.
        thing: An object of it that has a mask.
        image: The scan's pixels.

    Returns:
        True on the item, (H, W).

    Raises:
        SourceError: The mask is damaged.
    """
    try:
        return decode_rle(str(thing.mask_rle), height=image.shape[0], width=image.shape[1])
    except ValueError as error:
        raise SourceError(f"damaged mask of {scan.uri}: {error}", remedy="index the source again") from None


def _check(
    scan: Scan, thing: ScanObject, image: np.ndarray, config: ItemsConfig, outliner: SeesBoxes
) -> ScanCheck:
    true_HW = given_mask(scan, thing, image)
    from_box = _cut_by_box(scan, thing, image, config, outliner)
    from_mask = _cut(scan, thing, image, config, outliner)
    x, y, w, h = thing.bbox_xywh
    bbox_xywh: BBox = (x, y, w, h)
    return ScanCheck(
        uri=str(scan.uri),
        label=thing.label,
        group=scan.group,
        method=from_box.method if isinstance(from_box, Candidate) else None,
        iou=_iou_of(from_box, true_HW),
        iou_grabcut=_iou_grabcut(image, bbox_xywh, true_HW),
        confidence=from_box.quality.confidence if isinstance(from_box, Candidate) else 0.0,
        reason=gate(from_box.quality, config) if isinstance(from_box, Candidate) else from_box.reason,
        recomposition_psnr_db=(
            recomposition_psnr_db(image, from_mask, scan) if isinstance(from_mask, Candidate) else None
        ),
    )


def iou_from_box(
    scan: Scan, thing: ScanObject, image: np.ndarray, config: ItemsConfig, outliner: SeesBoxes
) -> float:
    """Cut an object out by its box alone, and compare with its mask.

    Args:
        scan: The scan.
        thing: An object of it that has a mask.
        image: The scan's pixels.
        config: Settings of the item bank.
        outliner: What finds items in boxes.

    Returns:
        Overlap of the two masks, 0 where nothing was found.

    Raises:
        SourceError: The mask is damaged.
    """
    return _iou_of(_cut_by_box(scan, thing, image, config, outliner), given_mask(scan, thing, image))


def _cut_by_box(
    scan: Scan, thing: ScanObject, image: np.ndarray, config: ItemsConfig, outliner: SeesBoxes
) -> Candidate | NotCut:
    return _cut(scan, replace(thing, mask_rle=None), image, config, outliner)


def _iou_of(found: Candidate | NotCut, true_HW: np.ndarray) -> float:
    return iou(mask_of(found, true_HW.shape), true_HW) if isinstance(found, Candidate) else 0.0


def _cut(
    scan: Scan, thing: ScanObject, image: np.ndarray, config: ItemsConfig, outliner: SeesBoxes
) -> Candidate | NotCut:
    return cut_objects(replace(scan, objects=[thing]), image, config=config, outliner=outliner)[0]


def mask_of(candidate: Candidate, shape_hw: tuple[int, ...]) -> np.ndarray:
    """Give the mask of a cut-out at the size of its scan: where it covers half a pixel or more."""
    x, y, w, h = candidate.bbox_xywh
    mask_HW = np.zeros(shape_hw[:2], dtype=bool)
    mask_HW[y : y + h, x : x + w] = candidate.alpha_HW >= 0.5
    return mask_HW


def _iou_grabcut(image: np.ndarray, bbox_xywh: BBox, true_HW: np.ndarray) -> float | None:
    seen = without_alpha(image)
    if seen.dtype != np.uint8:
        return None
    seen_HWC = np.broadcast_to(seen.reshape(*seen.shape[:2], -1), (*seen.shape[:2], 3))
    return iou(grabcut_in_box(seen_HWC, bbox_xywh), true_HW)


def recomposition_psnr_db(image: np.ndarray, candidate: Candidate, scan: Scan) -> float:
    """Put a cut-out back into its filled place, and compare with the scan.

    Args:
        image: The scan.
        candidate: The cut-out.
        scan: Its catalogue row.

    Returns:
        Peak signal to noise ratio in decibels over the cut-out's rectangle, the peak being the air level;
        infinite where both are equal.
    """
    x, y, w, h = candidate.bbox_xywh
    air_level = np.asarray(scan.air_level, dtype=np.float32)
    seen = without_alpha(image)[y : y + h, x : x + w].astype(np.float32).reshape(h, w, -1)
    seen_HWC = np.minimum(seen / air_level, 1)
    through_HWC = 1 - candidate.alpha_HW[..., None] * (1 - candidate.transmission_HWC)
    error = float(np.mean(np.square(candidate.bag_HWC * through_HWC - seen_HWC)))
    return float("inf") if error == 0 else -10 * float(np.log10(error))
