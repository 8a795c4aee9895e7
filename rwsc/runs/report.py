"""Report on a corpus: count its manifest, hold a sample of its images against their bags, write one page."""

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from rwsc.corpus.claim import read_corpus_card
from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.containers import ImageReader
from rwsc.corpus.display import Pixels, to_rgb8, with_marks
from rwsc.corpus.drift import Drift
from rwsc.corpus.pixel_check import check_pixels
from rwsc.corpus.plan import PlannedImage
from rwsc.corpus.plan_store import StoredPlan
from rwsc.corpus.report_counts import ReportCounts
from rwsc.corpus.report_page import Report, SampleImage, render_report, to_json
from rwsc.corpus.sample import is_of_sample
from rwsc.corpus.summary import REPORT_KEY
from rwsc.errors import ConfigError, RwscError, SourceError
from rwsc.runs.talk import say
from rwsc.sources.reread import read_indexed
from rwsc.sources.transparency import on_air
from rwsc.storage.images import ImageLimits, decode_image
from rwsc.storage.prefix import Prefix, absolute_uri, uri_exists, write_uri

SHOWN_IMAGES = 24
_SHOWN_PX = 420


@dataclass(slots=True)
class _Compared:
    """What the sample of images gave."""

    drift: Drift = field(default_factory=Drift)
    faults: Counter[str] = field(default_factory=Counter)
    number: int = 0
    missing: int = 0
    show_every: int = 1
    """Of so many images that are compared, one is shown."""

    shown: list[SampleImage] = field(default_factory=list)


def write_report(
    corpus_uri: str, page_uri: str, *, sample: int, max_drift_nepers: float, overwrite: bool
) -> dict[str, Any]:
    """Write the report of a corpus, finished or not.

    Args:
        corpus_uri: The corpus.
        page_uri: Where the page goes.
        sample: Images that are held against their bags, spread evenly over the plan.
        max_drift_nepers: Drift of attenuation from which on the corpus is taken for unlike real bags.
        overwrite: Replace a page that is there.

    Returns:
        What was found, as plain values; ``ok`` says whether every check is good.

    Raises:
        RwscError: There is no such corpus, or the page is there already.
    """
    corpus, page_uri = Prefix(corpus_uri), absolute_uri(page_uri)
    if not overwrite and uri_exists(page_uri):
        raise ConfigError(f"{page_uri} exists already", remedy="give another name, or --overwrite")
    card = read_corpus_card(corpus)
    plan = StoredPlan(corpus)
    shards, done = plan.shards(), committed_shards(corpus)
    num_wanted = min(sample, plan.num_images)
    compared, counts = _Compared(show_every=max(1, num_wanted // SHOWN_IMAGES)), ReportCounts()
    limits = ImageLimits(max_pixels=int(card["settings"].get("max_pixels") or 100_000_000))
    shard_images = max((shard.num_images for shard in shards), default=1)
    images = ImageReader(corpus)
    for shard in (shard for shard in shards if shard.shard_id in done):
        rows = read_rows(corpus, shard.shard_id)
        for row in rows:
            counts.add(row)
        chosen = [
            row
            for place, row in enumerate(rows, start=shard.number * shard_images)
            if row["status"] == "made" and is_of_sample(place, wanted=num_wanted, total=plan.num_images)
        ]
        if chosen:
            planned = {
                image.image_id: image
                for image in plan.shard(shard.shard_id, shard.number, shard_images=shard_images)
            }
            for row in chosen:
                _compare(images, row, planned.get(row["image_id"]), compared, limits)
    report = Report(
        corpus=corpus.uri,
        card=card,
        counts=counts,
        drift=compared.drift,
        num_compared=compared.number,
        faults=compared.faults,
        missing=compared.missing,
        max_drift_nepers=max_drift_nepers,
        samples=compared.shown,
        num_uncommitted=sum(shard.shard_id not in done for shard in shards),
        seconds=_seconds(corpus),
    )
    write_uri(page_uri, render_report(report).encode(), overwrite=overwrite)
    say(f"{counts.tally.totals().made:,} images counted, {compared.number:,} held against their bags")
    return to_json(report)


def _compare(
    images: ImageReader,
    row: dict[str, Any],
    planned: PlannedImage | None,
    compared: _Compared,
    limits: ImageLimits,
) -> None:
    try:
        if planned is None:
            raise SourceError(f"{row['image_id']} is not planned", remedy="rwsc verify says more")
        pixels = _pixels(images, row, planned, limits)
        found = check_pixels(row, pixels)
    except (RwscError, ValueError):
        compared.missing += 1
        return
    compared.number += 1
    compared.faults.update(found.faults)
    compared.drift.add(pixels.made, pixels.scan, pixels.air_level)
    if compared.number % compared.show_every == 0 and len(compared.shown) < SHOWN_IMAGES:
        compared.shown.append(_show(row, pixels))


def _pixels(images: ImageReader, row: dict[str, Any], planned: PlannedImage, limits: ImageLimits) -> Pixels:
    scan = on_air(read_indexed(planned.scan_uri, planned.scan_sha256), planned.air_level)
    made = decode_image(images.read(str(row["uri"])), limits=limits)
    if made.shape != scan.shape:
        raise SourceError(f"{row['uri']} has another shape than its bag", remedy="rwsc verify says more")
    return Pixels(scan=scan, air_level=np.asarray(planned.air_level, dtype=np.float64), made=made)


def _show(row: dict[str, Any], pixels: Pixels) -> SampleImage:
    labelled = [*row["objects"], *(row["bag_objects"] or [])]
    marked = with_marks(
        to_rgb8(pixels.made, pixels.air_level), labelled, [*row["empty_insertions"], *row["distractors"]]
    )
    scale = _SHOWN_PX / max(marked.shape[:2])
    if scale < 1:
        marked = cv2.resize(marked, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    named = ", ".join(dict.fromkeys(thing["label"] for thing in labelled)) or f"no label ({row['role']})"
    return SampleImage(image_id=row["image_id"], text=named, picture=marked)


def _seconds(corpus: Prefix) -> float | None:
    try:
        seconds = float(json.loads(corpus.read(REPORT_KEY))["seconds"])
    except (RwscError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return seconds if 0 < seconds < math.inf else None
