"""A study on Ray: every arm and seed is a training run of its own, and each is measured on the same pairs."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch

import rwsc
from rwsc.config import fingerprint, output_values
from rwsc.corpus.plan import usable_bags
from rwsc.errors import ConfigError, ObjectMissing, ResourceError, SourceError, WeightsError
from rwsc.evaluation.study import Arm, StudyConfig, check_arms, run_name, runs_of, train_config
from rwsc.evaluation.study_figures import attention_map, draw_figures
from rwsc.evaluation.study_page import Study, render_page, to_json
from rwsc.evaluation.study_scores import Pair, decode_scores, draw_pairs, encode_scores, score_pair, to_8bit
from rwsc.evaluation.study_tables import Outcome, build_tables
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.networks import decode_network
from rwsc.items.bank import ItemBank
from rwsc.runs.bags import BagCache
from rwsc.runs.machine import describe_machine
from rwsc.runs.session import WorkerPool, size_pool, start_ray, user_error
from rwsc.runs.talk import Progress, say
from rwsc.runs.train import PHANTOM_LICENCE, train
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY, read_weights
from rwsc.sources.catalogue import read_catalogue
from rwsc.sources.licences import Licence, classify, stricter_of
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, absolute_uri
from rwsc.storage.run_card import claim_run
from rwsc.training.phantom_samples import PhantomSource
from rwsc.training.samples import DrawsSamples, SampleSource
from rwsc.training.settings import TrainConfig

JSON_KEY = "tables.json"
PAGE_KEY = "tables.html"

STREAM = "held-out pairs"
"""Name of the stream of held-out pairs; those of training are named train and validation."""

_CACHE_MIB = 512

Fuse = Callable[[Pair], np.ndarray]


def evaluate_tables(study: StudyConfig) -> tuple[str, int]:
    """Train every arm with every seed, measure all on the same held-out pairs, and write the tables.

    What is done is left alone, so that the same command takes up a study; arms and seeds may be added.

    Args:
        study: What is trained and compared.

    Returns:
        Address of the page, which `JSON_KEY` lies beside; and how many runs failed, as the page tells.

    Raises:
        RwscError: Settings, inputs, folder or cluster do not fit.
    """
    study = study.model_copy(
        update={
            name: absolute_uri(address)
            for name in ("items", "bags", "output")
            if (address := getattr(study, name)) is not None
        }
    )
    check_arms(study)
    out = Prefix(study.output)
    out.check_writable()
    held_out, licence = open_held_out(study)
    pairs = draw_pairs(held_out, study.held_out_pairs)
    key = _pairs_key(pairs)
    claim_run(out, _run_card(study, key))
    if classify(licence) is Licence.ACADEMIC:
        say("the data are for academic use alone, and so are the weights, figures and pictures of this study")
    outcomes: dict[str, list[Outcome]] = {}
    for name in study.engines:
        outcomes[name] = [Outcome(seed=None, scores=_engine_scores(out, name, pairs, study.pictures, key))]
    waiting = []
    for arm, seed in runs_of(study):
        known = _known(out, study, arm, seed, key)
        if known is None:
            waiting.append((arm, seed))
        else:
            outcomes.setdefault(arm.name, []).append(known)
    page = write_report(study, out, pairs, outcomes, licence)
    for arm, seed, outcome in _train_and_measure(study, waiting, pairs, key):
        outcomes.setdefault(arm.name, []).append(outcome)
        say(_line(arm, seed, outcome))
        write_report(study, out, pairs, outcomes, licence)
    return page, sum(bool(outcome.failure) for found in outcomes.values() for outcome in found)


def open_held_out(study: StudyConfig) -> tuple[DrawsSamples, str | None]:
    """Open the source of held-out pairs, and make sure that no arm trains on what it draws from.

    Args:
        study: Settings with complete addresses.

    Returns:
        The source, and the strictest licence of all data of the study.

    Raises:
        ConfigError: There is nothing held out, or a group of bags or a physical item is on both sides.
    """
    if study.phantoms:
        phantoms = PhantomSource(study.held_out_pairs, config=study.pairs, seed=study.pairs_seed, name=STREAM)
        return phantoms, PHANTOM_LICENCE
    assert study.bags is not None  # `check_arms` refuses a study without
    trained, held = _bank(study, [study.train_split]), _bank(study, study.held_out_splits)
    catalogue = read_catalogue(study.bags)
    kinds = train_config(study, study.arms[0], study.seeds[0]).bag_kinds
    trained_bags = _rows(catalogue, kinds, [study.train_split])
    held_bags = _rows(catalogue, kinds, study.held_out_splits)
    _refuse_shared(
        "physical item",
        {item.physical_item_id for item in trained},
        {item.physical_item_id for item in held},
    )
    _refuse_shared("group of bags", *({_group(row) for row in rows} for rows in (trained_bags, held_bags)))
    licences = {row["licence"] or "" for row in (*trained_bags, *held_bags)}
    cache = BagCache(held_bags, budget_mib=_CACHE_MIB)
    source = SampleSource(
        held.items, cache.load, len(cache), config=study.pairs, seed=study.pairs_seed, name=STREAM
    )
    items = {item.licence or "" for item in (*trained, *held)}
    return source, stricter_of(*sorted(licences | items))


def write_report(
    study: StudyConfig,
    out: Prefix,
    pairs: list[Pair],
    outcomes: dict[str, list[Outcome]],
    licence: str | None,
) -> str:
    """Write tables and page of what is measured so far.

    Args:
        study: The study.
        out: Its folder.
        pairs: The held-out pairs.
        outcomes: What became of arms and engines, by name.
        licence: The strictest licence of the data.

    Returns:
        Address of the page.
    """
    report = Study(
        config=study,
        tables=build_tables(study, outcomes),
        figures=draw_figures(study, pairs[: study.pictures], lambda name: _pictures(out, name)),
        machine={**describe_machine(), "date": time.strftime("%Y-%m-%d")},
        licence=licence or "not stated",
        is_academic=classify(licence) is Licence.ACADEMIC,
        trained={arm.name: train_config(study, arm, study.seeds[0]) for arm in study.arms},
    )
    for name, sheet in report.figures.items():
        out.write(f"figures/{name}.png", encode_image(sheet.picture))
    out.write(JSON_KEY, (json.dumps(to_json(report), indent=1, allow_nan=False) + "\n").encode())
    out.write(PAGE_KEY, render_page(report).encode())
    return out.uri_of(PAGE_KEY)


def _bank(study: StudyConfig, splits: list[str]) -> ItemBank:
    assert study.items is not None
    try:
        return ItemBank.load(study.items, splits=splits)
    except SourceError as error:
        raise ConfigError(
            f"no items to compare on or to train on: {error.message}",
            remedy="rwsc items split ITEMS -o SPLIT gives items splits; name them in train_split and"
            " held_out_splits",
        ) from None


def _rows(catalogue: Any, kinds: list[Any], splits: list[str]) -> list[dict[str, Any]]:  # noqa: ANN401 - a table
    names = ["uri", "sha256", "air_level", "dataset", "group", "scan_id", "licence"]
    rows: list[dict[str, Any]] = []
    for split in splits:
        try:
            rows += usable_bags(catalogue, kinds, split).select(names).to_pylist()
        except SourceError:
            continue
    if not rows:
        raise ConfigError(
            f"the catalogue has no bag in split {' or '.join(map(repr, splits))}",
            remedy="index more scans without items, or name other splits in train_split and held_out_splits",
        )
    return sorted(rows, key=lambda row: row["scan_id"])


def _group(row: dict[str, Any]) -> str:
    return f"{row['dataset']}/{row['group']}" if row["group"] else row["scan_id"]


def _refuse_shared(what: str, trained: set[str], held: set[str]) -> None:
    if shared := sorted(trained & held):
        raise ConfigError(
            f"the {what} {shared[0]!r} is both trained on and held out ({len(shared)} in all)",
            remedy="give splits that keep groups together; rwsc items split does",
        )


def _pairs_key(pairs: list[Pair]) -> str:
    digest = hashlib.sha256(rwsc.__version__.encode())
    for pair in pairs:
        for array in (pair.sample.item_CHW, pair.sample.bag_CHW, pair.sample.mask_1HW):
            digest.update(array.tobytes())
    return digest.hexdigest()


def _run_card(study: StudyConfig, key: str) -> dict[str, Any]:
    # Arms, seeds and their settings are no part of it: every run guards its own folder, so that both can grow.
    held = ("phantoms", "train_split", "held_out_splits", "held_out_pairs", "pairs", "pairs_seed")
    settings = {name: value for name, value in output_values(study).items() if name in held}
    return {
        "kind": "evaluate tables",
        "fingerprint": hashlib.sha256(json.dumps([settings, key], sort_keys=True).encode()).hexdigest()[:16],
        "settings": settings,
        "inputs": {"held_out_pairs": key},
        "code_version": rwsc.__version__,
    }


def _known(out: Prefix, study: StudyConfig, arm: Arm, seed: int, key: str) -> Outcome | None:
    """Read the scores of a finished run; None where settings or weights are not those that were measured."""
    name = run_name(arm, seed)
    try:
        found = json.loads(out.read(f"scores/{name}.json"))
    except (ObjectMissing, ValueError):
        return None
    wanted = _scores_key(out, train_config(study, arm, seed), name, key)
    if found.get("key") != wanted or found.get("pictures") != study.pictures:
        return None
    return Outcome(seed=seed, scores=decode_scores(found["scores"]))


def _scores_key(out: Prefix, config: TrainConfig, name: str, key: str) -> str | None:
    try:
        card = out.read(f"runs/{name}/{CARD_KEY}")
    except ObjectMissing:
        return None
    return fingerprint(config, hashlib.sha256(card).hexdigest(), key)


def _train_and_measure(
    study: StudyConfig, waiting: list[tuple[Arm, int]], pairs: list[Pair], key: str
) -> Iterator[tuple[Arm, int, Outcome]]:
    """Train and measure what is not yet, and give each run as it is done."""
    if not waiting:
        return
    start_ray()
    import ray

    progress = Progress(len(waiting), noun="runs")
    shared_pairs = ray.put(pairs)
    running: dict[Any, tuple[Arm, int]] = {}
    left = iter(waiting)

    def start_next() -> None:
        for arm, seed in islice(left, study.runs_at_once - len(running)):
            running[_start(study, arm, seed, shared_pairs, key)] = arm, seed

    start_next()
    while running:
        (done,), _ = ray.wait(list(running), num_returns=1)
        arm, seed = running.pop(done)
        start_next()  # before the report of this one is written
        yield arm, seed, _outcome(seed, done)
        progress.done += 1
        progress.say()


def _start(study: StudyConfig, arm: Arm, seed: int, pairs: Any, key: str) -> Any:  # noqa: ANN401 - Ray's types
    """Start a run. One worker trains in the process that measures; several are a group of Ray Train."""
    import ray

    config = train_config(study, arm, seed)
    pool = _pool_with_room(study, config)
    is_alone = pool.num_workers == 1
    remote = ray.remote(
        num_cpus=pool.cpus_per_worker if is_alone else 0,
        num_gpus=pool.gpus_per_worker if is_alone else 0,
        max_retries=config.max_failures,
    )(_run)
    device = "cuda" if pool.gpus_per_worker else "cpu"
    return remote.remote(
        config.model_dump(), run_name(arm, seed), pairs, key, study.pictures, device if is_alone else None
    )


def _pool_with_room(study: StudyConfig, config: TrainConfig) -> WorkerPool:
    import ray

    pool = size_pool(config.workers, use_gpu=config.use_gpu)
    cluster = ray.cluster_resources()
    for name, share in (("CPU", pool.cpus_per_worker), ("GPU", pool.gpus_per_worker)):
        wanted, found = study.runs_at_once * pool.num_workers * share, float(cluster.get(name, 0))
        if wanted > found:
            raise ResourceError(
                f"{study.runs_at_once} runs at once want {wanted:g} {name}s, but the cluster has {found:g}",
                remedy="set runs_at_once = 1",
            )
    return pool


def _outcome(seed: int, done: Any) -> Outcome:  # noqa: ANN401 - Ray's reference
    import ray

    try:
        return Outcome(seed=seed, scores=decode_scores(ray.get(done)))
    except Exception as error:
        found = user_error(error)
        if isinstance(found, WeightsError):  # it diverged: of interest, and no reason to stop the others
            return Outcome(seed=seed, failure=found.message)
        if found is not None:
            raise found from None
        raise


def _run(
    values: dict[str, Any], name: str, pairs: list[Pair], key: str, pictures: int, here: str | None
) -> list[dict[str, Any]]:
    """Train one arm with one seed and measure it; Ray calls it in a process of its own, which it uses again."""
    config = TrainConfig(**values)
    out = Prefix(config.output.removesuffix(f"/runs/{name}"))
    train(config, here=here)
    torch.set_num_threads(config.threads or 1)
    network = decode_network(config.method, *read_weights(f"{config.output}/{WEIGHTS_KEY}"))[0].eval()
    if isinstance(network, RwscNetwork) and network.config.edge_attention:
        for number, pair in enumerate(pairs[:pictures]):
            out.write(f"pictures/{name}/attention-{number}.png", encode_image(attention_map(network, pair)))

    def fuse(pair: Pair) -> np.ndarray:
        sample = pair.sample
        tensors = (
            torch.from_numpy(each)[None] for each in (sample.item_CHW, sample.bag_CHW, sample.mask_1HW)
        )
        with torch.inference_mode():
            fused_CHW: np.ndarray = network(*tensors)[0].float().numpy()
        return fused_CHW

    return _measure(out, name, fuse, pairs, pictures, _scores_key(out, config, name, key))


def _engine_scores(
    out: Prefix, name: str, pairs: list[Pair], pictures: int, key: str
) -> list[dict[str, float]]:
    try:
        found = json.loads(out.read(f"scores/{name}.json"))
        if found.get("key") == key and found.get("pictures") == pictures:
            return decode_scores(found["scores"])
    except (ObjectMissing, ValueError):
        pass
    engine = open_classic(name, EngineConfig())

    def fuse(pair: Pair) -> np.ndarray:
        return np.ascontiguousarray(engine.fuse([pair.region])[0].transpose(2, 0, 1))

    return decode_scores(_measure(out, name, fuse, pairs, pictures, key))


def _measure(
    out: Prefix, name: str, fuse: Fuse, pairs: list[Pair], pictures: int, key: str | None
) -> list[dict[str, Any]]:
    """Score all pairs, keep the pictures of the first, and write the scores last."""
    started, rows = time.monotonic(), []
    for number, pair in enumerate(pairs):
        fused_CHW = fuse(pair)
        rows.append(score_pair(pair, fused_CHW))
        if number < pictures:
            out.write(f"pictures/{name}/fused-{number}.png", encode_image(to_8bit(fused_CHW)))
    scores = encode_scores(rows)
    seconds = round(time.monotonic() - started, 1)
    document = {"key": key, "pictures": pictures, "seconds": seconds, "scores": scores}
    out.write(f"scores/{name}.json", (json.dumps(document, allow_nan=False) + "\n").encode())
    return scores


def _pictures(out: Prefix, key: str) -> np.ndarray | None:
    """Read a picture that was kept; None while there is none."""
    try:
        return decode_image(out.read(f"pictures/{key}.png"))
    except ObjectMissing:
        return None


def _line(arm: Arm, seed: int, outcome: Outcome) -> str:
    if outcome.scores is None:
        return f"{run_name(arm, seed)}: {outcome.failure}"
    shown = {"outside.mae": "MAE off the item", "box.q_e": "Q_E", "box.qabf": "Q^AB/F", "box.psnr": "PSNR"}
    parts = []
    for key, title in shown.items():
        values = [row[key] for row in outcome.scores if math.isfinite(row[key])]
        parts.append(f"{title} {sum(values) / len(values):.3f}" if values else f"{title} undefined")
    return f"{run_name(arm, seed)}: " + " · ".join(parts)
