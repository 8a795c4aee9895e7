"""Train a fusion network on Ray Train: claim the run, fit, and write the best weights with their card."""

import hashlib
import signal
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rwsc
from rwsc.config import fingerprint, output_values
from rwsc.corpus.usable_bags import usable_bags
from rwsc.errors import ConfigError, RwscError
from rwsc.fusion.network.weights import Card, encode_weights
from rwsc.fusion.networks import CARDS, build_network, decode_network
from rwsc.items.bank import ItemBank
from rwsc.runs.metrics_log import read_metrics
from rwsc.runs.session import WorkerPool, size_pool, start_ray, user_error
from rwsc.runs.talk import duration, say
from rwsc.runs.train_loop import WorkerLoop, train_worker
from rwsc.runs.train_session import STATE_FILE, HereSession
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY, absolute_weights, read_weights
from rwsc.sources.catalogue import catalogue_hash, read_catalogue
from rwsc.sources.licences import stricter_of
from rwsc.storage.prefix import Prefix, absolute_uri
from rwsc.storage.run_card import RUN_CARD_KEY, claim_run
from rwsc.training.holdout import hold_out
from rwsc.training.methods import open_method
from rwsc.training.settings import TrainConfig
from rwsc.training.state import restore_state

CHECKPOINTS = "checkpoints"
"""Name of the Ray Train run inside the run's folder."""

PHANTOM_LICENCE = "phantom: made by rwsc, Apache-2.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingInputs:
    """What a run trains on, as the workers and the card need it."""

    bags: list[dict[str, Any]]
    held_out_items: list[str]
    licence: str | None
    hashes: dict[str, str]


def train(config: TrainConfig, *, here: str | None = None) -> str:
    """Train, or take up a run that was interrupted; a finished run is left alone.

    Args:
        config: Settings of the run. The same settings and folder resume; other settings are refused.
        here: Device, ``cpu`` or ``cuda``, of a run on one worker that is to go on in this process, without Ray
            Train and the time that it takes to start; None trains on Ray Train. Both give the same weights.

    Returns:
        Address of the weights.

    Raises:
        RwscError: Inputs, folder, weights or cluster do not fit.
    """
    config = _whole(config)
    run = Prefix(config.output)
    run.check_writable()
    inputs = read_inputs(config)
    is_new = claim_run(run, _run_card(config, inputs))
    if run.exists(WEIGHTS_KEY) and run.exists(CARD_KEY):
        say(f"{run.uri} is trained already; nothing to do")
        return run.uri_of(WEIGHTS_KEY)
    if not is_new:
        say(f"taking up the run in {run.uri}")
    return _fit(config, run, inputs) if here is None else _fit_here(config, run, inputs, here)


def check_run(config: TrainConfig, seen: dict[Hashable, TrainingInputs]) -> None:
    """Refuse what `train` would refuse of a run's inputs, start weights and folder; nothing is written.

    Args:
        config: Settings of the run.
        seen: Inputs by where they lie, for runs that share them: what is here is not read again, what is read is added.

    Raises:
        RwscError: Inputs, weights or folder do not fit.
    """
    config = _whole(config)
    source = _source(config)
    if source not in seen:
        seen[source] = read_inputs(config)
    run = Prefix(config.output)
    if run.exists(RUN_CARD_KEY):
        claim_run(run, _run_card(config, seen[source]))


def _source(config: TrainConfig) -> Hashable:
    """Name all that `read_inputs` goes by."""
    start = (config.start_from, config.method, config.network_config().model_dump_json())
    return (
        config.phantoms > 0,
        config.items,
        config.bags,
        config.split,
        tuple(config.bag_kinds),
        start if config.start_from else None,
    )


