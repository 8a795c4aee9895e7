"""Decoded bags, kept in memory up to a budget while a training worker draws from them."""

from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np

from rwsc.sources.reread import read_indexed
from rwsc.sources.transparency import on_air
from rwsc.training.samples import BagScan


class BagCache:
    """Reads bags by index; the least recently used leave when the budget is full. Safe to use from threads."""

    def __init__(self, rows: list[dict[str, Any]], *, budget_mib: int) -> None:
        """Bind the catalogue rows.

        Args:
            rows: `uri`, `sha256` and `air_level` of every bag.
            budget_mib: Memory for decoded bags, in MiB.
        """
        self._rows, self._budget = rows, budget_mib << 20
        self._kept: OrderedDict[int, BagScan] = OrderedDict()
        self._bytes, self._lock = 0, Lock()

    def __len__(self) -> int:
        """Give the number of bags."""
        return len(self._rows)

    def load(self, index: int) -> BagScan:
        """Give the bag of an index, read and decoded when it is not in memory.

        Args:
            index: Place of the bag among the rows.

        Returns:
            The scan, on air where it is transparent, and its air level.

        Raises:
            SourceError: The file is not the one that was indexed.
            RwscError: It cannot be read.
        """
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        bag = _read(self._rows[index])
        self._keep(index, bag)
        return bag

    def _keep(self, index: int, bag: BagScan) -> None:
        with self._lock:
            if index in self._kept:
                return
            self._kept[index] = bag
            self._bytes += bag.image.nbytes
            while self._bytes > self._budget and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.image.nbytes


def _read(row: dict[str, Any]) -> BagScan:
    image = read_indexed(row["uri"], row["sha256"])
    return BagScan(on_air(image, row["air_level"]), np.asarray(row["air_level"], dtype=np.float64))
