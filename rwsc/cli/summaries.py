"""Counts that a command found, as lines for a person."""

import sys
from collections.abc import Mapping

from rwsc.cli.terminal import escaped_line


def say_counts(title: str, counts: Mapping[str, int]) -> None:
    """Write one line of counts to stderr, largest first; nothing when there are none.

    Args:
        title: What is counted.
        counts: Number by name.
    """
    if not counts:
        return
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    line = f"{title:<20} " + ", ".join(f"{name} {number:,}" for name, number in ranked)
    sys.stderr.write(escaped_line(line) + "\n")
