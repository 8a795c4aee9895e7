"""What room is left in the bags of a scan while items are laid into them one by one."""

import math
from typing import Literal

import numpy as np

from rwsc.placement.fit import fits, shrink, slide
from rwsc.placement.ground import Ground

How = Literal["apart", "upon", "anyhow"]
"""How an item may lie beside earlier ones: on none of them, on one of them, or as it comes."""

MIN_OVERLAP = 0.1
MAX_OVERLAP = 0.6
"""Share of an item that lies on an earlier one where it is put there on purpose: enough to see, not all of it."""


class Room:
    """The free cells of every bag, and which of them earlier items have taken."""

    def __init__(self, ground: Ground, margin_px: int) -> None:
        """Begin with empty bags.

        Args:
            ground: The bags.
            margin_px: Distance to keep from their edges, in pixels.
        """
        self._ground = ground
        # Whole cells: no less than the margin.
        self._free = [shrink(bag_HW, math.ceil(margin_px / ground.cell_px)) for bag_HW in ground.bags]
        self._taken_HW = np.zeros(ground.bags[0].shape, dtype=np.float32)
        self.shares = np.array([np.count_nonzero(free_HW) for free_HW in self._free], dtype=np.float64)

    @property
    def num_free_px(self) -> int:
        """Pixels of all bags that no item has taken."""
        free_HW = np.any(self._free, axis=0) & (self._taken_HW == 0)
        return int(np.count_nonzero(free_HW)) * self._ground.cell_px**2

    def places(self, bag: int, cover_HW: np.ndarray, how: How) -> np.ndarray:
        """Say where an item can be put.

        Args:
            bag: Number of the bag.
            cover_HW: Share of each cell that the item covers.
            how: How it may lie beside earlier items.

        Returns:
            bool for every cell of the grid where the item's first cell may lie.
        """
        free_HW = self._free[bag]
        if how == "apart":
            free_HW = free_HW & (self._taken_HW == 0)
        allowed_HW = self._fits(bag, free_HW, cover_HW > 0)
        if how == "upon" and allowed_HW.size:
            overlap_HW = slide(self._taken_HW, cover_HW) / cover_HW.sum()
            allowed_HW &= (overlap_HW >= MIN_OVERLAP) & (overlap_HW <= MAX_OVERLAP)
        return allowed_HW

    def _fits(self, bag: int, free_HW: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
        """Say for every place of the grid whether a mask fits, looking at the bag's box alone."""
        room_hw = (max(0, side - own + 1) for side, own in zip(free_HW.shape, mask_HW.shape, strict=True))
        allowed_HW = np.zeros(tuple(room_hw), dtype=bool)
        left, top, width, height = self._ground.boxes[bag]
        inner_HW = fits(free_HW[top : top + height, left : left + width], mask_HW)
        if inner_HW.size:
            allowed_HW[top : top + inner_HW.shape[0], left : left + inner_HW.shape[1]] = inner_HW
        return allowed_HW

    def holds(self, bag: int, cover_HW: np.ndarray, top: int, left: int, how: How) -> bool:
        """Say whether an item can be put at one cell; see `places`."""
        window = slice(top, top + cover_HW.shape[0]), slice(left, left + cover_HW.shape[1])
        free_HW = self._free[bag][window]
        if free_HW.shape != cover_HW.shape:
            return False
        if how == "apart":
            free_HW = free_HW & (self._taken_HW[window] == 0)
        if how == "upon":
            overlap = float((self._taken_HW[window] * cover_HW).sum() / cover_HW.sum())
            return bool(free_HW[cover_HW > 0].all()) and MIN_OVERLAP <= overlap <= MAX_OVERLAP
        return bool(free_HW[cover_HW > 0].all())

    def take(self, cover_HW: np.ndarray, top: int, left: int) -> None:
        """Lay an item."""
        window = slice(top, top + cover_HW.shape[0]), slice(left, left + cover_HW.shape[1])
        self._taken_HW[window] = np.maximum(self._taken_HW[window], cover_HW)
