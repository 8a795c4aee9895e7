"""Whether the images of a run drift from their bags, told while the run is at work.

Of each shard a worker holds a few images against their bags and sends the histograms, some kilobytes; the driver
adds them up. It does so in the order of the plan, whichever shard is finished first, so that a run of any number of
workers is judged alike.
"""

import json
from collections import defaultdict, deque
from collections.abc import Iterable

import numpy as np

from rwsc.corpus.drift import Drift

IMAGES_OF_SHARD = 4
"""Images of a shard that are held against their bags: the first that are made."""

STRIDE_PX = 2
"""Every second row and column is counted: a quarter of the time, and the same histograms but for noise."""

MIN_IMAGES = 16
"""Images without which a run at work is not judged: one bag full of metal says nothing of a corpus."""


class ShardDrift:
    """What a worker finds in one shard; scans of one, two and three channels apart."""

    def __init__(self) -> None:
        self._by_channels: defaultdict[int, Drift] = defaultdict(Drift)
        self._left = IMAGES_OF_SHARD

    def add(self, image: np.ndarray, bag: np.ndarray, air_level: np.ndarray) -> None:
        """Count an image and its bag, until there are enough; see `Drift.add`."""
        if self._left:
            self._left -= 1
            channels = 1 if bag.ndim == 2 else bag.shape[2]
            image, bag = (scan[::STRIDE_PX, ::STRIDE_PX] for scan in (image, bag))
            self._by_channels[channels].add(image, bag, air_level)

    def to_json(self) -> str:
        """Give what was found for the journey to the driver."""
        return json.dumps({channels: drift.to_dict() for channels, drift in self._by_channels.items()})


class DriftWatch:
    """Adds up what the shards of a run tell, and judges after each shard, in the order of the plan."""

    too_far: Drift | None = None
    """What was found when the images had first drifted too far; nothing is added after it."""

    def __init__(self, shards: Iterable[int], max_nepers: float) -> None:
        """Begin.

        Args:
            shards: Places in the plan of the shards that are to be made, ascending.
            max_nepers: Drift beyond which it is too far.
        """
        self._awaited = deque(shards)
        self._max_nepers = max_nepers
        self._early: dict[int, str] = {}
        self._by_channels: defaultdict[int, Drift] = defaultdict(Drift)

    def add(self, shard: int, found: str) -> None:
        """Take what a worker found.

        Args:
            shard: The shard's place in the plan.
            found: What `ShardDrift.to_json` gave.
        """
        self._early[shard] = found
        while self._awaited and self._awaited[0] in self._early and self.too_far is None:
            text = self._early.pop(self._awaited.popleft())
            for channels, drift in json.loads(text).items():
                self._by_channels[int(channels)].merge(Drift.from_dict(drift))
            worst = self.worst
            if worst is not None and (worst.nepers or 0.0) > self._max_nepers:
                self.too_far = worst

    @property
    def worst(self) -> Drift | None:
        """The scans that drift most, of those that are enough to be judged; of all where a whole run has not enough."""
        judged = [drift for drift in self._by_channels.values() if drift.num_images >= MIN_IMAGES]
        if not judged and not self._awaited:
            judged = list(self._by_channels.values())
        return max(judged, key=lambda drift: drift.nepers or 0.0, default=None)
