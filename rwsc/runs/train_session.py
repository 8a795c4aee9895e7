"""What surrounds a training loop: Ray Train with its group of workers, or nothing but this process."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from rwsc.errors import ObjectMissing
from rwsc.storage.prefix import Prefix

STATE_FILE = "state.safetensors"
"""Name of the training state inside a checkpoint."""

RECORD_KEY = "checkpoints/here.json"
"""Which checkpoints of a run in one process count, with their metrics."""


class Session(Protocol):
    """Where a loop runs, and where its checkpoints go."""

    @property
    def rank(self) -> int:
        """Number of this worker, from 0."""

    @property
    def world(self) -> int:
        """Workers in all."""

    @property
    def device(self) -> torch.device:
        """Where this worker computes."""

    def prepare(self, network: nn.Module) -> nn.Module:
        """Wrap a network so that its gradients are those of all workers."""

    def last_state(self) -> bytes | None:
        """Give the state to go on from; None at the start of a run."""

    def report(self, metrics: Mapping[str, Any], state: bytes | None) -> None:
        """Report a checkpoint; every worker does, with a state from the first alone.

        Args:
            metrics: Among them ``step`` and ``val_total``, by which the best is chosen.
            state: The training state.
        """


class RaySession:
    """A worker of Ray Train."""

    def __init__(self) -> None:
        import ray.train
        import ray.train.torch

        context = ray.train.get_context()
        self.rank, self.world = context.get_world_rank(), context.get_world_size()
        self.device = ray.train.torch.get_device()

    def prepare(self, network: nn.Module) -> nn.Module:
        """Wrap a network; see `Session.prepare`."""
        import ray.train.torch

        model: nn.Module = ray.train.torch.prepare_model(network, move_to_device=False)
        return model

    def last_state(self) -> bytes | None:
        """Read Ray's last checkpoint; see `Session.last_state`."""
        import ray.train

        checkpoint = ray.train.get_checkpoint()
        if checkpoint is None:
            return None
        with checkpoint.as_directory() as folder:
            return Path(folder, STATE_FILE).read_bytes()

    def report(self, metrics: Mapping[str, Any], state: bytes | None) -> None:
        """Hand a checkpoint to Ray; see `Session.report`."""
        import ray.train

        name = f"step_{metrics['step']:08d}"
        if state is None:
            ray.train.report(dict(metrics), checkpoint_dir_name=name)
            return
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, STATE_FILE).write_bytes(state)
            checkpoint = ray.train.Checkpoint.from_directory(folder)
            ray.train.report(dict(metrics), checkpoint=checkpoint, checkpoint_dir_name=name)


class HereSession:
    """One worker in this process: nothing has to be started, which is what short runs would mostly wait for.

    Kept are the last checkpoint and the best, as with Ray Train.
    """

    rank, world = 0, 1

    def __init__(self, run: Prefix, device: str) -> None:
        """Take up what the run's folder holds.

        Args:
            run: The run's folder.
            device: ``cpu`` or ``cuda``.
        """
        self._run, self.device = run, torch.device(device)
        try:
            self._record: dict[str, Any] = json.loads(run.read(RECORD_KEY))
        except (ObjectMissing, ValueError):
            self._record = {}

    def prepare(self, network: nn.Module) -> nn.Module:
        """Give the network as it is."""
        return network

    def last_state(self) -> bytes | None:
        """Read the last checkpoint; see `Session.last_state`."""
        return self._run.read(_state_key(self._record["last"])) if self._record else None

    def best(self) -> tuple[bytes, dict[str, Any]]:
        """Give state and metrics of the checkpoint with the lowest ``val_total``; there must be one."""
        metrics = self._record["best"]
        return self._run.read(_state_key(metrics)), metrics

    def report(self, metrics: Mapping[str, Any], state: bytes | None) -> None:
        """Write a checkpoint, and only then count it; see `Session.report`."""
        assert state is not None  # this is the first worker
        before = {_state_key(each) for each in self._record.values()}
        self._run.write(_state_key(metrics), state)
        best = self._record.get("best", metrics)
        best = min(best, metrics, key=lambda each: each["val_total"])
        self._record = {"last": dict(metrics), "best": dict(best)}
        self._run.write(RECORD_KEY, json.dumps(self._record).encode())
        for key in before - {_state_key(each) for each in self._record.values()}:
            self._run.delete(key)


def _state_key(metrics: Mapping[str, Any]) -> str:
    return f"checkpoints/here/step_{metrics['step']:08d}.safetensors"
