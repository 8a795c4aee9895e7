"""Rates of the stages and of the whole in one run, so that they can be compared with each other."""

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch

import rwsc
from rwsc.corpus.bag_items import with_bag_items
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.plan import PlanSettings, build_plan, planned_images
from rwsc.corpus.settings import SynthConfig
from rwsc.corpus.usable_bags import usable_bags
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engine import Region
from rwsc.fusion.match import MatchConfig
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.fusion.rwsc import RwscEngine
from rwsc.fusion.tip import TipEngine
from rwsc.items.bank import ItemBank
from rwsc.items.build import build_items
from rwsc.items.config import ItemsConfig
from rwsc.physics.phantoms import draw_bag, draw_item, render
from rwsc.placement.config import PlacementConfig
from rwsc.placement.draw import draw_placements
from rwsc.placement.ground import Ground
from rwsc.placement.placed import NoRoom
from rwsc.runs.demo import DemoSize, write_phantoms
from rwsc.runs.machine import describe_machine
from rwsc.runs.synthesize import synthesize
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY
from rwsc.seeds import stream
from rwsc.sources.catalogue import read_catalogue
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, read_uri

ROUNDS = 5
LARGE_BAG_TURNS = 8
SHARD_IMAGES = 64


def measure(num_images: int) -> dict[str, Any]:
    """Measure the stages of synthesis, a plain loop over them, and the same work through Ray.

    Args:
        num_images: Images that each end-to-end run makes.

    Returns:
        ``stages`` (milliseconds per image: median, fastest and slowest round), ``end_to_end`` (images per
        second) and ``machine``.
    """
    cv2.setNumThreads(1)  # as in the workers
    with tempfile.TemporaryDirectory(prefix="rwsc-bench-") as folder:
        work = Prefix(folder)
        size = DemoSize()
        write_phantoms(work.child("scans"), size)
        index_to_catalogue(work.uri_of("scans"), work.uri_of("catalogue.parquet"))
        build_items(work.uri_of("catalogue.parquet"), work.uri_of("items"), ItemsConfig())
        _write_untrained(work)
        return {
            "stages_ms": _stages(work),
            "end_to_end": {engine: _end_to_end(work, engine, num_images) for engine in ("tip", "rwsc")},
            "machine": describe_machine(),
        }


def _write_untrained(work: Prefix) -> None:
    torch.manual_seed(0)
    config = named_config("tiny")
    card = WeightsCard(
        network=config,
        code_version=rwsc.__version__,
        training={},
        data_hashes={},
        metrics={},
        data_licence="none: untrained weights for timing",
    )
    weights, text = encode_weights(RwscNetwork(config), card)
    work.write(f"weights/{WEIGHTS_KEY}", weights)
    work.write(f"weights/{CARD_KEY}", text)


def _stages(work: Prefix) -> dict[str, dict[str, float]]:
    data = [work.child("scans").read(key) for key in work.child("scans").list_keys("bags")][:16]
    images = [decode_image(each) for each in data]
    rng = np.random.default_rng(0)
    bag_HWC = rng.random((256, 256, 3), dtype=np.float32)
    region = Region(bag_HWC=bag_HWC, item_HWC=bag_HWC, alpha_HW=np.ones((256, 256), np.float32))
    engine = RwscEngine(work.read(f"weights/{WEIGHTS_KEY}"), work.read(f"weights/{CARD_KEY}"))
    makers = {name: _maker(work, name) for name in ("tip", "rwsc")}
    planned, bags = _plan(work, len(images))
    stages: dict[str, Callable[[], object]] = {
        "decode PNG": lambda: [decode_image(each) for each in data],
        "encode PNG": lambda: [encode_image(image) for image in images],
        "encode JPEG": lambda: [encode_image(image, codec="jpeg") for image in images],
        "SHA-256": lambda: [hashlib.sha256(each).hexdigest() for each in data],
        "network, tiny, 256 x 256": lambda: [engine.fuse([region]) for _ in images],
        "whole image, tip": lambda: makers["tip"].make(planned, bags),
        "whole image, rwsc": lambda: makers["rwsc"].make(planned, bags),
    }
    return {name: _spread(stage, len(images)) for name, stage in stages.items()} | _large_bag_stages()


