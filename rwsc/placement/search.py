"""The search for a place: poses, places that fit, and which of them has the level and the look asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rwsc.placement.config import PlacementConfig
from rwsc.placement.fit import covered_share, slide
from rwsc.placement.ground import Ground
from rwsc.placement.occlusion import level_bounds, occluded_fraction, occlusion_level
from rwsc.placement.placed import NoRoom, Placeable, Placement, do_overlap
from rwsc.placement.plausibility import Plausibility
from rwsc.placement.pose import NothingLeftError, Pose, PosedItem, pose_item
from rwsc.placement.priors import Priors, direction_of, draw_direction, position_weights
from rwsc.placement.room import How, Room
from rwsc.placement.size import draw_scale

_NEAR_ENOUGH = 0.02
"""Where no place has the wanted share of dense bag under it, those within this of the nearest are drawn from."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for one item.

    Attributes:
        index: Its position in the sequence it was drawn from.
        item: The item.
        physical_scale: Scale at which it keeps its size in millimetres; None where that is unknown.
        how: How it may lie beside earlier items.
        level: Occlusion level to look for, 1 to 3, or None.
    """

    index: int
    item: Placeable
    physical_scale: float | None
    how: How
    level: int | None


@dataclass(frozen=True, eq=False)
class _Found:
    """A place as it was found, and how far its level is from the wanted one."""

    placement: Placement
    levels_off: int

    @property
    def score(self) -> float:
        """Its plausibility; 1 where there is nothing to judge by."""
        return 1.0 if self.placement.score is None else self.placement.score


class Search:
    """Looks for places in the bags of one scan, item after item."""

    def __init__(self, ground: Ground, config: PlacementConfig) -> None:
        """Begin with empty bags.

        Args:
            ground: The bags, one or more.
            config: How items may lie.
        """
        self._ground = ground
        self._config = config
        self._priors = config.learned
        self._room = Room(ground, config.edge_margin_px)
        self._placed: list[Placement] = []
        self._weights = [
            _prior_weights(bag_HW.shape, box, self._priors)
            for bag_HW, box in zip(ground.bags, ground.boxes, strict=True)
        ]
        self._judges = (
            [Plausibility(ground.content, bag_HW, self._priors) for bag_HW in ground.bags]
            if ground.content is not None
            else []
        )

    def place(
        self, rng: np.random.Generator, index: int, item: Placeable, physical_scale: float | None
    ) -> Placement | NoRoom:
        """Place one item and take its room.

        Args:
            rng: Stream of the item.
            index: Position of the item in the sequence it was drawn from.
            item: The item.
            physical_scale: Scale at which it keeps its size in millimetres; None where that is unknown.

        Returns:
            Its placement, or why it has none.
        """
        level_draw, overlap_draw = rng.random(2)
        if not self._room.shares.any():
            margin_px = self._config.edge_margin_px
            return NoRoom(f"no bag is broad enough to keep edge_margin_px ({margin_px}) from its edges")
        levels = self._config.occlusion_levels if self._judges else ()
        hows: list[How] = ["anyhow" if self._config.allow_overlap else "apart"]
        if self._placed and overlap_draw < self._config.overlap_share:
            hows.insert(0, "upon")
        level = 1 + pick(float(level_draw), levels) if levels else None
        why_not = NoRoom("")
        for how in hows:
            request = Request(index=index, item=item, physical_scale=physical_scale, how=how, level=level)
            found = self._try_poses(rng, request)
            if isinstance(found, _Found):
                self.take(found.placement)
                return found.placement
            why_not = found
        return why_not

    def take(self, placement: Placement) -> None:
        """Count the room of a placed item as taken."""
        cell_px = self._ground.cell_px
        (top, down), (left, right) = divmod(placement.y_px, cell_px), divmod(placement.x_px, cell_px)
        self._room.take(covered_share(placement.posed.alpha_HW > 0, cell_px, (down, right)), top, left)
        self._placed.append(placement)

    def _try_poses(self, rng: np.random.Generator, request: Request) -> _Found | NoRoom:
        """Try poses until one has a plausible place of the wanted level; else take the nearest level found."""
        nearest: _Found | None = None
        reason, best_score = "", -1.0
        for _ in range(self._config.max_tries):
            bag = pick(float(rng.random()), self._room.shares)
            drawn = self._draw_posed(rng, request, bag)
            if isinstance(drawn, str):
                reason = drawn
                continue
            for found in self._candidates(rng, request, *drawn, bag):
                best_score = max(best_score, found.score)
                if found.score < self._config.min_score:
                    continue
                if not found.levels_off:
                    return found
                nearest = min(nearest or found, found, key=lambda each: each.levels_off)
        if best_score >= 0:
            reason = f"the best place found scores {best_score:.2f}, min_score is {self._config.min_score:g}"
        if nearest is None and not reason:
            reason = f"none of {self._config.max_tries} poses fits into {self._room.num_free_px} free pixels"
        return nearest or NoRoom(reason)

    def _draw_posed(
        self, rng: np.random.Generator, request: Request, bag: int
    ) -> tuple[Pose, PosedItem] | str:
        """Draw a pose and pose the item; or say why it has none."""
        pose = self._draw_pose(rng, request, bag)
        if isinstance(pose, str):
            return pose
        nothing = f"nothing of it is left at scale {pose.scale:.2g}"
        try:
            posed = pose_item(request.item.transmission_HWC, request.item.alpha_HW, pose)
        except NothingLeftError:
            return nothing
        # Thinner than half a pixel everywhere: a label without a mask.
        return (pose, posed) if posed.mask_HW.any() else nothing

    def _draw_pose(self, rng: np.random.Generator, request: Request, bag: int) -> Pose | str:
        scale_draw, turn_draw, half_turn_draw, mirror_draw = (float(draw) for draw in rng.random(4))
        item, (_, _, width, height) = request.item, self._ground.boxes[bag]
        bag_wh = (width * self._ground.cell_px, height * self._ground.cell_px)
        scale = draw_scale(scale_draw, item, bag_wh, self._config, request.physical_scale)
        if isinstance(scale, str):
            return scale
        flip = self._config.flip and mirror_draw < 0.5
        turn = 360.0 * turn_draw
        if self._priors is not None and self._priors.direction:
            own_deg, _ = direction_of(item.alpha_HW >= 0.5)
            own_deg = 180 - own_deg if flip else own_deg
            half_turn = 180.0 if half_turn_draw < 0.5 else 0.0
            turn = (draw_direction(self._priors, turn_draw) - own_deg + half_turn) % 360
        return Pose(rotation_deg=turn if self._config.rotate else 0.0, scale=scale, flip=flip)

    def _candidates(
        self, rng: np.random.Generator, request: Request, pose: Pose, posed: PosedItem, bag: int
    ) -> Iterator[_Found]:
        """Draw places for an item by the priors, from those that fit and are nearest to the level."""
        cover_HW = covered_share(posed.alpha_HW > 0, self._ground.cell_px)
        weights = self._weigh_places(cover_HW, request, bag)
        upto = np.cumsum(weights, dtype=np.float64)
        if not upto.size or not upto[-1] > 0:
            return
        for draw in rng.random(self._config.candidates):
            number = min(int(np.searchsorted(upto, draw * upto[-1], side="right")), upto.size - 1)
            cell_yx = divmod(number, weights.shape[1])
            found = self._lay(rng, request, pose, posed, bag, (int(cell_yx[0]), int(cell_yx[1])))
            if request.how != "upon" or any(do_overlap(found.placement, each) for each in self._placed):
                yield found

    def _weigh_places(self, cover_HW: np.ndarray, request: Request, bag: int) -> np.ndarray:
        allowed_HW = self._room.places(bag, cover_HW, request.how)
        if not allowed_HW.any():
            return np.zeros((0, 1), dtype=np.float32)
        # The prior speaks of an item's middle, a place is that of its first cell.
        middle = tuple(
            slice(own // 2, own // 2 + room)
            for own, room in zip(cover_HW.shape, allowed_HW.shape, strict=True)
        )
        weights_HW = np.where(allowed_HW, self._weights[bag][middle], np.float32(0))
        content = self._ground.content
        if request.level is not None and content is not None:
            dense_HW = slide(content.is_dense_HW, cover_HW) / cover_HW.sum()
            low, high = level_bounds(request.level)
            off_HW = np.maximum(np.maximum(low - dense_HW, dense_HW - high), 0)
            weights_HW[off_HW > off_HW[allowed_HW].min() + _NEAR_ENOUGH] = 0
        return weights_HW

    def _lay(
        self,
        rng: np.random.Generator,
        request: Request,
        pose: Pose,
        posed: PosedItem,
        bag: int,
        cell_yx: tuple[int, int],
    ) -> _Found:
        """Lay a posed item at a cell, or a part of a cell further where it fits there as well."""
        cell_px = self._ground.cell_px
        shift_yx = int(rng.integers(cell_px)), int(rng.integers(cell_px))
        cover_HW = covered_share(posed.alpha_HW > 0, cell_px, shift_yx)
        if not self._room.holds(bag, cover_HW, *cell_yx, request.how):
            shift_yx = 0, 0
            cover_HW = covered_share(posed.alpha_HW > 0, cell_px)
        y_px, x_px = (cell * cell_px + shift for cell, shift in zip(cell_yx, shift_yx, strict=True))
        placement = Placement(
            request.index,
            pose,
            x_px,
            y_px,
            posed,
            request.level,
            self._judges[bag].score(cover_HW, *cell_yx) if self._judges else None,
        )
        content, levels_off = self._ground.content, 0
        if request.level is not None and content is not None:
            fraction = occluded_fraction(posed.mask_HW, content.transmission_in(placement.window))
            levels_off = abs(occlusion_level(fraction) - request.level)
        return _Found(placement, levels_off)


def pick(draw: float, weights: Sequence[float] | np.ndarray) -> int:
    """Pick one of several by weight.

    Args:
        draw: A random number in [0, 1).
        weights: 0 or more, not all 0.

    Returns:
        A position in the weights, never one of weight 0.
    """
    upto = np.cumsum(weights, dtype=np.float64)
    return min(int(np.searchsorted(upto, draw * upto[-1], side="right")), int(np.flatnonzero(weights)[-1]))


def _prior_weights(
    shape: tuple[int, ...], box_xywh: tuple[int, int, int, int], priors: Priors | None
) -> np.ndarray:
    """Give the weight of every cell as the middle of an item."""
    if priors is None:
        return np.ones(shape, dtype=np.float32)
    left, top, width, height = box_xywh
    weights_HW = np.zeros(shape, dtype=np.float32)
    weights_HW[top : top + height, left : left + width] = position_weights(priors, height, width)
    return weights_HW
