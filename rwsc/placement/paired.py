"""The same items in two views of one bag.

The assumption: both scanner arrays look across the belt, from above and from the side, and read line by line
while it moves. So the direction of the belt is common to both pictures: a thing begins and ends at the same
belt lines in both, whatever it looks like across. Views may be read at different pitches, so belt lines are
counted from the first to the last of the bag.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rwsc.placement.config import PlacementConfig
from rwsc.placement.fit import covered_share
from rwsc.placement.ground import Ground
from rwsc.placement.placed import NoRoom, Placeable, Placement
from rwsc.placement.pose import NothingLeftError, Pose, pose_item
from rwsc.placement.room import Room

Belt = Literal["x", "y"]
"""Axis of the pictures along which the belt moves."""

Pair = tuple[Placement, Placement]


@dataclass(frozen=True, eq=False)
class View:
    """One view of a bag.

    Attributes:
        ground: Its bag; where there are several, nothing is laid.
        belt: Axis along which the belt moves.
    """

    ground: Ground
    belt: Belt

    @property
    def span_px(self) -> tuple[int, int]:
        """First belt line of the only bag, and how many there are."""
        x, y, width, height = (side * self.ground.cell_px for side in self.ground.boxes[0])
        return (x, width) if self.belt == "x" else (y, height)


def draw_paired_placements(
    rng: np.random.Generator,
    views: tuple[View, View],
    items: Sequence[tuple[Placeable, Placeable]],
    config: PlacementConfig,
) -> list[Pair] | NoRoom:
    """Lay items that were cut out of both views into both views of another bag.

    An item keeps its turn, since a turn in one view would show another side of it in the other; it is mirrored
    in both along the belt or in neither. Its length along the belt, as a share of the bag's, is drawn from its
    own as `scale_min` to `scale_max`, and equal in both views to the pixel, as is where it begins. Across the
    belt each view has a place of its own. Other settings of size, turn, prior and level do not apply.

    Args:
        rng: Stream of the bag; one number is taken for each item, whatever comes of it.
        views: Both views of the bag, which is alone in them: of several it is not known which is which.
        items: Each item as it looks in the first and in the second view.
        config: `items_min`, `scale_min`, `scale_max`, `flip`, `max_tries`, `edge_margin_px`, `allow_overlap`.

    Returns:
        Placements in both views for each item that found room, or, if those are fewer than `items_min` and than
        the items, why there are none.
    """
    seeds = [int(rng.integers(2**63)) for _ in items]
    if not all(view.ground.bags for view in views):
        return NoRoom("there is no bag to lie in in one of the views")
    if any(len(view.ground.bags) > 1 for view in views):
        counts = " and ".join(str(len(view.ground.bags)) for view in views)
        return NoRoom(f"the views show {counts} bags, and which of them is the same in both is not known")
    rooms = [Room(view.ground, config.edge_margin_px) for view in views]
    pairs: list[Pair] = []
    for index, (both, seed) in enumerate(zip(items, seeds, strict=True)):
        own = np.random.Generator(np.random.PCG64(seed))
        found = (_try_pair(own, index, views, rooms, both, config) for _ in range(config.max_tries))
        pair = next((each for each in found if each is not None), None)
        if pair is None:
            continue
        pairs.append(pair)
        for view, room, placement in zip(views, rooms, pair, strict=True):
            room.take(*_on_grid(view, placement))
    if len(pairs) < min(config.items_min, len(items)):
        return NoRoom(f"{len(items) - len(pairs)} of {len(items)} items fit into no place of both views")
    return pairs


def _try_pair(
    rng: np.random.Generator,
    index: int,
    views: tuple[View, View],
    rooms: Sequence[Room],
    both: tuple[Placeable, Placeable],
    config: PlacementConfig,
) -> Pair | None:
    scale_draw, flip_draw, start_draw, *across_draws = rng.random(5)
    scale = config.scale_min + float(scale_draw) * (config.scale_max - config.scale_min)
    flip = bool(config.flip and flip_draw < 0.5)
    share = scale * _along(both[0].alpha_HW.shape, views[0].belt) / views[0].span_px[1]
    start = float(start_draw) * (1 - share)
    if start < 0:
        return None
    pair = []
    for view, room, item, draw in zip(views, rooms, both, across_draws, strict=True):
        placement = _lay(index, view, room, item, (start, share, flip), float(draw), config)
        if placement is None:
            return None
        pair.append(placement)
    return pair[0], pair[1]


def _lay(
    index: int,
    view: View,
    room: Room,
    item: Placeable,
    wanted: tuple[float, float, bool],
    draw: float,
    config: PlacementConfig,
) -> Placement | None:
    """Lay an item at its belt line, anywhere across where it fits."""
    start, share, flip = wanted
    first_px, span_px = view.span_px
    scale = share * span_px / _along(item.alpha_HW.shape, view.belt)
    # A mirror image from left to right; upside down it is one that is turned by half.
    pose = Pose(rotation_deg=180.0 if flip and view.belt == "y" else 0.0, scale=scale, flip=flip)
    try:
        posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    except NothingLeftError:
        return None
    begin_px, cell_px = first_px + round(start * span_px), view.ground.cell_px
    shift = (0, begin_px % cell_px) if view.belt == "x" else (begin_px % cell_px, 0)
    cover_HW = covered_share(posed.alpha_HW > 0, cell_px, shift)
    allowed_HW = room.places(0, cover_HW, "anyhow" if config.allow_overlap else "apart")
    line = begin_px // cell_px
    if line >= allowed_HW.shape[1 if view.belt == "x" else 0] or not posed.mask_HW.any():
        return None
    across = np.flatnonzero(allowed_HW[:, line] if view.belt == "x" else allowed_HW[line])
    if not across.size:
        return None
    across_px = int(across[int(draw * across.size)]) * cell_px
    x_px, y_px = (begin_px, across_px) if view.belt == "x" else (across_px, begin_px)
    return Placement(index, pose, x_px, y_px, posed)


def _along(shape_hw: tuple[int, ...], belt: Belt) -> int:
    return shape_hw[1] if belt == "x" else shape_hw[0]


def _on_grid(view: View, placement: Placement) -> tuple[np.ndarray, int, int]:
    cell_px = view.ground.cell_px
    (top, down), (left, right) = divmod(placement.y_px, cell_px), divmod(placement.x_px, cell_px)
    return covered_share(placement.posed.alpha_HW > 0, cell_px, (down, right)), top, left
