"""What every training worker does: draw its share of each batch, step, report, checkpoint."""

import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import torch

from rwsc.errors import WeightsError
from rwsc.fusion.networks import AnyNetwork, build_network, decode_network
from rwsc.items.bank import ItemBank
from rwsc.runs.bags import BagCache
from rwsc.runs.metrics_log import MetricsLog
from rwsc.runs.train_session import RaySession, Session
from rwsc.runs.weights import read_weights
from rwsc.storage.prefix import Prefix
from rwsc.training.methods import open_method
from rwsc.training.phantom_samples import PhantomSource
from rwsc.training.samples import DrawsSamples, SampleSource
from rwsc.training.settings import TrainConfig
from rwsc.training.state import encode_state, restore_state
from rwsc.training.step import Batch, learning_rate
from rwsc.training.validation import ValidationSums, validate

PREFETCHED_BATCHES = 2


def train_worker(parameters: dict[str, Any]) -> None:
    """Train on one worker; Ray Train calls it on each.

    Args:
        parameters: ``config`` (plain values of `TrainConfig`), ``bags`` (rows with uri, sha256, air_level, held_out)
            and ``held_out_items`` (ids of the items kept for validation); both empty for a run on phantoms.
    """
    config, held_out_items = TrainConfig(**parameters["config"]), set(parameters["held_out_items"])
    WorkerLoop(config, parameters["bags"], held_out_items, RaySession()).run()


class WorkerLoop:
    """One worker's training, from its last checkpoint to the last step."""

    def __init__(
        self, config: TrainConfig, bags: list[dict[str, Any]], held_out_items: set[str], session: Session
    ) -> None:
        """Load the data, build the network and take up the last checkpoint."""
        self._config, self._session = config, session
        self._rank, self._world, self._device = session.rank, session.world, session.device
        if self._device.type == "cpu":
            torch.set_num_threads(config.threads or _threads_per_worker(self._world))
        if config.phantoms:
            self._train, self._validation = _phantom_sources(config)
        else:
            self._train, self._validation = _sources(config, bags, held_out_items)
        torch.manual_seed(config.seed)
        self._method = open_method(config, _first_network(config).to(self._device))
        self._model = session.prepare(self._method.network)
        self._step = self._take_up_checkpoint()
        self._log = MetricsLog(Prefix(config.output), first_step=self._step) if self._rank == 0 else None

    def run(self) -> None:
        """Train to the last step; every rank reports the same number of times, since a report is a barrier."""
        config = self._config
        started, first = time.monotonic(), self._step
        with ThreadPoolExecutor(max_workers=1) as drawer:
            for batch in self._batches(drawer):
                rate = learning_rate(self._step, steps=config.steps, peak=config.learning_rate)
                for group in self._method.optimizer.param_groups:
                    group["lr"] = rate
                losses = self._method.step(self._model, batch, number=self._step)
                self._step += 1
                speed = (self._step - first) * config.batch / (time.monotonic() - started)
                self._after_step({"learning_rate": rate, "samples_per_s": speed}, losses)
        if self._log:
            self._log.close()

    def _after_step(self, values: dict[str, float], losses: dict[str, torch.Tensor]) -> None:
        config = self._config
        is_checkpoint = self._step % config.checkpoint_every == 0 or self._step == config.steps
        if not is_checkpoint and self._step % config.report_every:
            return
        metrics = {**self._mean_over_workers(losses), **values}
        if not all(math.isfinite(value) for value in metrics.values()):
            raise WeightsError(
                f"training has diverged: a loss or gradient is not finite at step {self._step}",
                remedy="train into another folder with a lower learning_rate, or with adam_beta2 = 0.98",
            )
        if is_checkpoint:
            metrics |= self._validate()
        if self._log:
            self._log.add(self._step, metrics)
        if is_checkpoint:
            self._checkpoint(metrics)

    def _batches(self, drawer: ThreadPoolExecutor) -> Iterator[Batch]:
        numbers = iter(range(self._step, self._config.steps))
        waiting = [drawer.submit(self._draw, number) for number in islice(numbers, PREFETCHED_BATCHES)]
        while waiting:
            batch = waiting.pop(0).result()
            if (number := next(numbers, None)) is not None:
                waiting.append(drawer.submit(self._draw, number))
            yield batch

    def _draw(self, step: int) -> Batch:
        # The n-th sample of a run is the same however many workers share the batches.
        mine = range(step * self._config.batch + self._rank, (step + 1) * self._config.batch, self._world)
        return Batch([self._train.draw(index) for index in mine], self._device)

    def _validate(self) -> dict[str, float]:
        sums = ValidationSums()
        share = max(1, self._config.batch // self._world)
        mine = list(range(self._rank, self._config.validation_samples, self._world))
        for start in range(0, max(1, len(mine)), share):
            samples = [self._validation.draw(index) for index in mine[start : start + share]]
            if samples:
                sums.add(validate(self._method.network, self._method.loss, Batch(samples, self._device)))
        vector = sums.to_vector().to(self._device)
        if self._world > 1:
            torch.distributed.all_reduce(vector)
        return sums.with_vector(vector.cpu()).metrics()

    def _mean_over_workers(self, losses: dict[str, torch.Tensor]) -> dict[str, float]:
        names = sorted(losses)
        vector = torch.stack([losses[name].float() for name in names])
        if self._world > 1:
            torch.distributed.all_reduce(vector)
            vector /= self._world
        return dict(zip(names, vector.tolist(), strict=True))

    def _checkpoint(self, metrics: dict[str, float]) -> None:
        is_first = self._rank == 0
        state = (
            encode_state(self._method.learner, self._method.optimizer, step=self._step) if is_first else None
        )
        self._session.report({"step": self._step, **metrics}, state)

    def _take_up_checkpoint(self) -> int:
        state = self._session.last_state()
        return restore_state(state, self._method.learner, self._method.optimizer) if state else 0


def _phantom_sources(config: TrainConfig) -> tuple[DrawsSamples, DrawsSamples]:
    """Give phantoms to train on and, from streams of their own, a phantom for each sample of validation."""
    train = PhantomSource(config.phantoms, config=config.sample, seed=config.seed, name="train")
    validation = PhantomSource(
        config.validation_samples, config=config.sample, seed=config.seed, name="validation", in_turn=True
    )
    return train, validation


def _sources(
    config: TrainConfig, bags: list[dict[str, Any]], held_out_items: set[str]
) -> tuple[DrawsSamples, DrawsSamples]:
    assert config.items is not None  # a run without phantoms is refused without them
    bank = ItemBank.load(config.items, splits=[config.split] if config.split else None)
    groups = {"train": False, "validation": True}
    sources = []
    for name, held_out in groups.items():
        items = [item for item in bank.items if (item.item_id in held_out_items) == held_out] or list(
            bank.items
        )
        rows = [row for row in bags if row["held_out"] == held_out] or bags
        share = config.cache_mib // 4 if held_out else config.cache_mib - config.cache_mib // 4
        cache = BagCache(rows, budget_mib=share)
        sources.append(
            SampleSource(items, cache.load, len(cache), config=config.sample, seed=config.seed, name=name)
        )
    return sources[0], sources[1]


def _first_network(config: TrainConfig) -> AnyNetwork:
    if config.start_from is None:
        return build_network(config.network_config())
    return decode_network(config.method, *read_weights(config.start_from))[0]


def _threads_per_worker(world: int) -> int:
    return max(1, (os.cpu_count() or 1) // world)
