"""The runs of a study: arm by arm and seed by seed trained on Ray, and measured on the same pairs."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch

from rwsc.config import fingerprint
from rwsc.errors import ObjectMissing, ResourceError, WeightsError
from rwsc.evaluation.study import TRUTH, Arm, StudyConfig, run_name, train_config
from rwsc.evaluation.study_figures import attention_map
from rwsc.evaluation.study_scores import Pair, decode_scores, encode_scores, score_pair, to_8bit
from rwsc.evaluation.study_tables import Outcome
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.networks import decode_network
from rwsc.runs.session import WorkerPool, size_pool, start_ray, user_error
from rwsc.runs.talk import Progress
from rwsc.runs.train import train
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY, read_weights
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig

Fuse = Callable[[Pair], np.ndarray]


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
    """Train and measure what is not yet.

    Args:
        study: The study.
        waiting: Arms and seeds.
        pairs: The held-out pairs.
        key: Their key.

    Yields:
        Each run as it is done; one that diverged is a failure among the others.

    Raises:
        RwscError: The cluster cannot hold the runs, or their inputs are gone.
    """
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
    # What is not set may come from the weights that a run starts from.
    values = config.model_dump(exclude_unset=True)
    return remote.remote(
        values, run_name(arm, seed), pairs, key, study.pictures, device if is_alone else None
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
