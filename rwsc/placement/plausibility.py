"""How plausible it is that an item lies where it was put, from 0 to 1.

The score is ours; no source gives a formula. Screeners found fault with items that float on nothing, that lie
across a bag's frame or through its wheels, and that lie as nothing beside them does; each of these is a factor.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from rwsc.placement.ground import Content
from rwsc.placement.priors import Priors, density_rank, direction_of

_VISIBLE_ATTENUATION = 0.03
"""Below it, in nepers, a bag is hardly told from air."""

_OPAQUE_ATTENUATION = 2.0
_BLACK_ATTENUATION = 4.0
"""From the first on an item begins to drown in its bag, at the second nothing is left of it."""

_RARE_SHARE = 0.1
"""A density beyond all but this share of real objects, on either side, counts as rare."""

_EDGES_USUAL = 2.0
_EDGES_NEVER = 6.0
"""Slope under the item over that of its bag: a frame or an axle has several times as much."""

_MISALIGNED_WEIGHT = 0.5
_CLEAR_ASPECT = 2.0


@dataclass(frozen=True, eq=False)
class Plausibility:
    """Judges places in one bag.

    Attributes:
        content: What lies in the scan.
        bag_HW: Cells of the bag, bool.
        priors: Densities under real objects, where they were learned.
    """

    content: Content
    bag_HW: np.ndarray
    priors: Priors | None

    def score(self, cover_HW: np.ndarray, top: int, left: int) -> float:
        """Judge one place.

        Args:
            cover_HW: Share of each cell that the item covers, from its first cell on.
            top: Row of the grid where it begins.
            left: Column of the grid where it begins.

        Returns:
            1 for a place like those of real objects, 0 for an impossible one, rounded to four decimals.
        """
        window = slice(top, top + cover_HW.shape[0]), slice(left, left + cover_HW.shape[1])
        share_HW = cover_HW / cover_HW.sum()
        density = float((self.content.attenuation_HW[window] * share_HW).sum())
        factors = self._density(density), self._edges(share_HW, window), self._alignment(cover_HW, window)
        return round(float(np.prod(factors)), 4)

    def _density(self, density: float) -> float:
        seen = min(1.0, density / _VISIBLE_ATTENUATION)
        lit = (_BLACK_ATTENUATION - density) / (_BLACK_ATTENUATION - _OPAQUE_ATTENUATION)
        usual = 1.0
        if self.priors is not None and self.priors.density:
            rank = density_rank(self.priors, density)
            usual = max(0.1, min(1.0, min(rank, 1 - rank) / _RARE_SHARE))
        return seen * min(1.0, max(0.0, lit)) * usual

    @cached_property
    def _steepness_HW(self) -> np.ndarray:
        """Slope of every cell over the mean of the bag's."""
        steepness_HW = cv2.magnitude(*self.content.slopes)
        return steepness_HW / max(float(steepness_HW[self.bag_HW].mean()), 1e-6)

    def _edges(self, share_HW: np.ndarray, window: tuple[slice, slice]) -> float:
        edges = float((self._steepness_HW[window] * share_HW).sum())
        return min(1.0, max(0.0, (_EDGES_NEVER - edges) / (_EDGES_NEVER - _EDGES_USUAL)))

    def _alignment(self, cover_HW: np.ndarray, window: tuple[slice, slice]) -> float:
        """Judge the angle between a long item and the structures around it: neither along nor across is odd."""
        direction_deg, aspect = direction_of(cover_HW > 0)
        slope_x, slope_y = (slope_HW[window] for slope_HW in self.content.slopes)
        xx, yy, xy = (
            float((a * b).sum()) for a, b in ((slope_x, slope_x), (slope_y, slope_y), (slope_x, slope_y))
        )
        # Twice the angle of the slopes; structures run across them, which four times the angle does not tell.
        clearness = np.hypot(xx - yy, 2 * xy) / max(xx + yy, 1e-9)
        across_deg = np.degrees(0.5 * np.arctan2(-2 * xy, xx - yy))
        oddness = np.sin(np.radians(2 * (direction_deg - across_deg))) ** 2
        thinness = min(1.0, max(0.0, aspect / _CLEAR_ASPECT - 1))
        return 1 - _MISALIGNED_WEIGHT * clearness * thinness * oddness
