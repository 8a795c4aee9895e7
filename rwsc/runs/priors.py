"""Learn placement priors from the annotated scans of a catalogue, and read them again."""

import json
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from pydantic import ValidationError

from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ConfigError, RwscError, SourceError
from rwsc.physics.transmission import to_attenuation, to_transmission
from rwsc.placement.config import UNIFORM
from rwsc.placement.occlusion import luminance
from rwsc.placement.priors import Box, Observation, Priors, direction_of, learn_priors
from rwsc.runs.talk import say
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.json_fields import one_line
from rwsc.sources.masks import decode_rle
from rwsc.sources.parallel import DEFAULT_WORKERS, map_in_order
from rwsc.sources.reread import read_indexed
from rwsc.sources.row_file import refuse_existing
from rwsc.sources.schema import Scan, ScanObject
from rwsc.sources.transparency import on_air
from rwsc.storage.prefix import absolute_uri, read_uri, write_uri

MAX_READ = 2000
"""Scans whose pixels are looked at for densities; more would not move the deciles."""

_MAX_BYTES = 1 << 20
_RING_SHARE = 0.15
_MIN_RING_PX = 3
_MIN_ASPECT = 1.5


def learn_from_catalogue(catalogue_uri: str, output_uri: str, *, overwrite: bool = False) -> Priors:
    """Learn where the objects of a catalogue lie in their bags, and write it.

    Positions and sizes come from all rows of threat scans; densities from the pixels of up to `MAX_READ` of them,
    of which a scan that cannot be read any more is left out.

    Args:
        catalogue_uri: Catalogue of annotated scans.
        output_uri: JSON file to write; local or s3://.
        overwrite: Replace what is there.

    Returns:
        What was learned.

    Raises:
        ObjectExists: Something is stored there and `overwrite` is not set.
        SourceError: The catalogue is none, or no object of it lies in a bag.
    """
    uri = absolute_uri(output_uri)
    if not overwrite:
        refuse_existing(uri)
    threats = (
        scan
        for scan in iter_scans(read_catalogue(catalogue_uri))
        if scan.status == "ok" and scan.kind == "threat" and scan.bags
    )
    # A scan's id is its hash: the first ones of the sorted ids are any ones.
    scans = sorted(threats, key=lambda scan: str(scan.scan_id))
    seen = [
        *_look_at(scans[:MAX_READ]),
        *(each for scan in scans[MAX_READ:] for each in _observe(scan, None)),
    ]
    if not seen:
        raise SourceError(
            f"no annotated object of {catalogue_uri} lies in a bag, so there is nothing to learn from",
            remedy="use a catalogue of threat scans; rwsc sources check shows what a source holds",
        )
    priors = learn_priors(seen)
    write_uri(uri, (priors.model_dump_json(indent=1) + "\n").encode(), overwrite=overwrite)
    return priors


def read_priors(uri: str) -> Priors:
    """Read priors.

    Args:
        uri: A file that `learn_from_catalogue` wrote; local or s3://.

    Returns:
        The priors.

    Raises:
        ConfigError: The file holds something else.
        StorageError: It cannot be read.
    """
    data = read_uri(uri, max_bytes=_MAX_BYTES)
    try:
        return Priors.model_validate(json.loads(data))
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, RecursionError) as error:
        what = str(error)
    raise ConfigError(
        f"{uri} holds no placement priors: {one_line(what)[:160]}", remedy="rwsc items priors writes them"
    )


def with_priors(config: SynthConfig) -> SynthConfig:
    """Put the priors that a run's settings name in the place of their address, so that they identify the run."""
    named = config.placement.priors
    if isinstance(named, Priors) or named == UNIFORM:
        return config
    placement = config.placement.model_copy(update={"priors": read_priors(absolute_uri(named))})
    return config.model_copy(update={"placement": placement})


def _look_at(scans: Sequence[Scan]) -> Iterator[Observation]:
    num_lost = 0
    for found in map_in_order(_read_and_observe, scans, max_workers=DEFAULT_WORKERS):
        if isinstance(found, RwscError):
            num_lost += 1
        else:
            yield from found
    if num_lost:
        say(f"warning: {num_lost:,} scans cannot be read any more and are left out")


def _read_and_observe(scan: Scan) -> list[Observation] | RwscError:
    air_level = np.asarray(scan.air_level, dtype=np.float64)
    try:
        image = on_air(read_indexed(scan.uri, scan.sha256), air_level)
    except RwscError as error:
        return error
    transmission = to_transmission(image, air_level)
    return _observe(scan, to_attenuation(luminance(transmission)))


def _observe(scan: Scan, attenuation_HW: np.ndarray | None) -> list[Observation]:
    bags = [_box(bag.bbox_xywh) for bag in scan.bags]
    things = [thing for thing in scan.objects if thing.is_usable and min(thing.bbox_xywh[2:]) > 0]
    return [
        Observation(
            label=thing.label,
            bbox_xywh=_box(thing.bbox_xywh),
            bag_xywh=bag,
            density=None
            if attenuation_HW is None
            else _density_around(_box(thing.bbox_xywh), attenuation_HW),
            direction_deg=_direction(scan, thing),
        )
        for thing in things
        if (bag := _bag_of(_box(thing.bbox_xywh), bags)) is not None
    ]


def _box(sides: Sequence[float]) -> Box:
    x, y, width, height = sides
    return x, y, width, height


def _bag_of(bbox_xywh: Box, bags: Sequence[Box]) -> Box | None:
    """Give the first, and so the largest, bag that holds the middle of a box."""
    x, y = bbox_xywh[0] + bbox_xywh[2] / 2, bbox_xywh[1] + bbox_xywh[3] / 2
    holds = (bag for bag in bags if bag[0] <= x < bag[0] + bag[2] and bag[1] <= y < bag[1] + bag[3])
    return next(holds, None)


def _density_around(bbox_xywh: Box, attenuation_HW: np.ndarray) -> float | None:
    """Give the median attenuation in a ring around a box: the bag without the object, nearly."""
    x0, y0, x1, y1 = _corners(bbox_xywh, 0)
    margin_px = max(_MIN_RING_PX, _RING_SHARE * max(bbox_xywh[2:]))
    left, top, right, bottom = _corners(bbox_xywh, margin_px)
    left, top = max(0, left), max(0, top)
    around_HW = attenuation_HW[top:bottom, left:right]
    is_ring_HW = np.ones(around_HW.shape, dtype=bool)
    is_ring_HW[max(0, y0 - top) : y1 - top, max(0, x0 - left) : x1 - left] = False
    return float(np.median(around_HW[is_ring_HW])) if is_ring_HW.any() else None


def _corners(bbox_xywh: Box, margin_px: float) -> tuple[int, int, int, int]:
    x, y, width, height = bbox_xywh
    return (
        round(x - margin_px),
        round(y - margin_px),
        round(x + width + margin_px),
        round(y + height + margin_px),
    )


def _direction(scan: Scan, thing: ScanObject) -> float | None:
    """Give the direction of an object's mask, where it has one and is longer than broad."""
    if thing.mask_rle is None or scan.height is None or scan.width is None:
        return None
    try:
        mask_HW = decode_rle(thing.mask_rle, height=scan.height, width=scan.width)
    except ValueError:
        return None
    if not mask_HW.any():
        return None
    left, top, width, height = cv2.boundingRect(mask_HW.astype(np.uint8))
    direction_deg, aspect = direction_of(mask_HW[top : top + height, left : left + width])
    return direction_deg if aspect >= _MIN_ASPECT else None
