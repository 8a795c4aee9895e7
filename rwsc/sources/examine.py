"""Look at one listed image: read it once, check its annotations against it, make its catalogue row."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from rwsc.errors import ObjectMissing, RwscError, StorageError, UnreadableImage
from rwsc.physics.air import estimate_air_level, estimate_air_levels, scale_in_use
from rwsc.sources.bags import find_bags
from rwsc.sources.energies import sidecars_of, without_doubles
from rwsc.sources.json_fields import one_line
from rwsc.sources.licences import settle_licence
from rwsc.sources.likeness import perceptual_hash
from rwsc.sources.masks import MaskSizeMismatch, encode_rle, mask_from_segmentation
from rwsc.sources.outages import is_outage
from rwsc.sources.schema import BBox, Scan, ScanObject, Sidecar, SourceObject, SourceScan
from rwsc.sources.sidecar_text import MAX_JSON_BYTES
from rwsc.sources.sidecars import Annotation, DamagedAnnotation, parse_sidecar, settle_kind
from rwsc.sources.taxonomy import Taxonomy, load_taxonomy
from rwsc.sources.transparency import on_air, where_there, without_alpha
from rwsc.storage.energy_pairs import is_pair, read_pair
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
    taxonomy: Taxonomy = field(default_factory=load_taxonomy)
    limits: ImageLimits = DEFAULT_LIMITS


def examine(listed: SourceScan, defaults: Defaults) -> Scan:
    """Read one image and make its catalogue row; whatever is wrong with it becomes the row's reason.

    Args:
        listed: The image as its source lists it.
        defaults: What holds for the whole source.

    Returns:
        A row of status ok or failed.

    Raises:
        StorageError: The bucket that holds it is down.
    """
    stated = _stated(listed, defaults)
    if listed.uri is None or listed.problem is not None:
        return Scan(**stated, status="failed", reason=listed.problem or "no address")
    try:
        data = _read(listed.uri, max_bytes=defaults.limits.max_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        stated |= {"sha256": sha256, "scan_id": sha256[:16]}
        image = decode_image(data, limits=defaults.limits)
        listed = with_annotation(listed, (image.shape[1], image.shape[0]))
        seen = {"kind": listed.kind} | _seen(listed, image, defaults, stated["dataset"])
    except _RowFailed as error:
        return Scan(**stated, status="failed", reason=str(error))
    except (UnreadableImage, DamagedAnnotation) as error:
        return Scan(**stated, status="failed", reason=one_line(error))
    except RwscError:
        raise
    except Exception as error:  # noqa: BLE001 - one image must not cost the others; its row tells what it was
        return Scan(**stated, status="failed", reason=one_line(f"{type(error).__name__}: {error}"))
    return Scan(**stated | seen, status="ok")


def with_annotation(listed: SourceScan, image_size_wh: tuple[int, int]) -> SourceScan:
    """Read the annotation file of a listed image, where it has one, and put what it states into the listing.

    A scan whose two energies lie in two files may have one for each; what both state alike is one object.

    Args:
        listed: The image as its source lists it.
        image_size_wh: Width and height of the image, in pixels.

    Returns:
        The image with all its objects and no annotation file left to read.

    Raises:
        DamagedAnnotation: The file is missing, cannot be read or is damaged; what the image shows is unknown.
        StorageError: The bucket that holds it is down.
    """
    if listed.sidecar is None:
        return listed
    found = [_annotation(sidecar, image_size_wh) for sidecar in sidecars_of(listed.sidecar)]
    stated: tuple[SourceObject, ...] = ()
    for annotation in found:
        stated = without_doubles(stated, annotation.objects)
    flags = (*listed.flags, *(flag for annotation in found for flag in annotation.flags))
    kind, together = settle_kind(listed.kind, Annotation(objects=(*listed.objects, *stated), flags=flags))
    sizes = zip(listed.stated_size_wh, *(annotation.stated_size_wh for annotation in found), strict=True)
    width, height = (next((side for side in sides if side is not None), None) for sides in sizes)
    return replace(
        listed,
        kind=kind,
        objects=together.objects,
        flags=tuple(dict.fromkeys(together.flags)),
        stated_size_wh=(width, height),
        sidecar=None,
    )


def _annotation(sidecar: Sidecar, image_size_wh: tuple[int, int]) -> Annotation:
    name = sidecar.uri.rsplit("/", 1)[-1]
    try:
        return parse_sidecar(sidecar, _read(sidecar.uri, max_bytes=MAX_JSON_BYTES), image_size_wh)
    except _RowFailed as error:
        raise DamagedAnnotation(f"annotation {name}: {error}") from None
    except DamagedAnnotation as error:
        raise DamagedAnnotation(f"annotation {name}: {one_line(error)}") from None


class _RowFailed(Exception):
    """A file cannot be read, and that costs one row; the message says why, on one line."""


def _read(uri: str, *, max_bytes: int) -> bytes:
    """Read a file, or both energies of a scan; of a file larger than the limit nothing is read."""
    read = partial(read_uri, max_bytes=max_bytes)
    try:
        return read_pair(uri, read) if is_pair(uri) else read(uri)
    except ObjectMissing as error:
        raise _RowFailed(one_line(error) if is_pair(uri) else "no such file") from None
    except StorageError as error:
        if is_outage(error, uri):
            raise  # its scans are not to be written off as failed
        raise _RowFailed(one_line(error)) from None


def modality_of(image: np.ndarray) -> str:
    """Tell two energies, colour and gray apart by the pixels.

    Args:
        image: uint8 or uint16, (H, W), (H, W, 2) or (H, W, 3).

    Returns:
        ``dual_energy`` for two channels; ``gray`` where the channels of 99.9 % of the pixels agree but for compression
        noise; else ``colour``, also for a picture that was rendered of two energies.
    """
    if image.ndim == 2:
        return "gray"
    if image.shape[2] == 2:
        return "dual_energy"
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
        "view": listed.view,
        "modality": listed.modality,
    }


def _seen(listed: SourceScan, image: np.ndarray, defaults: Defaults, dataset: str | None) -> dict[str, Any]:
    height, width = image.shape[:2]
    flags = list(listed.flags)
    if any(
        size not in (None, seen) for size, seen in zip(listed.stated_size_wh, (width, height), strict=True)
    ):
        flags.append("size_mismatch")
    alpha_HW = where_there(image)
    air_level = [float(np.float32(level)) for level in _air_of(image, alpha_HW)]
    pixels = on_air(image, air_level)
    modality = modality_of(pixels)
    # A picture that was rendered of two energies may be called so, but holds none of them.
    if listed.modality not in (None, modality, "dual_energy"):
        flags.append("modality_mismatch")
    bags = find_bags(pixels, np.array(air_level)) if listed.kind != "isolated" else []
    if listed.kind != "isolated" and len(bags) != 1:
        flags.append("several_bags" if bags else "no_bag")
    objects = [
        _fit_object(thing, listed, alpha_HW, size_wh=(width, height), limits=defaults.limits)
        for thing in listed.objects
    ]
    return {
        "width": width,
        "height": height,
        "bit_depth": 8 * image.dtype.itemsize,
        "modality": modality,
        "air_level": air_level,
        "perceptual_hash": perceptual_hash(pixels),
        "bags": bags,
        "objects": [
            replace(thing, label=defaults.taxonomy.find(thing.label, dataset) or thing.label)
            for thing in objects
        ],
        "flags": flags,
    }


def _air_of(image: np.ndarray, alpha_HW: np.ndarray | None) -> np.ndarray:
    """Give the grey level of air, a number per channel."""
    pixels = without_alpha(image)
    if alpha_HW is not None:
        # A cut-out may hold no air at all: the brightest that its bits can show is put where nothing is.
        pixels = on_air(image, [scale_in_use(pixels[alpha_HW][None] if alpha_HW.any() else pixels)])
    has_two_energies = pixels.ndim == 3 and pixels.shape[2] == 2
    return estimate_air_levels(pixels) if has_two_energies else estimate_air_level(pixels)


def _fit_object(
    thing: SourceObject,
    listed: SourceScan,
    alpha_HW: np.ndarray | None,
    *,
    size_wh: tuple[int, int],
    limits: ImageLimits,
) -> ScanObject:
    bbox_xywh, flags = thing.bbox_xywh, list(thing.flags)
    width, height = size_wh
    if bbox_xywh is not None:
        bbox_xywh, box_flags = fit_box(bbox_xywh, width=width, height=height)
        flags += box_flags
    mask_HW = None
    if "outside" not in flags:
        mask_HW, mask_flags = _read_mask(thing, width=width, height=height, limits=limits)
        flags += mask_flags
        if mask_HW is None and _is_cut_out(listed, alpha_HW):
            mask_HW = alpha_HW
            flags.append("alpha_mask")
    if bbox_xywh is None:
        flags.append("no_box")
        if mask_HW is not None:
            bbox_xywh = tight_box(mask_HW)
        elif listed.kind == "isolated":
            # An item alone on the belt is found by its shadow.
            bbox_xywh = (0.0, 0.0, float(width), float(height))
        else:
            bbox_xywh = (0.0, 0.0, 0.0, 0.0)
            flags.append("outside")
    return ScanObject(
        label=thing.label,
        source_label=thing.label,
        bbox_xywh=list(bbox_xywh),
        mask_rle=None if mask_HW is None else encode_rle(mask_HW),
        flags=list(dict.fromkeys(flags)),
    )


def _is_cut_out(listed: SourceScan, alpha_HW: np.ndarray | None) -> bool:
    """Say whether a picture's alpha is the mask of its only object."""
    is_alone = listed.kind == "isolated" and len(listed.objects) == 1
    return is_alone and alpha_HW is not None and bool(alpha_HW.any())


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
    except (RwscError, ValueError) as error:
        if is_outage(error, thing.mask_uri):
            raise  # its scans are not to be written off as without masks
        return None, ["mask_unreadable"]
    if mask_HW.shape != (height, width):
        return None, ["mask_size_mismatch"]
    return (mask_HW, []) if mask_HW.any() else (None, ["mask_empty"])


def _mask_from_file(uri: str, limits: ImageLimits) -> np.ndarray:
    mask = without_alpha(decode_image(read_uri(uri, max_bytes=limits.max_bytes), limits=limits))
    return np.asarray(mask > 0 if mask.ndim == 2 else (mask > 0).any(axis=2))
