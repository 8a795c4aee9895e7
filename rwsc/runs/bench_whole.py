"""The rate of synthesis as a share of what its slowest stage alone would allow, and where the rest goes.

Stages are measured bare, in as many processes at once as the run has workers, over the images of the run. The rate
of the run counts from its first shard to its last: the start of Ray and of its workers, which a corpus of any size pays
once, is left out.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rwsc.corpus.draft import Bag, Draft, Drafter
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.plan import PlannedImage, build_plan, planned_images
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ConfigError
from rwsc.fusion.engine import Engine, Region
from rwsc.items.bank import ItemBank
from rwsc.items.build import build_items
from rwsc.items.config import ItemsConfig
from rwsc.placement.ground import Ground
from rwsc.runs.claimed import asked_plan
from rwsc.runs.demo import DemoSize, write_phantoms
from rwsc.runs.machine import describe_machine
from rwsc.runs.session import WorkerPool, start_ray, user_error
from rwsc.runs.shard_worker import IMAGES_AT_ONCE, open_engine
from rwsc.runs.synth_inputs import read_inputs, with_whole_addresses
from rwsc.runs.synthesize import pool_of, synthesize
from rwsc.runs.talk import say
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, read_uri

ROUNDS = 3
SHARDS_PER_WORKER = 8
STAGE_IMAGES = 256
"""Images over which a process measures its stages at most, spread over the run: one image costs many times another.
They are held in memory, with their bags and files: 1 to 3 GB for scans of a megapixel."""

BARE = ("decode", "network forward", "encode")
"""Stages that no run can do without; the slowest of them is its limit."""


def measure_whole(
    num_images: int,
    *,
    catalogue: str | None = None,
    items: str | None = None,
    weights: str | None = None,
    engine: str = "rwsc",
) -> dict[str, Any]:
    """Measure a run of synthesis against its slowest stage.

    Args:
        num_images: Images that the run makes.
        catalogue: Scans to put items into; None draws phantoms.
        items: Their item bank; goes with `catalogue`.
        weights: Weights of the network; None takes those that come with rwsc.
        engine: Way to fuse.

    Returns:
        ``rate`` (images per second of the whole run), ``limit`` (that of the slowest bare stage in as many workers),
        ``share``, ``slowest``, ``stages_ms`` (milliseconds a worker needs for an image: median, fastest and slowest
        round of any worker), ``rest_ms`` (what a worker needs beyond the stages), ``workers``, ``device``, ``machine``.

    Raises:
        RwscError: Inputs or weights do not fit.
    """
    if (catalogue is None) != (items is None):
        raise ConfigError("a catalogue and an item bank go together", remedy="add --catalogue or --items")
    with tempfile.TemporaryDirectory(prefix="rwsc-bench-") as folder:
        work = Prefix(folder)
        if catalogue is None or items is None:
            catalogue, items = _phantoms(work)
        config = with_whole_addresses(
            SynthConfig(
                items=items,
                bags=catalogue,
                weights=weights,
                output=work.uri_of("corpus"),
                engine=engine,
                num_images=num_images,
            )
        )
        start_ray()
        pool = pool_of(config)
        config = _in_shards(config, pool.num_workers)
        device = "cuda" if pool.gpus_per_worker else "cpu"
        say(f"{num_images} images on {pool.num_workers} worker(s), {device}; then their stages alone")
        rate = _rate(config)
        stages = _stages_in_workers(config, device, pool)
    slowest = max(BARE, key=lambda name: stages[name]["median"])
    limit = pool.num_workers * 1000 / stages[slowest]["median"]
    per_image_ms = pool.num_workers * 1000 / rate
    return {
        "rate": round(rate, 2),
        "limit": round(limit, 2),
        "share": round(rate / limit, 3),
        "slowest": slowest,
        "stages_ms": stages,
        "rest_ms": round(per_image_ms - sum(stage["median"] for stage in stages.values()), 2),
        "images": num_images,
        "workers": pool.num_workers,
        "device": device,
        "machine": describe_machine(),
    }


def _phantoms(work: Prefix) -> tuple[str, str]:
    write_phantoms(work.child("scans"), DemoSize())
    catalogue, items = work.uri_of("catalogue.parquet"), work.uri_of("items")
    index_to_catalogue(work.uri_of("scans"), catalogue)
    build_items(catalogue, items, ItemsConfig())
    return catalogue, items


def _in_shards(config: SynthConfig, num_workers: int) -> SynthConfig:
    """Give every worker several shards, of their usual size where there are images enough."""
    shard_images = max(1, min(config.shard_images, config.num_images // (SHARDS_PER_WORKER * num_workers)))
    return config.model_copy(update={"shard_images": shard_images})


def _rate(config: SynthConfig) -> float:
    """Give the images per second of a run from its first shard on."""
    synthesize(config)
    times = sorted(path.stat().st_mtime for path in Path(config.output).glob("committed/*.json"))
    after_the_first = config.num_images - config.shard_images
    if len(times) < 2 or times[-1] <= times[0]:
        raise ConfigError(f"{config.num_images} images are one shard alone", remedy="give more --num-images")
    return after_the_first / (times[-1] - times[0])


def _stages_in_workers(config: SynthConfig, device: str, pool: WorkerPool) -> dict[str, dict[str, float]]:
    import ray

    measure = ray.remote(num_cpus=pool.cpus_per_worker, num_gpus=pool.gpus_per_worker or None)(measure_stages)
    settings, number = config.model_dump(), pool.num_workers
    try:
        of_workers = ray.get([measure.remote(settings, device, place, number) for place in range(number)])
    except Exception as error:
        if (found := user_error(error)) is not None:
            raise found from None
        raise
    return {
        name: {
            "median": round(statistics.median(time for times in each for time in times), 3),
            "fastest": round(min(time for times in each for time in times), 3),
            "slowest": round(max(time for times in each for time in times), 3),
        }
        for name in of_workers[0]
        for each in [[stages[name] for stages in of_workers]]
    }


def measure_stages(settings: dict[str, Any], device: str, place: int, number: int) -> dict[str, list[float]]:
    """Measure every stage of an image by itself, in this process.

    Args:
        settings: Plain values of `SynthConfig`.
        device: ``cpu`` or ``cuda``.
        place: Which of the workers this is, from 0.
        number: Workers that share the images.

    Returns:
        For each stage, in the order of the work, the milliseconds per image of each round; of what is left of a stage
        without its parts, the difference of medians alone.
    """
    cv2.setNumThreads(1)
    if device == "cpu":
        import torch

        torch.set_num_threads(1)  # as a worker of the run has
    config = SynthConfig(**settings)
    engine = _Recorder(open_engine(config, device))
    bank = ItemBank.load(config.items)
    maker = ImageMaker(config, bank, engine)
    planned = list(planned_images(build_plan(read_inputs(config).bags, asked_plan(config))))
    planned = planned[place::number]
    planned = planned[:: max(1, -(-len(planned) // STAGE_IMAGES))]
    return _Stages(maker, engine, planned, Prefix(config.output), _encoder(config, bank)).measured()


def _encoder(config: SynthConfig, bank: ItemBank) -> Callable[[np.ndarray], bytes]:
    """Give what encodes an image as the run does."""
    codec_of = Drafter(config, bank).codec
    return lambda image: encode_image(image, codec=codec_of(image), jpeg_quality=config.jpeg_quality)


class _Recorder:
    """An engine that remembers what it was given and what it made of it, to give that again at no cost."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.given: list[Sequence[Region]] = []
        self.made: list[list[np.ndarray]] = []
        self._again: Iterator[list[np.ndarray]] | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the engine has
        return getattr(self.engine, name)

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        if self._again is not None:
            return next(self._again)
        made = self.engine.fuse(regions)
        self.given.append(regions)
        self.made.append(made)
        return made

    def repeat(self) -> None:
        """Give what was made once more, from the first call on."""
        self._again = iter(self.made)


