"""Make a corpus on Ray Data: claim the folder, plan, fuse what is missing shard by shard, sum up."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

import rwsc
from rwsc.config import fingerprint, output_values
from rwsc.corpus.choice import label_shares
from rwsc.corpus.coco import write_coco
from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.distractors import open_distractors
from rwsc.corpus.manifest import MANIFEST_VERSION, RunFacts
from rwsc.corpus.plan import build_plan, shards_of, usable_bags
from rwsc.corpus.plan_store import write_plan
from rwsc.corpus.settings import SynthConfig
from rwsc.corpus.tally import CorpusTotals, Tally
from rwsc.errors import ConfigError, RwscError, SourceError
from rwsc.fusion.engines import LEARNED
from rwsc.fusion.networks import decode_network
from rwsc.items.bank import Item, ItemBank
from rwsc.runs.carried import raise_carried
from rwsc.runs.priors import with_priors
from rwsc.runs.session import WorkerPool, size_pool, start_ray, user_error
from rwsc.runs.shard_worker import ShardWorker
from rwsc.runs.talk import Progress, say
from rwsc.runs.weights import read_weights
from rwsc.sources.catalogue import catalogue_hash, read_catalogue
from rwsc.sources.licences import Licence, classify
from rwsc.storage.prefix import Prefix, absolute_uri, uri_exists
from rwsc.storage.run_card import claim_run

COCO_KEY = "annotations.coco.json"
REPORT_KEY = "report.json"
PROBED_BAGS = 16
"""Bags that are looked for before a run starts."""

NO_PROGRESS_S = 900
NO_PROGRESS_PER_IMAGE_S = 120
"""A pool that finishes no shard for this long is taken for hung and ends with an error; the longer of both."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthInputs:
    """What a corpus is made from."""

    plan: pa.Table
    labels: list[str]
    facts: RunFacts
    card: dict[str, Any]


def synthesize(config: SynthConfig) -> CorpusTotals:
    """Make a corpus, or finish one that was interrupted; a finished corpus is left alone.

    Args:
        config: Settings of the run. The same settings and folder resume; other settings are refused.

    Returns:
        Totals over all planned images.

    Raises:
        RwscError: Inputs, folder, weights or cluster do not fit.
    """
    config = with_priors(_with_whole_addresses(config))
    corpus = Prefix(config.output)
    corpus.check_writable()
    inputs = read_inputs(config)
    claim_run(corpus, inputs.card)
    shards = shards_of(inputs.plan)
    todo = _missing(shards, committed_shards(corpus))
    if not todo and (totals := _read_totals(corpus)) is not None:
        say(f"{corpus.uri} is complete; nothing to do")
        return totals
    if todo:
        _check_some_bag_is_there(inputs.plan)
        # Written again on every start: the same images, but bags may have moved since.
        write_plan(corpus, inputs.plan, shard_images=config.shard_images)
    seconds = _fuse(config, inputs, corpus, todo) if todo else 0.0
    return _sum_up(corpus, inputs, shards, seconds)


def read_inputs(config: SynthConfig) -> SynthInputs:
    """Read catalogue, item bank and weights, check that they go together, and plan.

    Args:
        config: Settings with complete addresses.

    Returns:
        Plan, classes and what identifies the run.

    Raises:
        RwscError: Something is missing, damaged, or of a licence that the declared use excludes.
    """
    bank = ItemBank.load(config.items, splits=[config.split] if config.split else None)
    bags = usable_bags(read_catalogue(config.bags), config.bag_kinds, config.split)
    label_shares(bank, config.class_weights)
    weights_sha256, weights_licence = _check_weights(config)
    hashes = {"items": bank.bank_hash, "bags": catalogue_hash(bags), "weights": weights_sha256}
    plan = build_plan(
        bags,
        num_images=config.num_images,
        seed=config.seed,
        shard_images=config.shard_images,
        controls=config.controls,
    )
    labels = _labels(bank, plan)
    harmless = open_distractors(config.controls, split=config.split, labels=labels)
    if harmless is not None:
        hashes["distractors"] = harmless.bank_hash
    _check_licences(config, [*bank.items, *(harmless or [])], bags, weights_licence)
    identity = fingerprint(
        config, *(hashes[name] for name in sorted(hashes)), str(MANIFEST_VERSION), rwsc.__version__
    )
    facts = RunFacts(
        engine=config.engine,
        weights_sha256=weights_sha256,
        config_fingerprint=identity,
        code_version=rwsc.__version__,
    )
    card = {
        "kind": "synth",
        "fingerprint": identity,
        "settings": output_values(config),
        "inputs": hashes,
        "code_version": rwsc.__version__,
        "synthetic": True,
        "addresses": {
            "items": config.items,
            "bags": config.bags,
            "weights": config.weights,
            "distractors": config.controls.distractors,
        },
    }
    return SynthInputs(plan=plan, labels=labels, facts=facts, card=card)


def _with_whole_addresses(config: SynthConfig) -> SynthConfig:
    names = ["items", "bags", "output", *(["weights"] if config.weights else [])]
    whole: dict[str, Any] = {name: absolute_uri(getattr(config, name)) for name in names}
    if config.controls.distractors is not None:
        distractors = absolute_uri(config.controls.distractors)
        whole["controls"] = config.controls.model_copy(update={"distractors": distractors})
    return config.model_copy(update=whole)