def read_inputs(config: TrainConfig) -> TrainingInputs:
    """Read item bank and catalogue, and choose by group what is held out.

    Args:
        config: Settings with complete addresses.

    Returns:
        Bags, held-out items, the strictest licence among them, and content hashes. Phantoms need none of them:
        they follow from the settings.

    Raises:
        ConfigError: There is nothing to train on.
    """
    hashes, start_licences = _read_start(config)
    if config.phantoms:
        licence = stricter_of(PHANTOM_LICENCE, *start_licences)
        return TrainingInputs(bags=[], held_out_items=[], licence=licence, hashes=hashes)
    items_uri, bags_uri = _needed("items", config.items), _needed("bags", config.bags)
    splits = [config.split] if config.split else None
    bank = ItemBank.load(items_uri, splits=splits)
    bags = usable_bags(read_catalogue(bags_uri), config.bag_kinds, config.split)
    rows = bags.select(["uri", "sha256", "air_level", "group", "scan_id", "licence"]).to_pylist()
    held = hold_out([row["group"] or row["scan_id"] for row in rows])
    held_items = hold_out([item.physical_item_id for item in bank.items])
    return TrainingInputs(
        bags=[
            {"uri": row["uri"], "sha256": row["sha256"], "air_level": row["air_level"], "held_out": out}
            for row, out in zip(rows, held, strict=True)
        ],
        held_out_items=[item.item_id for item, out in zip(bank.items, held_items, strict=True) if out],
        licence=stricter_of(
            *sorted({row["licence"] or "" for row in rows} | {item.licence or "" for item in bank.items}),
            *start_licences,
        ),
        hashes={"items": bank.bank_hash, "bags": catalogue_hash(bags), **hashes},
    )


def _needed(name: str, address: str | None) -> str:
    if address is None:
        raise ConfigError(
            f"train.{name} is not set",
            remedy="give items and bags, on the command line or in --config, or --phantoms N to do without both",
        )
    return address


def _run_card(config: TrainConfig, inputs: TrainingInputs) -> dict[str, Any]:
    hashes = [inputs.hashes[name] for name in sorted(inputs.hashes)]
    return {
        "kind": "train",
        "fingerprint": fingerprint(config, *hashes, rwsc.__version__),
        "settings": output_values(config),
        "inputs": inputs.hashes,
        "code_version": rwsc.__version__,
    }


def _whole(config: TrainConfig) -> TrainConfig:
    """Complete addresses, and the network's settings where weights to start from have them."""
    return _like_start(
        config.model_copy(
            update={
                name: absolute_uri(address)
                for name in ("items", "bags", "output")
                if (address := getattr(config, name)) is not None
            }
        )
    )


def _like_start(config: TrainConfig) -> TrainConfig:
    """Take over the network's settings from the weights to start from, where none are given."""
    if not config.start_from:
        return config
    start_from = absolute_weights(config.start_from)
    if config.model_fields_set & {"size", "network"}:
        return config.model_copy(update={"start_from": start_from})
    network, _ = decode_network(config.method, *read_weights(start_from))
    settings = network.config.model_dump(mode="json", exclude={"method"})
    return config.model_copy(update={"start_from": start_from, "network": settings})


def _read_start(config: TrainConfig) -> tuple[dict[str, str], list[str]]:
    """Give hash and licence of the weights to start from; both empty without any."""
    if not config.start_from:
        return {}, []
    weights, card = read_weights(config.start_from)
    network, read_card = decode_network(config.method, weights, card)
    has, wanted = network.config.model_dump(), config.network_config().model_dump()
    if has != wanted:
        others = [f"{name} {has[name]}, not {wanted[name]}" for name in wanted if has[name] != wanted[name]]
        raise ConfigError(
            f"{config.start_from} holds another network than {_named(config)} asks for: {', '.join(others)}",
            remedy="give size and network as those weights were trained with, or neither",
        )
    return {"start_from": hashlib.sha256(weights).hexdigest()}, [read_card.data_licence]


def _named(config: TrainConfig) -> str:
    return f"size {config.size!r}" if config.method == "rwsc" else f"method {config.method!r}"


def _fit(config: TrainConfig, run: Prefix, inputs: TrainingInputs) -> str:
    start_ray()
    pool = size_pool(config.workers, use_gpu=config.use_gpu)
    say(
        f"training {_named(config)} on {pool.num_workers} worker(s), {'GPU' if pool.gpus_per_worker else 'CPU'}"
    )
    trainer = _trainer(config, pool, inputs)
    with _shown_progress(config, run), _interruptible():
        try:
            result = trainer.fit()
        except Exception as error:
            if (found := user_error(error)) is not None:
                raise found from None
            raise
    checkpoint, metrics = min(result.best_checkpoints, key=lambda pair: pair[1]["val_total"])
    with checkpoint.as_directory() as folder, open(f"{folder}/{STATE_FILE}", "rb") as file:
        state = file.read()
    return _write_weights(config, run, inputs, state, metrics)


