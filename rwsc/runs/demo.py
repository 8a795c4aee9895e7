"""The whole path on made-up scans: no data, no network, no GPU."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rwsc.corpus.coco import COCO_KEY
from rwsc.corpus.settings import SynthConfig
from rwsc.corpus.tally import CorpusTotals
from rwsc.errors import ObjectExists
from rwsc.items.build import build_items
from rwsc.items.config import ItemsConfig
from rwsc.physics.dual_energy import DETECTOR, transmit
from rwsc.physics.pseudo_colour import to_rgb8
from rwsc.physics.truth import draw_bag_matter, draw_item_matter
from rwsc.runs.preview import write_preview
from rwsc.runs.synthesize import synthesize
from rwsc.runs.talk import duration, say
from rwsc.runs.train import train
from rwsc.runs.weights import DEFAULT_WEIGHTS
from rwsc.seeds import stream
from rwsc.sources.index import index_to_catalogue
from rwsc.sources.masks import encode_rle
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix
from rwsc.training.losses import LossConfig
from rwsc.training.samples import SampleConfig
from rwsc.training.settings import TrainConfig

LICENCE = "phantom: made by rwsc, Apache-2.0"
LABELS = ("gun", "knife", "wrench", "pliers", "scissors")
SEED = 20_260
_TRUTH = 50.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoSize:
    """How much the demo makes."""

    num_bags: int = 48
    num_items: int = 40
    num_images: int = 64
    num_pairs: int = 48
    """Phantoms that the network is fitted to."""

    steps: int = 60
    batch: int = 8
    crop_px: int = 64


def run_demo(output: str, *, size: DemoSize = DemoSize()) -> CorpusTotals:
    """Draw phantoms, index them, cut items out, train, synthesize, and draw a preview sheet.

    Args:
        output: Folder for everything; a demo that was interrupted is taken up again.
        size: How much is made.

    Returns:
        Totals of the corpus.
    """
    demo = Prefix(output)
    demo.check_writable()
    started = time.monotonic()
    _stage("1/5 drawing made-up scans", lambda: write_phantoms(demo.child("scans"), size))
    catalogue, items = demo.uri_of("catalogue.parquet"), demo.uri_of("items")
    _stage("2/5 indexing them", lambda: _once(lambda: index_to_catalogue(demo.uri_of("scans"), catalogue)))
    _stage("3/5 cutting the items out", lambda: _once(lambda: build_items(catalogue, items, ItemsConfig())))
    _stage(
        "4/5 fitting the network that comes with rwsc to their console",
        lambda: train(_train_config(demo, size)),
    )
    totals = _stage("5/5 making the corpus", lambda: synthesize(_synth_config(demo, size)))
    sheet = demo.uri_of("preview.png")
    write_preview(demo.uri_of("corpus"), sheet, num_images=12, overwrite=True)
    _farewell(demo, totals, time.monotonic() - started)
    return totals


def write_phantoms(scans: Prefix, size: DemoSize) -> None:
    """Write made-up harmless bags and items alone on the belt, with a COCO file; does nothing twice.

    Args:
        scans: Folder of the scans.
        size: How many.
    """
    if scans.exists("annotations.json"):
        return
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(size.num_bags):
        rng = stream(SEED, "bag", number)
        height, width = int(rng.integers(300, 400)), int(rng.integers(380, 480))
        bag_MHW, _ = draw_bag_matter(rng, height, width)
        _write_scan(scans, images, f"bags/bag_{number:03d}.png", _scan(rng, bag_MHW), kind="benign")
    for number in range(size.num_items):
        label = LABELS[number % len(LABELS)]
        rng = stream(SEED, "item", number)
        item_MHW, cover_HW = draw_item_matter(rng, label, int(rng.integers(70, 150)))
        on_belt_MHW = np.pad(item_MHW, ((0, 0), (12, 12), (12, 12)))
        mask_HW = np.pad(cover_HW >= 0.5, 12)
        _write_scan(
            scans, images, f"items/{label}_{number:03d}.png", _scan(rng, on_belt_MHW), kind="isolated"
        )
        annotations.append(_annotation(mask_HW, len(images), number + 1, LABELS.index(label) + 1))
    coco = {
        "info": {"description": "made-up scans (phantoms) of rwsc demo"},
        "licenses": [{"id": 1, "name": LICENCE}],
        "categories": [{"id": number, "name": label} for number, label in enumerate(LABELS, start=1)],
        "images": images,
        "annotations": annotations,
    }
    scans.write("annotations.json", json.dumps(coco).encode())


def _scan(rng: np.random.Generator, depth_MHW: np.ndarray) -> np.ndarray:
    return to_rgb8(DETECTOR.measure(rng, transmit(depth_MHW)), DETECTOR.air_level_2)


def _write_scan(
    scans: Prefix, images: list[dict[str, Any]], key: str, image: np.ndarray, *, kind: str
) -> None:
    scans.write(key, encode_image(image))
    images.append(
        {
            "id": len(images) + 1,
            "file_name": key,
            "width": image.shape[1],
            "height": image.shape[0],
            "license": 1,
            "kind": kind,
            "origin_dataset": "rwsc phantoms",
            "group": key,
        }
    )


def _annotation(mask_HW: np.ndarray, image_id: int, number: int, category_id: int) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [int(side) for side in box],
        "area": int(mask_HW.sum()),
        "iscrowd": 0,
        "segmentation": {"size": list(mask_HW.shape), "counts": encode_rle(mask_HW)},
    }


def _train_config(demo: Prefix, size: DemoSize) -> TrainConfig:
    # With the truth, which phantoms have: the slides' losses alone pull weights that know it back towards TIP.
    return TrainConfig(
        phantoms=size.num_pairs,
        output=demo.uri_of("training"),
        start_from=DEFAULT_WEIGHTS,
        loss=LossConfig(truth=_TRUTH),
        steps=size.steps,
        batch=size.batch,
        learning_rate=3e-4,
        checkpoint_every=max(1, size.steps // 2),
        report_every=max(1, size.steps // 8),
        validation_samples=16,
        sample=SampleConfig(crop_px=size.crop_px),
    )


def _synth_config(demo: Prefix, size: DemoSize) -> SynthConfig:
    return SynthConfig(
        items=demo.uri_of("items"),
        bags=demo.uri_of("catalogue.parquet"),
        weights=demo.uri_of("training"),
        output=demo.uri_of("corpus"),
        num_images=size.num_images,
    )


def _stage(title: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the work returns
    say(title)
    started = time.monotonic()
    result = work()
    say(f"    done in {duration(time.monotonic() - started)}")
    return result


def _once(work: Callable[[], Any]) -> None:
    try:
        work()
    except ObjectExists:
        say("    is there already")


def _farewell(demo: Prefix, totals: CorpusTotals, seconds: float) -> None:
    corpus = demo.child("corpus")
    say(
        f"""
{totals.made} annotated images in {duration(seconds)}.

look at    {demo.uri_of("preview.png")}
images     {corpus.uri_of("images")}
boxes      {corpus.uri_of(COCO_KEY)}   (COCO, boxes and masks)
manifest   {corpus.uri_of("manifest")}   (Parquet, a row per planned image)
weights    {demo.uri_of("training/weights.safetensors")}

next, with your own scans (boxes are enough; rwsc sources check SCANS says what it sees):
  rwsc sources index SCANS -o catalogue.parquet
  rwsc items build catalogue.parquet -o items
  rwsc train --items items --bags catalogue.parquet -o run
  rwsc synth --items items --bags catalogue.parquet --weights run -o corpus --num-images 1000"""
    )
