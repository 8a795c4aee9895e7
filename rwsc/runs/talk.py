"""What a long run says to a person: lines on stderr, with progress, rate and remaining time."""

import json
import os
import sys
import time
from datetime import UTC, datetime

LEVELS = ("error", "warning")
"""What a line of that level begins with; any other is `info`."""


def say(text: str, **fields: object) -> None:
    """Write one line to stderr; stdout is kept for data.

    Args:
        text: The line. With RWSC_LOG=json it becomes an object of time, level, message and the fields.
        **fields: What a program wants to know of it.
    """
    sys.stderr.write((_as_json(text, fields) if os.environ.get("RWSC_LOG") == "json" else text) + "\n")
    sys.stderr.flush()


def _as_json(text: str, fields: dict[str, object]) -> str:
    level, _, message = text.partition(": ")
    if level not in LEVELS:
        level, message = "info", text
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": now, "level": level, "message": message, **fields}, default=str)


def duration(seconds: float) -> str:
    """Write a duration the short way: ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """Counts work done and says how far, how fast and how long still."""

    def __init__(self, total: int, *, noun: str, done: int = 0) -> None:
        """Start the clock.

        Args:
            total: Units of the whole work.
            noun: What a unit is, in the plural.
            done: Units that were done before this run; they do not count for the rate.
        """
        self.total, self.noun, self.done = total, noun, done
        self._before, self._started = done, time.monotonic()

    @property
    def rate(self) -> float:
        """Units per second since the start."""
        return (self.done - self._before) / max(1e-9, time.monotonic() - self._started)

    def line(self, extra: str = "") -> str:
        """Give the current line, with `extra` at its end."""
        parts = [
            f"{self.done:,}/{self.total:,} {self.noun}",
            f"{self.rate:.1f}/s",
            f"{duration(self._seconds_left)} left",
        ]
        return " · ".join([*parts, extra] if extra else parts)

    def say(self, **counts: int) -> None:
        """Say the current line, with counts at its end."""
        say(
            self.line(" · ".join(f"{name} {number:,}" for name, number in counts.items())),
            noun=self.noun,
            done=self.done,
            total=self.total,
            per_second=round(self.rate, 3),
            seconds_left=round(self._seconds_left),
            **counts,
        )

    @property
    def _seconds_left(self) -> float:
        return (self.total - self.done) / self.rate if self.rate > 0 else 0.0
