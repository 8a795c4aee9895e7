"""The runs of a study: arm by arm and seed by seed trained on Ray, and measured on the same pairs."""

import hashlib
import json
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch

from rwsc.config import fingerprint
from rwsc.errors import ObjectMissing, RunMismatch, RwscError, WeightsError
from rwsc.evaluation.study import SECTION, TRUTH, Arm, StudyConfig, run_name, runs_of, train_config
from rwsc.evaluation.study_figures import attention_map
from rwsc.evaluation.study_scores import Pair, decode_scores, encode_scores, score_pair, to_8bit
from rwsc.evaluation.study_tables import Outcome
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.networks import decode_network
from rwsc.runs.machine import describe_machine
from rwsc.runs.session import WorkerPool, size_pool, start_ray, user_error
from rwsc.runs.talk import Progress, say
from rwsc.runs.train import TrainingInputs, check_run, train
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY, read_weights
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig

Fuse = Callable[[Pair], np.ndarray]

MACHINE_KEY = "machine.json"
"""What a run of a study was trained on and when, in the run's folder."""


def check_runs(study: StudyConfig) -> None:
    """Refuse before any training what the inputs, start weights and folders of the runs do not fit.

    Runs that are there must have been trained on the very data and start weights that are given now, finished or not:
    a study compares nothing else.

    Args:
        study: The study, with complete addresses.

    Raises:
        RwscError: As `rwsc.runs.train.train` would; the message names the arm or the run's folder.
    """
    seen: dict[Hashable, TrainingInputs] = {}
    for arm, seed in runs_of(study):
        try:
            check_run(train_config(study, arm, seed), seen)
        except RunMismatch:
            raise
        except RwscError as error:
            raise type(error)(f"{SECTION}: arm {arm.name!r}: {error.message}", remedy=error.remedy) from None


def known_outcome(out: Prefix, study: StudyConfig, arm: Arm, seed: int, key: str) -> Outcome | None:
    """Read the scores of a finished run.

    Args:
        out: The folder of the study.
        study: The study.
        arm: An arm of it.
        seed: One of its seeds.
        key: What `rwsc.runs.held_out.pairs_key` gives for the held-out pairs.

    Returns:
        The scores; None where there are none, or settings or weights are not those that were measured.
    """
    name = run_name(arm, seed)
    scores = _known_scores(
        out, name, study.pictures, _scores_key(out, train_config(study, arm, seed), name, key)
    )
    return None if scores is None else Outcome(seed=seed, scores=scores)


def _known_scores(out: Prefix, name: str, pictures: int, key: str | None) -> list[dict[str, float]] | None:
    """Read what was measured before; None where nothing was, or other pairs, settings or weights, or it is damaged."""
    try:
        found = json.loads(out.read(f"scores/{name}.json"))
        if found["key"] == key and found["pictures"] == pictures:
            return decode_scores(found["scores"])
    except (ObjectMissing, ValueError, TypeError, KeyError, AttributeError):
        pass
    return None


def _scores_key(out: Prefix, config: TrainConfig, name: str, key: str) -> str | None:
    try:
        card = out.read(f"runs/{name}/{CARD_KEY}")
    except ObjectMissing:
        return None
    return fingerprint(config, hashlib.sha256(card).hexdigest(), key)


def train_and_measure(
    study: StudyConfig, waiting: list[tuple[Arm, int]], pairs: list[Pair], key: str
) -> Iterator[tuple[Arm, int, Outcome]]:
    """Make sure that the cluster holds the runs that are not yet, then train and measure them.

    Args:
        study: The study.
        waiting: Arms and seeds.
        pairs: The held-out pairs.
        key: Their key.

    Returns:
        Each run as it is done; one that diverged is a failure among the others. Training begins with the first that
        is asked for, and ends with an `RwscError` where its inputs are gone.

    Raises:
        ResourceError: The cluster cannot hold even one run.
    """
    if not waiting:
        return iter(())
    start_ray()
    return _trained(study, waiting, pairs, key, _runs_that_fit(study, waiting))