class _Stages:
    """The stages of some images, each over what the one before gave."""

    def __init__(
        self,
        maker: ImageMaker,
        engine: _Recorder,
        planned: list[PlannedImage],
        output: Prefix,
        encode: Callable[[np.ndarray], bytes],
    ) -> None:
        self.maker, self.engine, self.planned, self.output = maker, engine, planned, output
        self.encode = encode
        self.bags: list[Bag] = [read_uri(image.scan_uri) for image in planned]
        self.drafts = [maker.draft(*each) for each in zip(planned, self.bags, strict=True)]
        self.images = self._fuse()
        self.made = [maker.finish(*each) for each in zip(self.drafts, self.images, strict=True)]
        self.scans = [draft.scan for draft in self.drafts if isinstance(draft, Draft)]
        if not self.scans:
            raise ConfigError(f"of {len(planned)} bags none takes an item", remedy="measure on others")

    def measured(self) -> dict[str, list[float]]:
        whole = {name: self._times(stage) for name, stage in self._whole().items()}
        bare = {name: self._times(stage) for name, stage in self._bare().items()}
        return {
            "read": whole["read"],
            "decode": bare["decode"],
            "find bag": bare["find bag"],
            "draw and place items": _less(whole["draft"], bare["decode"], bare["find bag"]),
            "network forward": bare["network forward"],
            "cut and paste regions": whole["cut and paste regions"],
            "encode": bare["encode"],
            "labels, hash and mark": _less(whole["finish"], bare["encode"]),
            "write": whole["write"],
        }

    def _whole(self) -> dict[str, Callable[[], object]]:
        return {
            "read": lambda: [read_uri(image.scan_uri) for image in self.planned],
            "draft": lambda: [self.maker.draft(*each) for each in zip(self.planned, self.bags, strict=True)],
            "cut and paste regions": self._cut_and_paste,
            "finish": lambda: [
                self.maker.finish(*each) for each in zip(self.drafts, self.images, strict=True)
            ],
            "write": self._write,
        }

    def _bare(self) -> dict[str, Callable[[], object]]:
        made = [image for image in self.images if isinstance(image, np.ndarray)]
        air_levels = [draft.air_level for draft in self.drafts if isinstance(draft, Draft)]
        return {
            "decode": lambda: [decode_image(bag) for bag in self.bags if isinstance(bag, bytes)],
            "find bag": lambda: [
                Ground.of_scan(scan, air) for scan, air in zip(self.scans, air_levels, strict=True)
            ],
            "network forward": lambda: [self.engine.engine.fuse(regions) for regions in self.engine.given],
            "encode": lambda: [self.encode(image) for image in made],
        }

    def _fuse(self) -> list[Any]:
        groups = range(0, len(self.planned), IMAGES_AT_ONCE)
        return [
            image
            for start in groups
            for image in self.maker.fuse(self.drafts[start : start + IMAGES_AT_ONCE])
        ]

    def _cut_and_paste(self) -> None:
        self.engine.repeat()
        self._fuse()

    def _write(self) -> None:
        for number, made in enumerate(self.made):
            self.output.write(f"bench-{os.getpid()}/{number}", made.data or b"")

    def _times(self, stage: Callable[[], object]) -> list[float]:
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            stage()
            times.append((time.perf_counter() - started) * 1000 / len(self.planned))
        return times


def _less(whole: list[float], *parts: list[float]) -> list[float]:
    rest = statistics.median(whole) - sum(statistics.median(part) for part in parts)
    return [max(0.0, rest)]