def _check_weights(config: SynthConfig) -> tuple[str, list[str]]:
    if config.engine not in LEARNED:
        return "", []
    if not config.weights:
        raise ConfigError(
            f"the engine {config.engine} needs weights, and none were given",
            remedy="rwsc train makes them; give --weights RUN, or --engine tip which needs none",
        )
    weights, card = read_weights(config.weights)
    _, read_card = decode_network(config.engine, weights, card)
    return hashlib.sha256(weights).hexdigest(), [read_card.data_licence]


def _check_licences(config: SynthConfig, items: list[Item], bags: pa.Table, weights: list[str]) -> None:
    if config.declared_use != "commercial":
        return
    licences = {item.licence for item in items} | set(bags["licence"].to_pylist()) | set(weights)
    for text in sorted(licences, key=str):
        if classify(text) is not Licence.PERMISSIVE:
            stated = f"under the licence {text!r}" if text else "of no stated licence"
            raise SourceError(
                f"a corpus declared commercial cannot be made of items, bags or weights {stated}",
                remedy="leave those sources out, or set declared_use to research",
            )


def _labels(bank: ItemBank, plan: pa.Table) -> list[str]:
    in_bags = {thing["label"] for things in plan["bag_objects"].to_pylist() for thing in things or []}
    return sorted({item.label for item in bank.items} | in_bags)


def _missing(shards: list[str], done: set[str]) -> list[dict[str, Any]]:
    return [
        {"shard_id": shard_id, "number": number}
        for number, shard_id in enumerate(shards)
        if shard_id not in done
    ]


def _fuse(config: SynthConfig, inputs: SynthInputs, corpus: Prefix, todo: list[dict[str, Any]]) -> float:
    start_ray()
    wants_gpu = None if config.device == "auto" and config.engine in LEARNED else config.device == "cuda"
    pool = size_pool(config.workers, use_gpu=wants_gpu)
    device = "cuda" if pool.gpus_per_worker else "cpu"
    num_images = inputs.plan.num_rows
    done = num_images - _rows_in(todo, num_images, config.shard_images)
    say(
        f"{num_images - done:,} images to make with {config.engine} on {pool.num_workers} worker(s), {device}"
    )
    progress, statuses = Progress(num_images, noun="images", done=done), Counter[str]()
    started = time.monotonic()
    try:
        for counts in _run_shards(config, inputs.facts, todo, pool, device):
            statuses.update(counts)
            progress.done += sum(counts.values())
            say(progress.line(f"rejected {statuses['rejected']} · failed {statuses['failed']}"))
    except Exception as error:
        if (found := user_error(error)) is not None:
            raise found from None
        raise
    return time.monotonic() - started


def _rows_in(todo: list[dict[str, Any]], num_images: int, shard_images: int) -> int:
    return sum(min(shard_images, num_images - shard["number"] * shard_images) for shard in todo)


def _run_shards(
    config: SynthConfig,
    facts: RunFacts,
    todo: list[dict[str, Any]],
    pool: WorkerPool,
    device: str,
) -> Iterator[dict[str, int]]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Ray counts finished blocks as progress, and a block is a shard.
    context.execution_no_progress_timeout_s = max(
        NO_PROGRESS_S, NO_PROGRESS_PER_IMAGE_S * config.shard_images
    )
    # One block a shard, so that a worker takes one shard at a time and a lost worker costs one shard.
    shards = ray.data.from_items(todo, override_num_blocks=len(todo))
    done = shards.map_batches(
        ShardWorker,
        fn_constructor_kwargs={"config": config.model_dump(), "facts": asdict(facts), "device": device},
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(pool.num_workers, len(todo))),
        num_cpus=pool.cpus_per_worker,
        num_gpus=pool.gpus_per_worker or None,
    )
    for batch in done.iter_batches(batch_size=None, prefetch_batches=0):
        raise_carried(batch)
        for index in range(len(batch["shard_id"])):
            yield {status: int(batch[status][index]) for status in ("made", "rejected", "failed")}


def _sum_up(corpus: Prefix, inputs: SynthInputs, shards: list[str], seconds: float) -> CorpusTotals:
    absent = _missing(shards, committed_shards(corpus))
    if absent:
        raise SourceError(
            f"{len(absent)} of {len(shards)} shards are not committed in {corpus.uri}",
            remedy="run the same command again; it makes what is missing",
        )
    tally = Tally()
    rows = tally.of(row for shard in shards for row in read_rows(corpus, shard))
    write_coco(rows, inputs.labels, corpus.uri_of(COCO_KEY))
    totals = tally.totals()
    report = {
        "totals": asdict(totals),
        "fingerprint": inputs.facts.config_fingerprint,
        "seconds": round(seconds, 1),
    }
    corpus.write(REPORT_KEY, (json.dumps(report, indent=1) + "\n").encode())
    return totals


def _read_totals(corpus: Prefix) -> CorpusTotals | None:
    """Read the totals of a finished corpus; None when a summary is missing or damaged and must be made again."""
    if not corpus.exists(COCO_KEY):
        return None
    try:
        return CorpusTotals(**json.loads(corpus.read(REPORT_KEY))["totals"])
    except (RwscError, ValueError, KeyError, TypeError):
        return None


def _check_some_bag_is_there(plan: pa.Table) -> None:
    # Without this, an archive that is not mounted would end as a corpus of failed rows.
    uris = list(dict.fromkeys(plan["scan_uri"].to_pylist()[:PROBED_BAGS]))
    if not any(uri_exists(uri) for uri in uris):
        raise SourceError(
            f"none of the first {len(uris)} bags is where the catalogue says, for example {uris[0]}",
            remedy="mount or restore the scans, or index them where they are now",
        )