def _large_bag_stages() -> dict[str, dict[str, float]]:
    """Measure what a bag of 1000 x 800 pixels and two items of about 200 pixels cost, beside its JPEG."""
    rng = np.random.default_rng(0)
    scan, air_level = render(draw_bag(rng, 800, 1000).transmission_HWC, rng, air_level=251), np.full(3, 251.0)
    items = [draw_item(rng, label, 200) for label in ("gun", "knife")]
    jpeg = encode_image(scan, codec="jpeg")
    config = PlacementConfig(items_min=len(items), items_max=len(items))
    turns = range(LARGE_BAG_TURNS)
    # What a ground finds out on demand it keeps, so each placement has a new one.
    grounds = iter([Ground.of_scan(scan, air_level) for _ in range((ROUNDS + 1) * len(turns))])
    placements = draw_placements(stream(0), Ground.of_scan(scan, air_level), items, config)
    assert not isinstance(placements, NoRoom)
    insertions = [
        Insertion(
            transmission_HWC=each.posed.transmission_HWC,
            alpha_HW=each.posed.alpha_HW,
            x_px=each.x_px,
            y_px=each.y_px,
        )
        for each in placements
    ]
    stages: dict[str, Callable[[], object]] = {
        "decode JPEG, 1000 x 800": lambda: [decode_image(jpeg) for _ in turns],
        "encode JPEG, 1000 x 800": lambda: [encode_image(scan, codec="jpeg") for _ in turns],
        "bag region": lambda: [Ground.of_scan(scan, air_level) for _ in turns],
        "placement of 2 items": lambda: [
            draw_placements(stream(turn), next(grounds), items, config) for turn in turns
        ],
        "TIP of 2 items": lambda: [
            fuse_in_rounds([scan], [air_level], [insertions], TipEngine(), context=0.5) for _ in turns
        ],
        "TIP of 2 items, noise matched": lambda: [
            fuse_in_rounds([scan], [air_level], [insertions], TipEngine(), match=MatchConfig(noise=True))
            for _ in turns
        ],
    }
    return {name: _spread(stage, len(turns)) for name, stage in stages.items()}


def _maker(work: Prefix, engine: str) -> ImageMaker:
    bank = ItemBank.load(work.uri_of("items"))
    weights = work.read(f"weights/{WEIGHTS_KEY}"), work.read(f"weights/{CARD_KEY}")
    opened = RwscEngine(*weights) if engine == "rwsc" else TipEngine()
    return ImageMaker(_config(work, engine, 64), bank, opened)


def _plan(work: Prefix, number: int) -> tuple[list, list]:
    bags = usable_bags(read_catalogue(work.uri_of("catalogue.parquet")), ["benign"], None)
    settings = PlanSettings(num_images=number, seed=0, shard_images=SHARD_IMAGES)
    planned = list(planned_images(build_plan(with_bag_items(bags, {}), settings)))
    return planned, [read_uri(image.scan_uri) for image in planned]


def _spread(stage: Callable[[], object], number: int) -> dict[str, float]:
    stage()
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        stage()
        times.append((time.perf_counter() - started) * 1000 / number)
    return {
        "median": round(statistics.median(times), 3),
        "fastest": round(min(times), 3),
        "slowest": round(max(times), 3),
    }


def _end_to_end(work: Prefix, engine: str, num_images: int) -> dict[str, float]:
    planned, bags = _plan(work, num_images)
    maker = _maker(work, engine)
    loop = work.child(f"loop-{engine}")
    started = time.perf_counter()
    for image, made in zip(planned, maker.make(planned, bags), strict=True):
        if made.data is not None:
            loop.write(f"{image.image_id}.png", made.data)
    plain = time.perf_counter() - started
    started = time.perf_counter()
    synthesize(_config(work, engine, num_images))
    through_ray = time.perf_counter() - started
    return {
        "plain loop, one process, images/s": round(num_images / plain, 2),
        "rwsc synth, Ray start included, images/s": round(num_images / through_ray, 2),
    }


def _config(work: Prefix, engine: str, num_images: int) -> SynthConfig:
    return SynthConfig(
        items=work.uri_of("items"),
        bags=work.uri_of("catalogue.parquet"),
        weights=work.uri_of("weights"),
        output=work.uri_of(f"corpus-{engine}"),
        num_images=num_images,
        engine=engine,
        shard_images=SHARD_IMAGES,
    )
