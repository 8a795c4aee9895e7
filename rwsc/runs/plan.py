"""Plan a corpus: write the plan alone, or make a few of its images in memory and say what the whole will cost."""

import os
import time
from dataclasses import asdict
from typing import Any

from rwsc.corpus.estimate import Sample, expected_objects, hours, to_document
from rwsc.corpus.plan import PlannedImage, plan_parts, planned_images
from rwsc.corpus.settings import SynthConfig
from rwsc.fusion.engines import LEARNED
from rwsc.items.bank import ItemBank
from rwsc.runs.claimed import asked_plan, claim_and_plan, prepared
from rwsc.runs.shard_worker import ShardWorker
from rwsc.runs.synth_inputs import SynthInputs, read_inputs
from rwsc.runs.talk import say

RAY_START_S = 15.0
"""What a run takes before its first image."""

_IMAGES_HELD = 64


def write_corpus_plan(config: SynthConfig) -> dict[str, Any]:
    """Claim a corpus' folder and write its plan; `synthesize` with the same settings takes it up.

    Args:
        config: Settings of the run.

    Returns:
        `plan`, the plan's address, `images` and `shards`.

    Raises:
        RwscError: Inputs, folder or weights do not fit.
    """
    plan = claim_and_plan(prepared(config)).plan
    return {"plan": plan.uri, "images": plan.num_images, "shards": len(plan.shards())}


def estimate(config: SynthConfig, *, num_sample: int) -> dict[str, Any]:
    """Make a few images of a corpus in memory, one process alone, and reckon what the whole will hold and cost.

    Args:
        config: Settings of the run. Nothing is written.
        num_sample: Images to make, spread over the first part of the plan.

    Returns:
        Values for JSON: see `rwsc.corpus.estimate.to_document`, and `device`, `workers`, `seconds_per_image`, `hours`
        and `gpu_hours`.

    Raises:
        RwscError: Inputs or weights do not fit.
    """
    config = prepared(config)
    inputs = read_inputs(config)
    num_gpus = _num_gpus(config)
    device = "cuda" if num_gpus else "cpu"
    workers = config.workers or num_gpus or len(os.sched_getaffinity(0))
    planned = _spread(config, inputs, num_sample)
    say(f"making {len(planned)} of {config.num_images:,} images with {config.engine} on {device}, in memory")
    sample = _make(config, inputs, planned, device)
    seconds = sample.seconds / max(1, sample.number)
    bank = ItemBank.load(config.items, splits=[config.split] if config.split else None)
    total_h = hours(config.num_images, seconds, workers, RAY_START_S)
    return {
        **to_document(config, sample, expected_objects(config, bank)),
        "image_format": config.image_format,
        "device": device,
        "workers": workers,
        "seconds_per_image": round(seconds, 4),
        "hours": round(total_h, 4),
        "gpu_hours": round(total_h * workers, 4) if num_gpus else 0.0,
    }


def _num_gpus(config: SynthConfig) -> int:
    if config.engine not in LEARNED or config.device == "cpu":
        return 0
    import torch

    return torch.cuda.device_count()


def _spread(config: SynthConfig, inputs: SynthInputs, num_sample: int) -> list[PlannedImage]:
    """Take images evenly from the first part of the plan; building all of a large one would take minutes."""
    images = list(planned_images(next(plan_parts(inputs.bags, asked_plan(config)))))
    number = min(num_sample, len(images))
    return [images[place * len(images) // number] for place in range(number)]


def _make(config: SynthConfig, inputs: SynthInputs, planned: list[PlannedImage], device: str) -> Sample:
    if config.engine in LEARNED and device == "cpu":
        import torch

        torch.set_num_threads(1)  # as a worker of the run has
    worker, sample = ShardWorker(config.model_dump(), asdict(inputs.facts), device), Sample()
    # The first image also loads what the others find at hand, so it is made once before the clock starts.
    list(worker.make_images(planned[:1]))
    for start in range(0, len(planned), _IMAGES_HELD):
        started = time.monotonic()
        made = [each for _, each in worker.make_images(planned[start : start + _IMAGES_HELD])]
        sample.seconds += time.monotonic() - started
        sample.add(made, jpeg_quality=config.jpeg_quality)
    return sample
