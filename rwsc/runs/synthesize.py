"""Make a corpus on Ray Data: fuse what is missing of its plan shard by shard, sum up."""

import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from rwsc.corpus.claim import extended
from rwsc.corpus.commit import committed_shards
from rwsc.corpus.drift_watch import DriftWatch
from rwsc.corpus.limit import FailureLimit
from rwsc.corpus.manifest import STATUSES
from rwsc.corpus.plan_store import PlannedShard, StoredPlan
from rwsc.corpus.settings import SynthConfig
from rwsc.corpus.summary import ShortShardsError, forget_totals, read_totals, sum_up
from rwsc.corpus.tally import CorpusTotals
from rwsc.corpus.todo import shards_to_make
from rwsc.errors import SourceError
from rwsc.fusion.engines import LEARNED
from rwsc.runs.carried import raise_carried
from rwsc.runs.claimed import claim_and_plan, prepared
from rwsc.runs.limits import RunLimits
from rwsc.runs.session import WorkerPool, size_pool, start_ray, user_error
from rwsc.runs.shard_worker import ShardWorker
from rwsc.runs.synth_inputs import SynthInputs
from rwsc.runs.talk import Progress, say
from rwsc.storage.prefix import Prefix, uri_exists

PROBED_BAGS = 16
"""Bags that are looked for before a run starts."""

CPUS_BESIDE_GPU = 8
"""CPUs that a worker with a GPU takes at most, to draft and encode images while the GPU fuses others."""

MAX_BLOCKS = 4_000
"""Tasks that Ray Data is given at most."""

_SECONDS_BETWEEN_LINES = 5.0

