"""What a report counts in the manifest, row by row and in bounded memory."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from rwsc.corpus.heat_map import HeatMaps
from rwsc.corpus.tally import Tally

NUM_TURNS = 8
"""Sectors that rotations are counted in: of 45 degrees, the first about 0."""

SIZE_EDGES_PX = (0, 16, 32, 64, 96, 128, 192, 256, 384, 512)
"""Lower edges of the bins for the longer side of an object's box."""

NUM_SHARES = 10
"""Bins for shares from 0 to 1: what dense bag hides of an item, and the plausibility of its place."""

_LAID = ("objects", "empty_insertions", "distractors")
_POSE = ("item_id", "x", "y", "rotation_deg", "scale", "flip")


class ReportCounts:
    """Counts of all rows that were added."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.positions = HeatMaps()
        self.objects: Counter[str] = Counter()
        """Inserted items by class."""

        self.images: Counter[str] = Counter()
        """Images that hold a class, inserted or the bag's own."""

        self.bag_objects: Counter[str] = Counter()
        """Objects that were in the bags already, by class."""

        self.turns: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(NUM_TURNS, dtype=np.int64))
        """Inserted items by class and sector of rotation."""

        self.articles: dict[str, Counter[str]] = defaultdict(Counter)
        """How often each physical item was used, by class."""

        self.sizes_N = np.zeros(len(SIZE_EDGES_PX), dtype=np.int64)
        self.occluded_N = np.zeros(NUM_SHARES, dtype=np.int64)
        self.scores_N = np.zeros(NUM_SHARES, dtype=np.int64)
        self.items_per_image: Counter[int] = Counter()
        self.licences: Counter[str] = Counter()
        self.datasets: Counter[str] = Counter()
        self.scanners: Counter[str] = Counter()
        self._hashes: list[int] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a manifest row."""
        self.tally.add(row)
        if row["status"] != "made":
            return
        self.positions.add(row)
        self._hashes.append(_hash_of_scene(row))
        for counter, name in (
            (self.licences, "licence"),
            (self.datasets, "dataset"),
            (self.scanners, "scanner_id"),
        ):
            counter[row[name] or "not stated"] += 1
        self.items_per_image[len(row["objects"])] += 1
        bag_labels = [thing["label"] for thing in row["bag_objects"] or []]
        self.bag_objects.update(bag_labels)
        self.images.update({*bag_labels, *(thing["label"] for thing in row["objects"])})
        for thing in row["objects"]:
            self._add_object(thing)

    @property
    def num_equal_images(self) -> int:
        """Images of a bag in which another image of it has the same things at the same places, or nothing as well."""
        hashes = np.array(self._hashes, dtype=np.int64)
        return int(hashes.size - np.unique(hashes).size)

    def _add_object(self, thing: Mapping[str, Any]) -> None:
        label = thing["label"]
        self.objects[label] += 1
        self.articles[label][thing["physical_item_id"]] += 1
        self.turns[label][round(thing["rotation_deg"] / (360 / NUM_TURNS)) % NUM_TURNS] += 1
        longer_px = max(thing["bbox_xywh"][2:])
        self.sizes_N[np.searchsorted(SIZE_EDGES_PX, longer_px, side="right") - 1] += 1
        self.occluded_N[_share_bin(thing["occluded_fraction"])] += 1
        self.scores_N[_share_bin(thing["placement_score"])] += 1


def _hash_of_scene(row: Mapping[str, Any]) -> int:
    """Hash what an image shows to 56 bits. Its file tells nothing of this: each bears a mark of its own."""
    laid = [[[thing[name] for name in _POSE] for thing in row[column] or []] for column in _LAID]
    digest = hashlib.sha256(json.dumps([row["scan_sha256"], *laid]).encode()).digest()
    return int.from_bytes(digest[:7], "big")


def _share_bin(share: float | None) -> int:
    return min(max(int((share or 0.0) * NUM_SHARES), 0), NUM_SHARES - 1)
