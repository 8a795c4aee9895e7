"""Verify a corpus: a small one here, a large one on Ray Data, of which the driver sees faults and counts alone."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from rwsc.corpus.check_corpus import check_coco, check_plan, check_report, check_strays
from rwsc.corpus.check_image import BagReader
from rwsc.corpus.check_row import Promised
from rwsc.corpus.check_shard import Counted, check_shard
from rwsc.corpus.claim import read_corpus_card
from rwsc.corpus.findings import Findings
from rwsc.corpus.plan_store import PlannedShard, StoredPlan
from rwsc.corpus.sample import is_of_sample
from rwsc.errors import ConfigError, ObjectMissing, RwscError, SourceError
from rwsc.runs.carried import error_columns, raise_carried
from rwsc.runs.session import size_pool, start_ray, user_error
from rwsc.runs.talk import Progress, say
from rwsc.sources.parallel import DEFAULT_WORKERS, map_in_order
from rwsc.storage.prefix import Prefix

SMALL_CORPUS_IMAGES = 2_000
"""Up to so many images are read in this process, unless workers are asked for: Ray takes 15 s to start."""

MAX_BLOCKS = 2_000
"""Tasks that Ray Data is given at most; of a larger corpus each takes several shards."""

NO_PROGRESS_S = 900
NO_PROGRESS_PER_IMAGE_S = 10
"""A pool that finishes no block for this long is taken for hung and ends with an error; the longer of both."""

_SECONDS_BETWEEN_LINES = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What became of a check."""

    num_shards: int
    counted: Counted
    findings: Findings


@dataclass(frozen=True, kw_only=True, slots=True)
class _Task:
    """What every shard of a corpus is checked by."""

    corpus: Prefix
    promised: Promised
    shard_images: int
    num_images: int
    num_to_read: int
    bags: BagReader

    def check(self, plan: StoredPlan, shard_id: str, number: int) -> tuple[Findings, Counted]:
        """Check one shard."""
        try:
            planned = plan.shard(shard_id, number, shard_images=self.shard_images)
        except SourceError as error:
            findings = Findings()
            findings.add("plan", error.message, shard_id=shard_id)
            return findings, Counted()
        first = number * self.shard_images
        to_read = {
            image.image_id
            for place, image in enumerate(planned, start=first)
            if is_of_sample(place, wanted=self.num_to_read, total=self.num_images)
        }
        return check_shard(self.corpus, planned, self.promised, to_read=to_read, bags=self.bags)


def verify(corpus_uri: str, *, sample: int | None, workers: int | None) -> Verified:
    """Read a corpus again and check every promise that its files, and the bags that are still there, can keep.

    Args:
        corpus_uri: The corpus.
        sample: Images whose files and bags are read, spread evenly over the plan; None reads all. All else is checked
            whole.
        workers: Workers of Ray; None checks a small corpus in this process.

    Returns:
        What is wrong.

    Raises:
        RwscError: There is no such corpus, or a store or the cluster fails.
    """
    corpus = Prefix(corpus_uri)
    if sample is not None and sample < 0:
        raise ConfigError(f"a sample of {sample} images cannot be drawn", remedy="give 0 or more")
    card = read_corpus_card(corpus)
    try:
        plan = StoredPlan(corpus)
        shards = plan.shards()
        findings = check_plan(plan, shards, card["settings"])
    except (ObjectMissing, SourceError) as error:
        return _without_plan(error)
    promised = Promised.of_card(card)
    findings.merge(check_strays(corpus, shards, layout=promised.layout))
    task = _Task(
        corpus=corpus,
        promised=promised,
        shard_images=max((shard.num_images for shard in shards), default=1),
        num_images=max(1, plan.num_images),
        num_to_read=plan.num_images if sample is None else min(sample, plan.num_images),
        bags=BagReader(promised.max_pixels),
    )
    counted = Counted()
    progress = Progress(plan.num_images, noun="images")
    last = time.monotonic()
    is_small = workers is None and plan.num_images <= SMALL_CORPUS_IMAGES
    for found, held in _here(task, plan, shards) if is_small else _on_ray(task, shards, workers):
        findings.merge(found)
        counted.merge(held)
        progress.done += held.numbers["planned"]
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            say(progress.line(f"{findings.counts.total():,} findings"))
            last = time.monotonic()
    findings.merge(check_report(corpus, counted))
    findings.merge(check_coco(corpus, counted, task.promised.labels))
    return Verified(num_shards=len(shards), counted=counted, findings=findings)


