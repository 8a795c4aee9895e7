"""Which of several images with the same bytes stays in a catalogue."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rwsc.sources.schema import Scan

_HELD_BYTES = 64 * 2**20
"""Rows that are set aside lie in memory up to this size, and beyond it in a file without a name."""


class KeptScan(NamedTuple):
    """The row that stays of those with the same bytes."""

    number: int
    """Its place among the rows, from 0."""

    uri: str
    rank: int
    """How much is known of what it shows, see `rank_of`."""


def rank_of(scan: Scan) -> int:
    """Say how much a row knows of what its picture shows.

    Of two rows of one picture, the one without objects may just lack them: taken for harmless, the picture would be
    a bag with an item that nobody knows of.

    Args:
        scan: A usable row.

    Returns:
        3 for objects in the picture, 2 for others, 1 for a scan that is said to be no harmless bag, else 0.
    """
    if any(thing.is_usable for thing in scan.objects):
        return 3
    if scan.objects:
        return 2
    return int(scan.kind != "benign")


def choose_kept(numbered: Iterable[tuple[int, Scan]]) -> dict[str, KeptScan]:
    """Choose which rows of the same bytes stay: the first of those that know most of what is shown.

    Args:
        numbered: Rows with their places, in the source's order; those that cannot be used are passed over.

    Returns:
        A row by the SHA-256 of its bytes.
    """
    kept: dict[str, KeptScan] = {}
    for number, scan in numbered:
        if scan.status != "ok" or scan.sha256 is None:
            continue
        rank, before = rank_of(scan), kept.get(scan.sha256)
        if before is None or rank > before.rank:
            kept[scan.sha256] = KeptScan(number, str(scan.uri), rank)
    return kept


@contextmanager
def set_aside(scans: Iterable[Scan]) -> Iterator[Callable[[], Iterator[Scan]]]:
    """Take all rows, so that they can be gone through more than once, without holding many of them in memory.

    Args:
        scans: The rows, each taken once.

    Yields:
        A function that gives the rows from the first one on; one pass at a time.
    """
    with tempfile.SpooledTemporaryFile(max_size=_HELD_BYTES, mode="w+", encoding="utf-8") as file:
        for scan in scans:
            file.write(json.dumps(scan.to_row(), separators=(",", ":")) + "\n")

        def rows() -> Iterator[Scan]:
            file.seek(0)
            for line in file:
                yield Scan.from_row(json.loads(line))

        yield rows
