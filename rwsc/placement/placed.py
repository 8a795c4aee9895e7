"""Items as they lie in a bag, and why others do not."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from rwsc.placement.pose import Pose, PosedItem


class Placeable(Protocol):
    """What can be placed: an item's transmission and its soft mask."""

    @property
    def label(self) -> str:
        """Its class."""

    @property
    def transmission_HWC(self) -> np.ndarray:
        """float32, (H, W, C)."""

    @property
    def alpha_HW(self) -> np.ndarray:
        """float32 in [0, 1], (H, W)."""


@dataclass(frozen=True, eq=False)
class Placement:
    """One item as it lies in a bag.

    Attributes:
        item_index: Position of the item in the sequence it was drawn from.
        pose: How it was turned, scaled and mirrored.
        x_px: Column of the bag where the posed item's canvas begins.
        y_px: Row of the bag where it begins.
        posed: The posed item.
        level_wanted: Occlusion level that was asked for, 1 to 3; None where none was.
        score: Plausibility of the place; None where the bag's content is unknown.
    """

    item_index: int
    pose: Pose
    x_px: int
    y_px: int
    posed: PosedItem
    level_wanted: int | None = None
    score: float | None = None

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the bag that the posed item's canvas covers."""
        height, width = self.posed.alpha_HW.shape
        return slice(self.y_px, self.y_px + height), slice(self.x_px, self.x_px + width)

    @cached_property
    def mask_HW(self) -> np.ndarray:
        """The label's mask on the posed item's canvas: alpha of at least a half."""
        return self.posed.mask_HW

    @property
    def bbox_xywh(self) -> tuple[float, float, float, float]:
        """Box around the label's mask in the bag, tight to the pixel."""
        columns, rows = (np.flatnonzero(self.mask_HW.any(axis=axis)) for axis in (0, 1))
        size = (float(np.ptp(columns) + 1), float(np.ptp(rows) + 1))
        return (float(self.x_px + columns[0]), float(self.y_px + rows[0]), *size)

    def mask_in(self, height_px: int, width_px: int) -> np.ndarray:
        """Give the label's mask in a bag of that size, bool (H, W)."""
        mask_HW = np.zeros((height_px, width_px), dtype=bool)
        mask_HW[self.window] = self.mask_HW
        return mask_HW


@dataclass(frozen=True)
class NoRoom:
    """Why a bag does not take the items.

    Attributes:
        reason: What did not fit, and how far it was from fitting.
    """

    reason: str


def do_overlap(one: Placement, other: Placement) -> bool:
    """Say whether the label's masks of two items share a pixel."""
    top, left = max(one.y_px, other.y_px), max(one.x_px, other.x_px)
    bottom = min(one.y_px + one.mask_HW.shape[0], other.y_px + other.mask_HW.shape[0])
    right = min(one.x_px + one.mask_HW.shape[1], other.x_px + other.mask_HW.shape[1])
    if bottom <= top or right <= left:
        return False
    first = one.mask_HW[top - one.y_px : bottom - one.y_px, left - one.x_px : right - one.x_px]
    second = other.mask_HW[top - other.y_px : bottom - other.y_px, left - other.x_px : right - other.x_px]
    return bool((first & second).any())