def _trained(
    study: StudyConfig, waiting: list[tuple[Arm, int]], pairs: list[Pair], key: str, runs_at_once: int
) -> Iterator[tuple[Arm, int, Outcome]]:
    import ray

    progress = Progress(len(waiting), noun="runs")
    shared_pairs = ray.put(pairs)
    running: dict[Any, tuple[Arm, int]] = {}
    left = iter(waiting)

    def start_next() -> None:
        for arm, seed in islice(left, runs_at_once - len(running)):
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
    pool = size_pool(config.workers, use_gpu=config.use_gpu)
    is_alone = pool.num_workers == 1
    remote = ray.remote(
        num_cpus=pool.cpus_per_worker if is_alone else 0,
        num_gpus=pool.gpus_per_worker if is_alone else 0,
        max_retries=config.max_failures,
    )(_run)
    device = "cuda" if pool.gpus_per_worker else "cpu"
    # What is not set may come from the weights that a run starts from.
    values = config.model_dump(exclude_unset=True)
    return remote.remote(values, run_name(arm, seed), pairs, key, study.pictures, device, is_alone)


def _runs_that_fit(study: StudyConfig, waiting: list[tuple[Arm, int]]) -> int:
    """Give how many of the waiting runs can go side by side, whichever they are: as many as are wanted, or fewer."""
    import ray

    cluster = ray.cluster_resources()
    wanted = min(study.runs_at_once, len(waiting))
    configs = [train_config(study, arm, seed) for arm, seed in waiting]
    sizes = dict.fromkeys((config.workers, config.use_gpu) for config in configs)
    fits = min(room_for(size_pool(workers, use_gpu=use_gpu), cluster) for workers, use_gpu in sizes)
    if fits < wanted:
        say(f"runs_at_once is {study.runs_at_once}, but the cluster holds {fits}: training {fits} at once")
    return min(wanted, fits)


def room_for(pool: WorkerPool, cluster: Mapping[str, float]) -> int:
    """Count how many pools alike a cluster holds side by side.

    Args:
        pool: The workers of one run; they fit.
        cluster: How many of ``CPU`` and ``GPU`` there are.

    Returns:
        1 or more.
    """
    shares = {"CPU": pool.cpus_per_worker, "GPU": pool.gpus_per_worker}
    return max(
        1,
        min(
            int(cluster.get(name, 0) / (pool.num_workers * share) + 1e-9)
            for name, share in shares.items()
            if share
        ),
    )


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
    values: dict[str, Any],
    name: str,
    pairs: list[Pair],
    key: str,
    pictures: int,
    device: str,
    is_alone: bool = True,
) -> list[dict[str, Any]]:
    """Train one arm with one seed and measure it; Ray calls it in a process of its own, which it uses again."""
    config = TrainConfig(**values)
    out = Prefix(config.output.removesuffix(f"/runs/{name}"))
    run = out.child(f"runs/{name}")
    was_trained = run.exists(WEIGHTS_KEY) and run.exists(CARD_KEY)
    train(config, here=device if is_alone else None)
    if not was_trained:
        run.write(MACHINE_KEY, (json.dumps(_machine(device), indent=1) + "\n").encode())
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


def _machine(device: str) -> dict[str, Any]:
    machine = describe_machine()
    gpu = machine["gpu"] if device == "cuda" else None
    return {"device": device, **machine, "gpu": gpu, "date": time.strftime("%Y-%m-%d")}


def read_machine(out: Prefix, name: str) -> dict[str, Any] | None:
    """Read what a run was trained on.

    Args:
        out: The folder of the study.
        name: The run, as `rwsc.evaluation.study.run_name` has it.

    Returns:
        ``device``, ``date`` and the machine; None where it was not recorded, as by earlier versions.
    """
    try:
        found = json.loads(out.read(f"runs/{name}/{MACHINE_KEY}"))
    except (ObjectMissing, ValueError):
        return None
    return found if isinstance(found, dict) else None


def engine_scores(
    out: Prefix, name: str, pairs: list[Pair], pictures: int, key: str
) -> list[dict[str, float]]:
    """Measure an engine that needs no training, or the true scan, or read what was measured before.

    Args:
        out: The folder of the study.
        name: The engine, or `rwsc.evaluation.study.TRUTH`.
        pairs: The held-out pairs.
        pictures: Pairs of which the fused picture is kept.
        key: Key of the pairs.

    Returns:
        The scores of each pair.
    """
    known = _known_scores(out, name, pictures, key)
    if known is not None:
        return known
    fuse = _truth if name == TRUTH else _with_engine(name)
    return decode_scores(_measure(out, name, fuse, pairs, pictures, key))


def _with_engine(name: str) -> Fuse:
    engine = open_classic(name, EngineConfig())
    return lambda pair: np.ascontiguousarray(engine.fuse([pair.region])[0].transpose(2, 0, 1))


def _truth(pair: Pair) -> np.ndarray:
    assert pair.sample.truth_CHW is not None  # a study asks for it of phantoms alone
    return pair.sample.truth_CHW


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
