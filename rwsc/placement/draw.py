"""Where items come to lie in a bag: random poses and positions that fit as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rwsc.placement.fit import feasible_offsets, longest_side, shrink
from rwsc.placement.pose import Pose, PosedItem, pose_item


class Placeable(Protocol):
    """What can be placed: an item's transmission and its soft mask."""

    @property
    def transmission_HWC(self) -> np.ndarray:
        """float32, (H, W, C)."""

    @property
    def alpha_HW(self) -> np.ndarray:
        """float32 in [0, 1], (H, W)."""


class PlacementConfig(BaseModel):
    """How many items go into a bag, and how they may lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items_min: int = Field(
        default=1, ge=1, description="Fewest items in a bag; one with less room is rejected."
    )
    items_max: int = Field(default=1, ge=1, description="Most items in a bag.")
    scale_min: float = Field(
        default=0.6, ge=0.05, description="Smallest length relative to the item's own pixels."
    )
    scale_max: float = Field(
        default=1.2, gt=0, description="Largest length relative to the item's own pixels."
    )
    max_item_fraction: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Longest side of an item, unturned, over that of the largest bag.",
    )
    rotate: bool = Field(default=True, description="Turn items by any angle; otherwise they keep their own.")
    flip: bool = Field(default=True, description="Mirror every second item.")
    allow_overlap: bool = Field(default=False, description="Let items of one bag lie on each other.")
    max_tries: int = Field(default=8, ge=1, description="Poses tried for an item before it is left out.")
    edge_margin_px: int = Field(
        default=2, ge=0, description="Distance kept from the region's edge, in pixels."
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.items_min > self.items_max:
            raise ValueError(f"items_min ({self.items_min}) is above items_max ({self.items_max})")
        if self.scale_min > self.scale_max:
            raise ValueError(f"scale_min ({self.scale_min}) is above scale_max ({self.scale_max})")
        return self


@dataclass(frozen=True, eq=False)
class Placement:
    """One item as it lies in a bag.

    Attributes:
        item_index: Position of the item in the sequence it was drawn from.
        pose: How it was turned, scaled and mirrored.
        x_px: Column of the bag where the posed item's canvas begins.
        y_px: Row of the bag where it begins.
        posed: The posed item.
    """

    item_index: int
    pose: Pose
    x_px: int
    y_px: int
    posed: PosedItem

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


def draw_num_items(rng: np.random.Generator, config: PlacementConfig) -> int:
    """Draw how many items go into a bag, evenly from `items_min` to `items_max`; takes one number."""
    span = config.items_max - config.items_min + 1
    return config.items_min + int(rng.random() * span)


def draw_placements(
    rng: np.random.Generator, region_HW: np.ndarray, items: Sequence[Placeable], config: PlacementConfig
) -> list[Placement] | NoRoom:
    """Draw a pose and a position for each item so that all of it lies inside the region.

    A position is drawn evenly from every position at which no pixel with alpha > 0 leaves the region or,
    unless overlap is allowed, meets an earlier item. When a pose has no such position the next one is tried;
    an item for which `max_tries` poses fail is left out. Scales are drawn evenly from `scale_min` to
    `scale_max`, or to where the item reaches `max_item_fraction`; never below `scale_min`.

    Args:
        rng: Stream of the bag; 4 x `max_tries` numbers in [0, 1) are taken for each item, whatever comes of
            it: scale, turn, mirror and position of each try.
        region_HW: Where items may lie, bool.
        items: Items to place, in the order in which they take their room.
        config: How they may lie.

    Returns:
        A placement for each item that found room, in the items' order; or, if those are fewer than
        `items_min` and than the items, why the others did not.
    """
    free_HW = shrink(region_HW, config.edge_margin_px)
    longest_px = config.max_item_fraction * longest_side(region_HW)
    placements: list[Placement] = []
    reasons: list[str] = []
    for index, item in enumerate(items):
        found = _place(rng.random((config.max_tries, 4)), free_HW, item, index, longest_px, config)
        if isinstance(found, NoRoom):
            reasons.append(f"item {index}: {found.reason}")
            continue
        placements.append(found)
        if not config.allow_overlap:
            free_HW[found.window] &= ~(found.posed.alpha_HW > 0)
    if len(placements) < min(config.items_min, len(items)):
        return NoRoom("; ".join(reasons))
    return placements


def _place(
    draws: np.ndarray,
    free_HW: np.ndarray,
    item: Placeable,
    index: int,
    longest_px: float,
    config: PlacementConfig,
) -> Placement | NoRoom:
    """Place one item by the first of the draws, (tries, 4), that fits."""
    own_px = max(np.ptp(side) + 1 for side in np.nonzero(item.alpha_HW > 0))
    scale_max = min(config.scale_max, longest_px / own_px)
    if scale_max < config.scale_min:
        smallest_px = own_px * config.scale_min
        return NoRoom(f"{smallest_px:.0f} px long at its smallest, the bag takes {longest_px:.0f} px")
    for scale_draw, turn_draw, mirror_draw, position_draw in draws:
        pose = Pose(
            rotation_deg=360.0 * float(turn_draw) if config.rotate else 0.0,
            scale=config.scale_min + float(scale_draw) * (scale_max - config.scale_min),
            flip=config.flip and mirror_draw < 0.5,
        )
        posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
        offsets_N2 = feasible_offsets(free_HW, posed.alpha_HW > 0)
        # An item thinner than half a pixel everywhere would leave a label without a mask.
        if len(offsets_N2) and posed.mask_HW.any():
            y_px, x_px = offsets_N2[int(position_draw * len(offsets_N2))]
            return Placement(index, pose, int(x_px), int(y_px), posed)
    return NoRoom(f"none of {len(draws)} poses fits into {np.count_nonzero(free_HW)} free pixels")
