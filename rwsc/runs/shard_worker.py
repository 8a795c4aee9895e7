"""What every synthesis worker does: read the bags of a shard, make its images, write them, commit."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

import cv2
import numpy as np

from rwsc.corpus.commit import commit_shard, is_committed, read_rows
from rwsc.corpus.containers import write_container
from rwsc.corpus.distractors import open_distractors
from rwsc.corpus.draft import Bag, Draft
from rwsc.corpus.drift_watch import ShardDrift
from rwsc.corpus.make import ImageMaker, Made
from rwsc.corpus.manifest import STATUSES, Outcome, RunFacts, to_row
from rwsc.corpus.plan import PlannedImage
from rwsc.corpus.plan_store import StoredPlan
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import AccessDenied, ObjectMissing, RwscError, WeightsError
from rwsc.fusion.engine import Engine
from rwsc.fusion.engines import LEARNED, open_classic
from rwsc.items.bank import ItemBank
from rwsc.runs.carried import error_columns
from rwsc.runs.metrics import ShardMetrics
from rwsc.runs.weights import read_weights
from rwsc.storage.prefix import Prefix, read_uri

IMAGES_AT_ONCE = 8
"""Images that are drafted and fused together; enough to fill a GPU batch, few enough to bound memory."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class ShardWorker:
    """Makes shards. Ray Data keeps one instance per worker and hands it a shard at a time."""

    def __init__(
        self,
        config: dict[str, Any],
        facts: dict[str, str],
        device: str,
        *,
        retry_failed: bool = False,
        threads: int = 1,
        watch_drift: bool = False,
    ) -> None:
        """Load item bank and engine.

        Args:
            config: Plain values of `SynthConfig`.
            facts: Plain values of `RunFacts`.
            device: ``cpu`` or ``cuda``.
            retry_failed: Make the images of committed shards again that failed.
            threads: Threads that draft and encode images beside the one that fuses, where there are two or more; with
                one, each image is drafted, fused and encoded in turn.
            watch_drift: Hold some images of each shard against their bags.
        """
        cv2.setNumThreads(1)  # workers share the machine; threads of their own would only crowd it
        self._config = SynthConfig(**config)
        self._facts = RunFacts(**facts)
        self._corpus = Prefix(self._config.output)
        self._retry_failed = retry_failed
        self._plan: StoredPlan | None = None
        self._pool = ThreadPoolExecutor(max_workers=self._config.io_threads)
        self._threads = ThreadPoolExecutor(max_workers=threads) if threads > 1 else None
        self._groups_ahead = 1 if self._threads is not None else 0
        self._watch_drift = watch_drift
        self._drift = ShardDrift()
        self._broken: RwscError | None = None
        try:
            self._maker = self._open_maker(device)
        except RwscError as error:
            # Ray tries a constructor that fails again and again; the first call tells the driver.
            self._broken = error

    def _open_maker(self, device: str) -> ImageMaker:
        splits = [self._config.split] if self._config.split else None
        bank = ItemBank.load(self._config.items, splits=splits)
        engine = open_engine(self._config, device)
        # Its classes were checked against the corpus' labels before the run began.
        harmless = open_distractors(self._config.controls, split=self._config.split, labels=())
        if engine.weights_sha256 != self._facts.weights_sha256:
            raise WeightsError(
                f"{self._config.weights} has changed since the run began",
                remedy="put the weights back, or make another corpus with the new ones",
            )
        return ImageMaker(self._config, bank, engine, harmless)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Make the shards of a batch; count what became of their images, or say why one could not be made."""
        counts: dict[str, list[int]] = {status: [] for status in STATUSES}
        errors: list[RwscError | None] = []
        drifts: list[str] = []
        for shard_id, number in zip(batch["shard_id"], batch["number"], strict=True):
            rows: list[dict[str, Any]] = []
            started = monotonic()
            self._drift = ShardDrift()
            try:
                if self._broken is not None:
                    raise self._broken
                rows = self.make_shard(str(shard_id), int(number))
                errors.append(None)
            except RwscError as error:
                errors.append(error)
            drifts.append(self._drift.to_json())
            for status, column in counts.items():
                column.append(sum(row["status"] == status for row in rows))
            made_now = {status: column[-1] for status, column in counts.items()}
            self._metrics.add(made_now, seconds=monotonic() - started)
        columns = {name: np.array(column) for name, column in counts.items()}
        about = {"shard_id": batch["shard_id"], "number": batch["number"], "drift": np.array(drifts)}
        return {**about, **columns, **error_columns(errors)}

    def make_shard(self, shard_id: str, number: int) -> list[dict[str, Any]]:
        """Make and commit one shard, or what an already committed one lacks.

        Args:
            shard_id: The shard.
            number: Its place in the plan.

        Returns:
            The manifest rows of the images that were made now, whatever became of them.
        """
        planned = self._planned(shard_id, number)
        rows = self._kept(shard_id)
        todo = [image for image in planned if image.image_id not in rows]
        writes: list[Future[None]] = []
        for_container: dict[str, bytes] = {}
        for image, made in self.make_images(todo):
            rows[image.image_id] = to_row(image, made.outcome, self._facts)
            writes += self._write(made, for_container)
        for write in writes:
            write.result()
        in_order = [rows[image.image_id] for image in planned]
        if for_container:
            write_container(self._corpus, in_order, for_container)
        if todo:
            commit_shard(self._corpus, shard_id, in_order)
        return [rows[image.image_id] for image in todo]

    def make_images(self, planned: list[PlannedImage]) -> Iterator[tuple[PlannedImage, Made]]:
        """Make images without writing them.

        Args:
            planned: Rows of a plan.

        Yields:
            Each of them and what became of it.

        Raises:
            RwscError: Item bank or engine could not be opened, or a store stays down.
        """
        if self._broken is not None:
            raise self._broken
        numbers = iter(planned)
        groups = iter(lambda: list(islice(numbers, IMAGES_AT_ONCE)), [])
        # Three steps that overlap where the worker has threads for them: while one group is fused, the next one is
        # drafted, and the one before is encoded. Reads are always a group ahead.
        read = _ahead(((group, self._read(group)) for group in groups), 1)
        drafted = _ahead(((group, self._draft(group, bags)) for group, bags in read), self._groups_ahead)
        finished = _ahead(((group, self._fuse(drafts)) for group, drafts in drafted), self._groups_ahead)
        for group, making in finished:
            yield from zip(group, (made.result() for made in making), strict=True)

    def _read(self, group: list[PlannedImage]) -> dict[str, Future[Bag]]:
        uris = [scan.scan_uri for image in group for scan in (image, image.partner) if scan]
        return {uri: self._pool.submit(_read_bag, uri) for uri in dict.fromkeys(uris)}

    def _draft(
        self, group: list[PlannedImage], reads: dict[str, Future[Bag]]
    ) -> list[Future[Draft | Outcome]]:
        bags = {uri: read.result() for uri, read in reads.items()}
        return [
            self._submit(
                self._maker.draft,
                image,
                bags[image.scan_uri],
                bags[image.partner.scan_uri] if image.partner else None,
            )
            for image in group
        ]

    def _fuse(self, drafting: list[Future[Draft | Outcome]]) -> list[Future[Made]]:
        drafts = [draft.result() for draft in drafting]
        images = self._maker.fuse(drafts)
        if self._watch_drift:
            for draft, image in zip(drafts, images, strict=True):
                if isinstance(draft, Draft) and isinstance(image, np.ndarray):
                    self._drift.add(image, draft.scan, draft.air_level)
        return [
            self._submit(self._maker.finish, draft, image)
            for draft, image in zip(drafts, images, strict=True)
        ]

    def _submit(self, step: Callable[..., Result], *arguments: object) -> Future[Result]:
        if self._threads is not None:
            return self._threads.submit(step, *arguments)
        done: Future[Result] = Future()
        done.set_result(step(*arguments))
        return done

    @cached_property
    def _metrics(self) -> ShardMetrics:
        # Not made where the worker is used without Ray.
        return ShardMetrics()

    def _planned(self, shard_id: str, number: int) -> list[PlannedImage]:
        if self._plan is None:
            self._plan = StoredPlan(self._corpus)
        return self._plan.shard(shard_id, number, shard_images=self._config.shard_images)

    def _kept(self, shard_id: str) -> dict[str, dict[str, Any]]:
        """Read the rows of a committed shard that stay as they are."""
        if not is_committed(self._corpus, shard_id):
            return {}
        return {
            row["image_id"]: row
            for row in read_rows(self._corpus, shard_id)
            if not (self._retry_failed and row["status"] == "failed")
        }

    def _write(self, made: Made, for_container: dict[str, bytes]) -> list[Future[None]]:
        """Begin to write an image that has a file of its own; put any other to what its container will hold."""
        if made.data is None or made.outcome.image_key is None:
            return []
        if self._config.layout != "files":
            for_container[made.outcome.image_key] = made.data
            return []
        return [self._pool.submit(self._corpus.write, made.outcome.image_key, made.data)]


def open_engine(config: SynthConfig, device: str) -> Engine:
    """Open the engine that the settings name, with its weights where it has any."""
    if config.engine not in LEARNED:
        return open_classic(config.engine, config.fusion)
    # Loads torch, for seconds, which the others do without.
    from rwsc.fusion.networks import open_learned

    return open_learned(config.engine, *read_weights(config.weights or ""), device=device)


def _ahead(items: Iterator[Item], number: int) -> Iterator[Item]:
    """Give items in order, so many of them begun beyond the one that is given."""
    begun: deque[Item] = deque()
    for item in items:
        begun.append(item)
        if len(begun) > number:
            yield begun.popleft()
    yield from begun


def _read_bag(uri: str) -> Bag:
    # A bag that is gone or locked costs its own row. A store that stays down ends the run, which the same
    # command takes up again: its images are not to be written off as failed.
    try:
        return read_uri(uri)
    except (ObjectMissing, AccessDenied) as error:
        return error
