"""The curves of a training run: JSON lines and TensorBoard events in the run's folder, local or in a bucket."""

import json
import tempfile
from pathlib import Path
from typing import Any

from rwsc.errors import ObjectMissing
from rwsc.storage.prefix import Prefix

METRICS_KEY = "metrics.jsonl"


class MetricsLog:
    """Written by the first training worker alone; what a lost attempt wrote after its checkpoint is dropped."""

    def __init__(self, run: Prefix, *, first_step: int) -> None:
        """Take up the log.

        Args:
            run: The run's folder.
            first_step: Steps done; lines of later steps belong to a lost attempt.
        """
        from tensorboardX import SummaryWriter

        self._run, self._first_step = run, first_step
        self._lines = [line for line in read_metrics(run) if line["step"] <= first_step]
        self._folder = tempfile.TemporaryDirectory(prefix="rwsc-tensorboard-")
        self._events = SummaryWriter(self._folder.name, purge_step=first_step + 1 if first_step else None)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Add the values of a step and write both logs."""
        self._lines.append({"step": step, **values})
        text = "".join(json.dumps(line) + "\n" for line in self._lines)
        self._run.write(METRICS_KEY, text.encode())
        for name, value in values.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()
        self._upload_events()

    def close(self) -> None:
        """Write the last events, which the writer may still hold, and release the temporary copy."""
        self._events.close()
        self._upload_events()
        self._folder.cleanup()

    def _upload_events(self) -> None:
        # Every attempt has one event file, named after the step it began with, so that a repeat replaces it.
        for path in Path(self._folder.name).glob("events.out.tfevents.*"):
            self._run.write(
                f"tensorboard/events.out.tfevents.{self._first_step:010d}.rwsc", path.read_bytes()
            )


def read_metrics(run: Prefix) -> list[dict[str, Any]]:
    """Read the lines written so far, oldest first; none when there is no log yet."""
    try:
        return [json.loads(line) for line in run.read(METRICS_KEY).decode().splitlines()]
    except ObjectMissing:
        return []