NO_PROGRESS_S = 900
NO_PROGRESS_PER_IMAGE_S = 120
"""A pool that finishes no shard for this long is taken for hung and ends with an error; the longer of both."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    config: SynthConfig
    corpus: Prefix
    inputs: SynthInputs
    plan: StoredPlan
    retry_failed: bool
    limits: RunLimits


class _MadeShard(NamedTuple):
    number: int
    counts: dict[str, int]
    drift: str
    """What `rwsc.corpus.drift_watch.ShardDrift` found."""


def synthesize(
    config: SynthConfig,
    *,
    extend: int | None = None,
    retry_failed: bool = False,
    max_failed: FailureLimit | None = None,
    max_drift: float | None = None,
) -> CorpusTotals:
    """Make a corpus, or finish one that was interrupted; a finished corpus is left alone.

    Args:
        config: Settings of the run. The same settings and folder resume; other settings are refused.
        extend: Images to make beyond those of the settings, or, where the settings name no number, beyond those of
            the finished corpus. What is there stays as it is, and the result is that of having asked for all at once.
        retry_failed: Try images again that failed, rejected ones not.
        max_failed: End the run when more images than these fail in it.
        max_drift: End the run when the images that are made in it drift further than this from their bags, in nepers;
            see `rwsc.corpus.drift_watch`.

    Returns:
        Totals over all planned images.

    Raises:
        RunStopped: The run was ended by one of these limits; shards that were finished before stay.
        RwscError: Inputs, folder, weights or cluster do not fit.
    """
    config = prepared(config)
    if extend is not None:
        config = extended(Prefix(config.output), config, extend)
    limits = RunLimits(
        most_failed=max_failed.images_of(config.num_images) if max_failed else None, max_drift=max_drift
    )
    claimed = claim_and_plan(config, may_grow=extend is not None)
    run = _Run(
        config=config,
        corpus=Prefix(config.output),
        inputs=claimed.inputs,
        plan=claimed.plan,
        retry_failed=retry_failed,
        limits=limits,
    )
    return _make_and_sum_up(run, claimed.images_before)


def _make_and_sum_up(run: _Run, images_before: int) -> CorpusTotals:
    shards = run.plan.shards()
    todo = shards_to_make(
        run.corpus,
        shards,
        shard_images=run.config.shard_images,
        images_before=images_before,
        retry_failed=run.retry_failed,
    )
    if not todo and (totals := read_totals(run.corpus)) is not None:
        say(f"{run.corpus.uri} is complete; nothing to do")
        return totals
    seconds = _fuse(run, todo)
    try:
        return _sum_up(run, shards, seconds)
    except ShortShardsError as found:  # an extension was interrupted before the shard it began in was made
        seconds += _fuse(run, found.shards)
        return _sum_up(run, shards, seconds)


def _fuse(run: _Run, todo: list[PlannedShard]) -> float:
    if not todo:
        return 0.0
    _check_some_bag_is_there(run.plan)
    forget_totals(run.corpus)
    start_ray()
    config = run.config
    pool = pool_of(config)
    device = "cuda" if pool.gpus_per_worker else "cpu"
    to_make = sum(shard.num_images for shard in todo)
    say(f"{to_make:,} images to make with {config.engine} on {pool.num_workers} worker(s), {device}")
    progress = Progress(config.num_images, noun="images", done=config.num_images - to_make)
    statuses = Counter[str]()
    max_drift = math.inf if run.limits.max_drift is None else run.limits.max_drift
    watch = DriftWatch((shard.number for shard in todo), max_drift)
    started, last = time.monotonic(), 0.0
    try:
        for shard in _run_shards(run, todo, pool, device):
            statuses.update(shard.counts)
            progress.done += sum(shard.counts.values())
            if time.monotonic() - last > _SECONDS_BETWEEN_LINES or progress.done == progress.total:
                progress.say(rejected=statuses["rejected"], failed=statuses["failed"])
                last = time.monotonic()
            run.limits.check_failed(statuses["failed"], run.corpus.uri)
            watch.add(shard.number, shard.drift)
            run.limits.check_drift(watch.too_far, run.corpus.uri)
    except Exception as error:
        if (found := user_error(error)) is not None:
            raise found from None
        raise
    return time.monotonic() - started


def pool_of(config: SynthConfig) -> WorkerPool:
    """Fit the workers of a run into the cluster.

    Args:
        config: Its settings.

    Returns:
        Workers with a GPU each, where the engine has use for one and there are any.

    Raises:
        ResourceError: The cluster cannot hold them.
    """
    wants_gpu = None if config.device == "auto" and config.engine in LEARNED else config.device == "cuda"
    return size_pool(config.workers, use_gpu=wants_gpu, cpus_beside_gpu=CPUS_BESIDE_GPU)


def _run_shards(run: _Run, todo: list[PlannedShard], pool: WorkerPool, device: str) -> Iterator[_MadeShard]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Ray counts finished blocks as progress, and a block is a shard.
    shards_per_block = -(-len(todo) // MAX_BLOCKS)
    context.execution_no_progress_timeout_s = max(
        NO_PROGRESS_S, NO_PROGRESS_PER_IMAGE_S * run.config.shard_images * shards_per_block
    )
    # One block a shard, so that a worker takes one shard at a time and a lost worker costs one shard. Blocks cost
    # the driver time and memory, so those of a very large corpus hold several; what of them is committed stays so.
    tasks = [{"shard_id": shard.shard_id, "number": shard.number} for shard in todo]
    shards = ray.data.from_items(tasks, override_num_blocks=min(len(tasks), MAX_BLOCKS))
    done = shards.map_batches(
        ShardWorker,
        fn_constructor_kwargs={
            "config": run.config.model_dump(),
            "facts": asdict(run.inputs.facts),
            "device": device,
            "retry_failed": run.retry_failed,
            "threads": max(1, int(pool.cpus_per_worker)),
            "watch_drift": run.limits.max_drift is not None,
        },
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(pool.num_workers, len(todo))),
        num_cpus=pool.cpus_per_worker,
        num_gpus=pool.gpus_per_worker or None,
    )
    for batch in done.iter_batches(batch_size=None, prefetch_batches=0):
        raise_carried(batch)
        for index in range(len(batch["shard_id"])):
            counts = {status: int(batch[status][index]) for status in STATUSES}
            yield _MadeShard(int(batch["number"][index]), counts, str(batch["drift"][index]))


def _sum_up(run: _Run, shards: list[PlannedShard], seconds: float) -> CorpusTotals:
    absent = {shard.shard_id for shard in shards} - committed_shards(run.corpus)
    if absent:
        raise SourceError(
            f"{len(absent)} of {len(shards)} shards are not committed in {run.corpus.uri}",
            remedy="run the same command again; it makes what is missing",
        )
    about = {"fingerprint": run.inputs.facts.config_fingerprint, "seconds": round(seconds, 1)}
    return sum_up(run.corpus, shards, run.inputs.labels, about)


def _check_some_bag_is_there(plan: StoredPlan) -> None:
    # Without this, an archive that is not mounted would end as a corpus of failed rows.
    first = next(plan.parts(["scan_uri"]))
    uris = list(dict.fromkeys(first["scan_uri"].to_pylist()[:PROBED_BAGS]))
    if not any(uri_exists(uri) for uri in uris):
        raise SourceError(
            f"none of the first {len(uris)} bags is where the catalogue says, for example {uris[0]}",
            remedy="mount or restore the scans, or index them where they are now",
        )
