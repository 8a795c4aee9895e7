"""How far the attenuation in a corpus' images is from that in real bags, as histograms."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from rwsc.physics.transmission import to_attenuation, to_transmission

NUM_BINS = 120
MAX_ATTENUATION = 6.0
"""Nepers; what is denser counts into the last bin."""

AIR_ATTENUATION = 0.02
"""Pixels with less are air and are not counted: how much air surrounds a bag says nothing of what is in it."""


class AttenuationHistogram:
    """Counts pixels by attenuation, channel by channel; two can be added."""

    def __init__(self) -> None:
        self._counts_CN: np.ndarray | None = None

    def add(self, scan: np.ndarray, air_level: np.ndarray) -> None:
        """Count the pixels of a scan that are not air.

        Args:
            scan: Grey levels, (H, W) or (H, W, C).
            air_level: Grey level of air, (C,).
        """
        attenuation = to_attenuation(to_transmission(scan, air_level))
        attenuation_PC = attenuation.reshape(-1, 1 if scan.ndim == 2 else scan.shape[2])
        seen_PC = attenuation_PC[attenuation_PC.max(axis=1) >= AIR_ATTENUATION]
        bins_PC = np.minimum(seen_PC * (NUM_BINS / MAX_ATTENUATION), NUM_BINS - 1).astype(np.int64)
        self._add(np.stack([np.bincount(bins_P, minlength=NUM_BINS) for bins_P in bins_PC.T]))

    def merge(self, other: Self) -> None:
        """Add the counts of another histogram."""
        if other._counts_CN is not None:
            self._add(other._counts_CN)

    def distance(self, other: Self) -> float | None:
        """Give the distance of two histograms.

        Args:
            other: The other one.

        Returns:
            First Wasserstein distance in nepers, the mean over channels: by how much attenuation would have to be
            moved, on average over pixels, to turn one into the other. None where either is empty or they differ in
            channels.
        """
        mine, theirs = self._counts_CN, other._counts_CN
        if mine is None or theirs is None or mine.shape != theirs.shape:
            return None
        if not mine.sum() or not theirs.sum():
            return None
        apart_CN = np.abs(np.cumsum(_shares(mine), axis=1) - np.cumsum(_shares(theirs), axis=1))
        return float(apart_CN.sum(axis=1).mean() * (MAX_ATTENUATION / NUM_BINS))

    @property
    def shares_N(self) -> np.ndarray:
        """Share of the pixels in each bin, the mean over channels; zeros where nothing was counted."""
        if self._counts_CN is None or not self._counts_CN.sum():
            return np.zeros(NUM_BINS)
        return _shares(self._counts_CN).mean(axis=0)

    def to_list(self) -> list[list[int]]:
        """Give the counts as plain values for a journey between processes, a list per channel."""
        return [] if self._counts_CN is None else self._counts_CN.tolist()

    @classmethod
    def from_list(cls, counts: list[list[int]]) -> Self:
        """Take what `to_list` gave."""
        histogram = cls()
        if counts:
            histogram._add(np.array(counts, dtype=np.int64))
        return histogram

    def _add(self, counts_CN: np.ndarray) -> None:
        if self._counts_CN is None:
            self._counts_CN = np.zeros_like(counts_CN)
        if self._counts_CN.shape == counts_CN.shape:  # gray and colour scans cannot be told as one
            self._counts_CN = self._counts_CN + counts_CN


def _shares(counts_CN: np.ndarray) -> np.ndarray:
    return counts_CN / counts_CN.sum(axis=1, keepdims=True)


class Drift:
    """Histograms of the images of a corpus and of the bags they were made from."""

    def __init__(self) -> None:
        self.images = AttenuationHistogram()
        self._halves = (AttenuationHistogram(), AttenuationHistogram())
        self._number = 0

    def add(self, image: np.ndarray, bag: np.ndarray, air_level: np.ndarray) -> None:
        """Count an image and its bag.

        Args:
            image: Grey levels of the image, (H, W) or (H, W, C).
            bag: Grey levels of its bag.
            air_level: Grey level of air, (C,).
        """
        self.images.add(image, air_level)
        self._halves[self._number % 2].add(bag, air_level)
        self._number += 1

    def merge(self, other: Self) -> None:
        """Add the images and bags of another."""
        self.images.merge(other.images)
        for mine, theirs in zip(self._halves, other._halves, strict=True):
            mine.merge(theirs)
        self._number += other._number

    @property
    def num_images(self) -> int:
        """Images that were counted."""
        return self._number

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for a journey between processes."""
        halves = [half.to_list() for half in self._halves]
        return {"images": self.images.to_list(), "halves": halves, "number": self._number}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Take what `to_dict` gave."""
        drift = cls()
        drift.images = AttenuationHistogram.from_list(values["images"])
        first, second = map(AttenuationHistogram.from_list, values["halves"])
        drift._halves, drift._number = (first, second), values["number"]
        return drift

    @property
    def bags(self) -> AttenuationHistogram:
        """All bags together."""
        both = AttenuationHistogram()
        for half in self._halves:
            both.merge(half)
        return both

    @property
    def nepers(self) -> float | None:
        """Distance of images from their bags; None where nothing can be compared."""
        return self.images.distance(self.bags)

    @property
    def between_bags_nepers(self) -> float | None:
        """The yardstick: distance of one half of the bags from the other."""
        return self._halves[0].distance(self._halves[1])
