"""Look at one listed image: read it once, check its annotations against it, make its catalogue row."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from rwsc.errors import AccessDenied, ObjectMissing, RwscError, StorageError, UnreadableImage
from rwsc.physics.air import estimate_air_level, scale_in_use
from rwsc.sources.json_fields import one_line
from rwsc.sources.licences import settle_licence
from rwsc.sources.masks import MaskSizeMismatch, encode_rle, mask_from_segmentation
from rwsc.sources.schema import BBox, Scan, ScanObject, SourceObject, SourceScan
from rwsc.storage.addresses import is_s3
from rwsc.storage.images import DEFAULT_LIMITS, ImageLimits, decode_image
from rwsc.storage.prefix import read_uri

_GRAY_SPREAD = 8 / 255
_GRAY_SHARE = 0.999
_GRAY_SAMPLED = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Defaults:
    """What holds for all images of a source unless they say otherwise."""

    dataset: str | None = None
    licence: str | None = None
    limits: ImageLimits = DEFAULT_LIMITS


def examine(listed: SourceScan, defaults: Defaults) -> Scan:
    """Read one image and make its catalogue row; whatever is wrong with it becomes the row's reason.

    Args:
        listed: The image as its source lists it.
        defaults: What holds for the whole source.

    Returns:
        A row of status ok or failed.
    """
    stated = _stated(listed, defaults)
    if listed.uri is None:
        return Scan(**stated, status="failed", reason=listed.problem or "no address")
    try:
        data = read_uri(listed.uri)
    except ObjectMissing:
        return Scan(**stated, status="failed", reason="no such file")
    except StorageError as error:
        # A bucket that is down ends the run: its scans are not to be written off as failed.
        if is_s3(listed.uri) and not isinstance(error, AccessDenied):
            raise
        return Scan(**stated, status="failed", reason=one_line(error))
    sha256 = hashlib.sha256(data).hexdigest()
    stated |= {"sha256": sha256, "scan_id": sha256[:16]}
    try:
        image = decode_image(data, limits=defaults.limits)
    except UnreadableImage as error:
        return Scan(**stated, status="failed", reason=one_line(error))
    return Scan(**stated | _seen(listed, without_alpha(image), defaults.limits), status="ok")


def without_alpha(image: np.ndarray) -> np.ndarray:
    """Drop a fourth channel, which is coverage and no measurement."""
    return np.ascontiguousarray(image[..., :3]) if image.ndim == 3 and image.shape[2] == 4 else image


def modality_of(image: np.ndarray) -> str:
    """Tell colour from gray by the pixels.

    Args:
        image: uint8 or uint16, (H, W) or (H, W, 3).

    Returns:
        ``gray`` where the channels of 99.9 % of the pixels agree but for compression noise; else ``colour``.
    """
    if image.ndim == 2:
        return "gray"
    step = max(1, round((image.shape[0] * image.shape[1] / _GRAY_SAMPLED) ** 0.5))
    red_HW, green_HW, blue_HW = (image[::step, ::step, channel] for channel in range(3))
    spread_HW = np.maximum(np.maximum(red_HW, green_HW), blue_HW) - np.minimum(
        np.minimum(red_HW, green_HW), blue_HW
    )
    is_gray = np.mean(spread_HW <= _GRAY_SPREAD * scale_in_use(image)) >= _GRAY_SHARE
    return "gray" if is_gray else "colour"


def fit_box(bbox_xywh: BBox, *, width: int, height: int) -> tuple[BBox, list[str]]:
    """Bring a stated box into the picture.

    Args:
        bbox_xywh: Box as stated.
        width: Columns of the picture.
        height: Rows of the picture.

    Returns:
        The box and what was the matter: ``swapped`` (negative sides turned round), ``clipped`` (cut at the
        picture's edge), ``empty``, ``outside`` (nothing of it lies in the picture; left as it is).
    """
    x, y, w, h = bbox_xywh
    flags = ["swapped"] if w < 0 or h < 0 else []
    x0, x1 = sorted((x, x + w))
    y0, y1 = sorted((y, y + h))
    if w == 0 or h == 0:
        return (x0, y0, x1 - x0, y1 - y0), [*flags, "empty", "outside"]
    inside = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return (x0, y0, x1 - x0, y1 - y0), [*flags, "outside"]
    if inside != (x0, y0, x1, y1):
        flags.append("clipped")
    return (inside[0], inside[1], inside[2] - inside[0], inside[3] - inside[1]), flags


def _stated(listed: SourceScan, defaults: Defaults) -> dict[str, Any]:
    dataset = listed.dataset or defaults.dataset
    return {
        "uri": listed.uri,
        "kind": listed.kind,
        "dataset": dataset,
        "licence": settle_licence(listed.licence, defaults.licence, dataset),
        "scanner_id": listed.scanner_id,
        "split": listed.split,
        "subset": listed.subset,
        "group": listed.group,
        "modality": listed.modality,
    }


def _seen(listed: SourceScan, image: np.ndarray, limits: ImageLimits) -> dict[str, Any]:
    height, width = image.shape[:2]
    flags = list(listed.flags)
    if any(
        size not in (None, seen) for size, seen in zip(listed.stated_size_wh, (width, height), strict=True)
    ):
        flags.append("size_mismatch")
    modality = modality_of(image)
    if listed.modality == "dual_energy":
        modality = "dual_energy"  # pixels of a rendered picture do not show it
    elif listed.modality not in (None, modality):
        flags.append("modality_mismatch")
    return {
        "width": width,
        "height": height,
        "bit_depth": 8 * image.dtype.itemsize,
        "modality": modality,
        "air_level": [float(np.float32(level)) for level in estimate_air_level(image)],
        "objects": [
            _fit_object(thing, width=width, height=height, limits=limits) for thing in listed.objects
        ],
        "flags": flags,
    }


def _fit_object(thing: SourceObject, *, width: int, height: int, limits: ImageLimits) -> ScanObject:
    bbox_xywh, flags = thing.bbox_xywh, list(thing.flags)
    if bbox_xywh is not None:
        bbox_xywh, box_flags = fit_box(bbox_xywh, width=width, height=height)
        flags += box_flags
    mask_HW = None
    if "outside" not in flags:
        mask_HW, mask_flags = _read_mask(thing, width=width, height=height, limits=limits)
        flags += mask_flags
    if bbox_xywh is None:
        flags += ["no_box"] if mask_HW is not None else ["no_box", "outside"]
        bbox_xywh = tight_box(mask_HW) if mask_HW is not None else (0.0, 0.0, 0.0, 0.0)
    return ScanObject(
        label=thing.label,
        bbox_xywh=list(bbox_xywh),
        mask_rle=None if mask_HW is None else encode_rle(mask_HW),
        flags=list(dict.fromkeys(flags)),
    )


def tight_box(mask_HW: np.ndarray) -> BBox:
    """Give the smallest box around a mask that is not empty."""
    rows = np.flatnonzero(mask_HW.any(axis=1))
    columns = np.flatnonzero(mask_HW.any(axis=0))
    x0, y0 = float(columns[0]), float(rows[0])
    return x0, y0, float(columns[-1]) + 1 - x0, float(rows[-1]) + 1 - y0


def _read_mask(
    thing: SourceObject, *, width: int, height: int, limits: ImageLimits
) -> tuple[np.ndarray | None, list[str]]:
    """Read an object's mask; give None and a flag where it cannot be used."""
    if "mask_unreadable" in thing.flags or (thing.mask_uri is None and thing.segmentation is None):
        return None, []
    try:
        if thing.mask_uri is not None:
            mask_HW = _mask_from_file(thing.mask_uri, limits)
        else:
            mask_HW = mask_from_segmentation(thing.segmentation or [], height=height, width=width)
    except MaskSizeMismatch:
        return None, ["mask_size_mismatch"]
    except ObjectMissing:
        return None, ["mask_missing"]
    except (RwscError, ValueError):
        return None, ["mask_unreadable"]
    if mask_HW.shape != (height, width):
        return None, ["mask_size_mismatch"]
    return (mask_HW, []) if mask_HW.any() else (None, ["mask_empty"])


def _mask_from_file(uri: str, limits: ImageLimits) -> np.ndarray:
    mask = without_alpha(decode_image(read_uri(uri), limits=limits))
    return np.asarray(mask > 0 if mask.ndim == 2 else (mask > 0).any(axis=2))
