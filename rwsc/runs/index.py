"""Index a source: a small one here, a large one on Ray Data in parts that an interrupted run goes on with."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import cv2
import numpy as np

import rwsc
from rwsc.config import fingerprint, output_values
from rwsc.errors import RunMismatch, RwscError, SourceError
from rwsc.runs.carried import error_columns, raise_carried
from rwsc.runs.session import size_pool, start_ray, user_error
from rwsc.runs.talk import Progress, say
from rwsc.sources.catalogue import write_catalogue
from rwsc.sources.examine import Defaults
from rwsc.sources.index import IndexSummary, ScanStream, examine_all, name_of_source, stream_scans
from rwsc.sources.json_fields import one_line
from rwsc.sources.layout import Recognised, recognise
from rwsc.sources.parts import IndexParts, Listed, digest_of
from rwsc.sources.row_file import refuse_existing
from rwsc.sources.schema import CATALOGUE_VERSION, Scan, SourceScan
from rwsc.sources.settings import IndexConfig
from rwsc.sources.taxonomy import load_taxonomy
from rwsc.storage.prefix import Prefix, absolute_uri, uri_exists
from rwsc.storage.run_card import RUN_CARD_KEY, claim_run

SMALL_SOURCE_SCANS = 2_000
"""Up to so many images are looked at in this process, unless workers are asked for: Ray takes 15 s to start."""

NO_PROGRESS_S = 900
NO_PROGRESS_PER_IMAGE_S = 10
"""A pool that finishes no part for this long is taken for hung and ends with an error; the longer of both."""

_SECONDS_BETWEEN_LINES = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """What one run goes by."""

    config: IndexConfig
    defaults: Defaults
    parts: IndexParts


def run_index(config: IndexConfig, *, overwrite: bool = False) -> IndexSummary:
    """Index a source into a catalogue, or finish a run that was interrupted.

    The catalogue's bytes do not depend on the number of workers, nor on whether Ray was used. While a large
    source is being looked at, its parts lie in ``<catalogue>.parts``; the same command goes on with them, once the
    source was listed again and is still what it was: the same images with the same annotations. Annotation files of
    single images are known by their names there, not by what they say. Parts of which nothing is missing, beside a
    catalogue, are those of a run that has written it: they are removed.

    Args:
        config: Settings of the run.
        overwrite: Replace a catalogue that is there; begin anew where the source has changed since the run began.

    Returns:
        What was found.

    Raises:
        ObjectExists: There is a catalogue and `overwrite` is not set.
        RunMismatch: The parts that are there belong to other settings, or the source has changed since and `overwrite`
            is not set.
        RwscError: The source cannot be used as it is, a store fails, or the cluster does not fit.
    """
    config = config.model_copy(
        update={name: absolute_uri(getattr(config, name)) for name in ("source", "output")}
    )
    if not overwrite:
        refuse_existing(config.output)
    run = _Run(
        config=config,
        defaults=Defaults(
            dataset=config.dataset or name_of_source(config.source),
            licence=config.licence,
            taxonomy=load_taxonomy(config.taxonomy),
        ),
        parts=IndexParts(Prefix(f"{config.output}.parts")),
    )
    _remove_finished(run)
    is_begun = run.parts.folder.exists(RUN_CARD_KEY) and _can_go_on(run, overwrite=overwrite)
    if is_begun:
        return _index_in_parts(run, None)
    source, dropped = recognise(config.source, config.layout), Counter[str]()
    say(f"layout {source.reader.layout}: {one_line(source.why)}")
    scans = source.list_scans(dropped)
    if config.workers is None:
        first = list(islice(scans, SMALL_SOURCE_SCANS + 1))
        if len(first) <= SMALL_SOURCE_SCANS:
            return _index_here(run, first, dropped)
        scans = chain(first, scans)
    return _index_in_parts(run, (source, scans, dropped))


def _remove_finished(run: _Run) -> None:
    # A run that is killed after its catalogue and before it has removed its parts leaves them whole. Whoever indexes
    # again would get the old rows without one look at the source. A run that was to replace a catalogue and was
    # killed in the moment between its last part and its own catalogue looks the same, and is begun anew, too.
    if not uri_exists(run.config.output):
        return
    listed = run.parts.listed()
    if listed is not None and not run.parts.missing(listed):
        run.parts.remove()


def _can_go_on(run: _Run, *, overwrite: bool) -> bool:
    # Its listing says what is to be looked at. Whoever adds images or annotations after a run was killed would get a
    # catalogue without them, and with them as harmless bags.
    _claim(run)
    listed = run.parts.listed()
    if listed is None:
        return True  # it is listed now
    say("a run was begun here; listing the source again, to see whether it has changed")
    source = recognise(run.config.source, run.config.layout)
    if digest_of(source.list_scans(Counter())) == listed.digest:
        return True
    if not overwrite:
        raise RunMismatch(
            f"{run.config.source} has changed since the run in {run.parts.folder.uri} began:"
            " images or annotations were added, removed or renamed",
            remedy="add --overwrite to begin anew, or put the source back as it was",
        )
    say("the source has changed since that run began; its parts are removed, and it begins anew")
    run.parts.remove()
    return False


def _index_here(run: _Run, listed: list[SourceScan], dropped: Counter[str]) -> IndexSummary:
    progress = Progress(len(listed), noun="images")
    scans = _told(examine_all(listed, run.defaults, max_workers=run.config.threads), progress)
    stream = stream_scans(scans, IndexSummary(dropped=dropped), run.defaults.taxonomy)
    return _write(run, stream, progress)


def _index_in_parts(
    run: _Run, source: tuple[Recognised, Iterator[SourceScan], Counter[str]] | None
) -> IndexSummary:
    _claim(run)
    listed = run.parts.listed() or _list(run, source)
    todo = run.parts.missing(listed)
    progress = Progress(
        listed.num_scans, noun="images", done=listed.num_scans - sum(listed.sizes[n] for n in todo)
    )
    if progress.done:
        say(f"taking up the run: {progress.done:,} of {listed.num_scans:,} images are done")
    if todo:
        _examine(run, listed, todo, progress)
    if absent := run.parts.missing(listed):
        raise SourceError(
            f"{len(absent)} of {len(listed.sizes)} parts are not in {run.parts.folder.uri}",
            remedy="run the same command again; it makes what is missing",
        )
    stream = stream_scans(
        run.parts.rows(listed),
        IndexSummary(dropped=Counter(listed.dropped)),
        run.defaults.taxonomy,
        kept=run.parts.kept(listed),
    )
    summary = _write(run, stream, progress)
    run.parts.remove()
    return summary


def _claim(run: _Run) -> None:
    inputs = {"source": run.config.source, "taxonomy": run.defaults.taxonomy.sha256}
    versions = (str(CATALOGUE_VERSION), rwsc.__version__)
    card: dict[str, Any] = {
        "kind": "index",
        "fingerprint": fingerprint(run.config, *(inputs[name] for name in sorted(inputs)), *versions),
        "settings": output_values(run.config),
        "inputs": inputs,
        "code_version": rwsc.__version__,
    }
    try:
        claim_run(run.parts.folder, card)
    except RunMismatch as error:
        raise RunMismatch(
            error.message,
            remedy=f"finish that run with its settings, or delete {run.parts.folder.uri} to begin anew",
        ) from None


def _list(run: _Run, source: tuple[Recognised, Iterator[SourceScan], Counter[str]] | None) -> Listed:
    if source is None:
        found, dropped = recognise(run.config.source, run.config.layout), Counter[str]()
        scans = found.list_scans(dropped)
    else:
        found, scans, dropped = source
    last = time.monotonic()

    def tell(num_scans: int) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            say(f"listing: {num_scans:,} images")
            last = time.monotonic()

    return run.parts.list_all(
        scans,
        dropped,
        part_images=run.config.part_images,
        layout=found.reader.layout,
        why=found.why,
        tell=tell,
    )


def _examine(run: _Run, listed: Listed, todo: list[int], progress: Progress) -> None:
    start_ray()
    pool = size_pool(run.config.workers, use_gpu=False)
    num_workers = min(pool.num_workers, len(todo))
    say(f"{progress.total - progress.done:,} images to look at on {num_workers} worker(s)")
    last = 0.0
    try:
        for number in _examined(run, listed, todo, num_workers, pool.cpus_per_worker):
            progress.done += listed.sizes[number]
            if time.monotonic() - last > _SECONDS_BETWEEN_LINES or progress.done == progress.total:
                progress.say()
                last = time.monotonic()
    except Exception as error:
        if (found := user_error(error)) is not None:
            raise found from None
        raise


def _examined(
    run: _Run, listed: Listed, todo: list[int], num_workers: int, cpus_per_worker: float
) -> Iterator[int]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Ray counts finished blocks as progress, and a block is a part.
    context.execution_no_progress_timeout_s = max(NO_PROGRESS_S, NO_PROGRESS_PER_IMAGE_S * max(listed.sizes))
    # One block a part, so that a worker takes one part at a time and a lost worker costs one part.
    parts = ray.data.from_items([{"part": number} for number in todo], override_num_blocks=len(todo))
    done = parts.map_batches(
        PartWorker,
        fn_constructor_kwargs={
            "folder": run.parts.folder.uri,
            "defaults": run.defaults,
            "threads": run.config.threads,
        },
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=num_workers),
        num_cpus=cpus_per_worker,
    )
    for batch in done.iter_batches(batch_size=None, prefetch_batches=0):
        raise_carried(batch)
        yield from map(int, batch["part"])


class PartWorker:
    """Looks at the images of parts. Ray Data keeps one instance per worker and hands it a part at a time."""

    def __init__(self, folder: str, defaults: Defaults, threads: int) -> None:
        """Make a worker.

        Args:
            folder: Address of the parts.
            defaults: What holds for the whole source.
            threads: Threads that read images.
        """
        cv2.setNumThreads(1)  # workers share the machine; threads of their own would only crowd it
        self._parts = IndexParts(Prefix(folder))
        self._defaults = defaults
        self._threads = threads

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Look at the parts of a batch and write their rows; say why one could not be finished."""
        errors: list[RwscError | None] = []
        for number in batch["part"]:
            try:
                self._parts.examine(int(number), self._defaults, threads=self._threads)
                errors.append(None)
            except RwscError as error:
                errors.append(error)
        return {"part": batch["part"], **error_columns(errors)}


def _told(scans: Iterator[Scan], progress: Progress) -> Iterator[Scan]:
    last = time.monotonic()
    for scan in scans:
        progress.done += 1
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            progress.say()
            last = time.monotonic()
        yield scan


def _write(run: _Run, stream: ScanStream, progress: Progress) -> IndexSummary:
    rate = progress.rate  # of parts; what is looked at here is looked at while it is written
    write_catalogue(run.config.output, stream, overwrite=True)
    say(f"{stream.summary.num_rows:,} images indexed · {rate or progress.rate:.1f}/s")
    return stream.summary