def patience_s(*, num_shards: int, shard_images: int) -> int:
    """Give how long a pool may finish nothing: Ray counts finished blocks as progress, and a block is whole shards.

    Args:
        num_shards: Shards of the corpus.
        shard_images: Most images of one.

    Returns:
        Seconds.
    """
    shards_per_block = -(-num_shards // MAX_BLOCKS)
    return max(NO_PROGRESS_S, NO_PROGRESS_PER_IMAGE_S * shard_images * shards_per_block)


def _without_plan(error: RwscError) -> Verified:
    findings = Findings()
    findings.add("plan", f"{error.message}; nothing else can be checked without it")
    return Verified(num_shards=0, counted=Counted(), findings=findings)


def _here(task: _Task, plan: StoredPlan, shards: list[PlannedShard]) -> Iterator[tuple[Findings, Counted]]:
    return map_in_order(
        lambda shard: task.check(plan, shard.shard_id, shard.number), shards, max_workers=DEFAULT_WORKERS
    )


def _on_ray(
    task: _Task, shards: list[PlannedShard], workers: int | None
) -> Iterator[tuple[Findings, Counted]]:
    start_ray()
    pool = size_pool(workers, use_gpu=False)
    num_workers = min(pool.num_workers, len(shards))
    say(f"{task.num_images:,} images in {len(shards):,} shards to check on {num_workers} worker(s)")
    try:
        yield from _checked(task, shards, num_workers, pool.cpus_per_worker)
    except Exception as error:
        if (found := user_error(error)) is not None:
            raise found from None
        raise


def _checked(
    task: _Task, shards: list[PlannedShard], num_workers: int, cpus_per_worker: float
) -> Iterator[tuple[Findings, Counted]]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_no_progress_timeout_s = patience_s(
        num_shards=len(shards), shard_images=task.shard_images
    )
    tasks = [{"shard_id": shard.shard_id, "number": shard.number} for shard in shards]
    checked = ray.data.from_items(tasks, override_num_blocks=min(len(tasks), MAX_BLOCKS)).map_batches(
        VerifyWorker,
        fn_constructor_kwargs={"task": task},
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=num_workers),
        num_cpus=cpus_per_worker,
    )
    for batch in checked.iter_batches(batch_size=None, prefetch_batches=0):
        raise_carried(batch)
        for text in batch["found"]:
            values = json.loads(str(text))
            yield Findings.from_dict(values["findings"]), Counted.from_dict(values["counted"])


class VerifyWorker:
    """Checks shards. Ray Data keeps one instance per worker and hands it a shard at a time."""

    def __init__(self, task: _Task) -> None:
        """Make a worker.

        Args:
            task: What every shard is checked by.
        """
        cv2.setNumThreads(1)  # workers share the machine; threads of their own would only crowd it
        self._task = task
        self._plan: StoredPlan | None = None

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Check the shards of a batch; give what was found as JSON, or say why one could not be checked."""
        texts: list[str] = []
        errors: list[RwscError | None] = []
        for shard_id, number in zip(batch["shard_id"], batch["number"], strict=True):
            try:
                self._plan = self._plan or StoredPlan(self._task.corpus)
                findings, counted = self._task.check(self._plan, str(shard_id), int(number))
                texts.append(json.dumps({"findings": findings.to_dict(), "counted": counted.to_dict()}))
                errors.append(None)
            except RwscError as error:
                texts.append("")
                errors.append(error)
        return {"found": np.array(texts), **error_columns(errors)}