def _fit_here(config: TrainConfig, run: Prefix, inputs: TrainingInputs, device: str) -> str:
    if config.workers != 1:
        raise ConfigError(f"{config.workers} workers cannot train in one process", remedy="set workers = 1")
    session = HereSession(run, device)
    WorkerLoop(config, inputs.bags, set(inputs.held_out_items), session).run()
    return _write_weights(config, run, inputs, *session.best())


def _trainer(config: TrainConfig, pool: WorkerPool, inputs: TrainingInputs) -> Any:  # noqa: ANN401 - Ray's type
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    return TorchTrainer(
        train_worker,
        train_loop_config={
            "config": config.model_dump(),
            "bags": inputs.bags,
            "held_out_items": inputs.held_out_items,
        },
        scaling_config=ScalingConfig(
            num_workers=pool.num_workers,
            use_gpu=pool.gpus_per_worker > 0,
            resources_per_worker={"CPU": pool.cpus_per_worker},
        ),
        run_config=RunConfig(
            name=CHECKPOINTS,
            storage_path=config.output,
            failure_config=FailureConfig(max_failures=config.max_failures),
            # The best one and, besides it, always the last, from which a run is taken up.
            checkpoint_config=CheckpointConfig(
                num_to_keep=1, checkpoint_score_attribute="val_total", checkpoint_score_order="min"
            ),
        ),
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    # Ray Train's own handler of Ctrl-C ends the process with exit code 0 and stays after training is done.
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as end:
        raise KeyboardInterrupt from end
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


@contextmanager
def _shown_progress(config: TrainConfig, run: Prefix) -> Iterator[None]:
    # The workers may sit on other machines; the run's log is where they and this terminal meet.
    finished = threading.Event()
    watcher = threading.Thread(target=_watch, args=(config, run, finished), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join(timeout=10)


def _watch(config: TrainConfig, run: Prefix, finished: threading.Event) -> None:
    shown = _last_step(read_metrics(run))
    while True:
        is_last = finished.wait(2)
        try:
            lines = read_metrics(run)
        except RwscError:
            lines = []
        if lines and _last_step(lines) < shown:
            shown = lines[0]["step"] - 1 if len(lines) == 1 else lines[-2]["step"]
            say(f"a worker was lost; training goes on from its last checkpoint, after step {shown:,}")
        for line in lines:
            if line["step"] > shown:
                shown = line["step"]
                say(progress_line(config, line))
        if is_last:
            return


def _last_step(lines: list[dict[str, Any]]) -> int:
    return max((line["step"] for line in lines), default=0)


def progress_line(config: TrainConfig, line: dict[str, Any]) -> str:
    """Say how far training is, how fast, how long still, and how the losses stand.

    Args:
        config: Settings of the run.
        line: One line of the metrics log.

    Returns:
        One line of text.
    """
    left = (config.steps - line["step"]) * config.batch / max(1e-9, line["samples_per_s"])
    parts = [
        f"step {line['step']:,}/{config.steps:,}",
        f"{line['samples_per_s']:.1f} samples/s",
        f"{duration(left)} left",
        *(
            f"{name} {line[name]:.4f}"
            for name in ("total", "ll", "csd", "recon", "truth", "val_total")
            if name in line
        ),
    ]
    return " · ".join(parts)


def _write_weights(
    config: TrainConfig, run: Prefix, inputs: TrainingInputs, state: bytes, metrics: dict[str, Any]
) -> str:
    method = open_method(config, build_network(config.network_config()))
    restore_state(state, method.learner)
    weights, card = encode_weights(method.network, _card(config, inputs, metrics))
    run.write(CARD_KEY, card)
    run.write(WEIGHTS_KEY, weights)
    outside = (
        f"MAE outside the item {metrics['val_mae_outside']:.3f}, PSNR {metrics['val_psnr_outside']:.2f} dB"
    )
    say(f"best of the kept checkpoints: step {metrics['step']}; {outside}")
    return run.uri_of(WEIGHTS_KEY)


def _card(config: TrainConfig, inputs: TrainingInputs, metrics: dict[str, Any]) -> Card:
    network = config.network_config()
    return CARDS[type(network)](
        network=network,
        code_version=rwsc.__version__,
        training=output_values(config),
        data_hashes=inputs.hashes,
        metrics={name: float(value) for name, value in metrics.items()},
        data_licence=inputs.licence or "not stated",
    )
