"""Decoded bags, kept in memory up to a budget while a training worker draws from them."""

from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np

from rwsc.storage.images import decode_image
from rwsc.storage.prefix import read_uri
from rwsc.training.samples import BagScan


class BagCache:
    """Reads bags by index; the least recently used leave when the budget is full. Safe to use from threads."""

    def __init__(self, rows: list[dict[str, Any]], *, budget_mib: int) -> None:
        """Bind the catalogue rows.

        Args:
            rows: `uri` and `air_level` of every bag.
            budget_mib: Memory for decoded bags, in MiB.
        """
        self._rows, self._budget = rows, budget_mib << 20
        self._kept: OrderedDict[int, BagScan] = OrderedDict()
        self._bytes, self._lock = 0, Lock()

    def __len__(self) -> int:
        """Give the number of bags."""
        return len(self._rows)

    def load(self, index: int) -> BagScan:
        """Give the bag of an index, read and decoded when it is not in memory."""
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
        bag = BagScan(
            decode_image(read_uri(self._rows[index]["uri"])),
            np.asarray(self._rows[index]["air_level"], dtype=np.float64),
        )
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
