"""How many items a bag gets, and where they come to lie: as a whole inside it, and as was asked for."""

from collections.abc import Iterable, Sequence

import numpy as np

from rwsc.placement.config import PlacementConfig
from rwsc.placement.ground import Ground
from rwsc.placement.placed import NoRoom, Placeable, Placement
from rwsc.placement.search import Search, pick

__all__ = ["NoRoom", "Placeable", "Placement", "PlacementConfig", "draw_num_items", "draw_placements"]


def draw_num_items(rng: np.random.Generator, config: PlacementConfig) -> int:
    """Draw how many items go into a bag, by `count_weights`; takes one number."""
    span = config.items_max - config.items_min + 1
    return config.items_min + pick(float(rng.random()), config.count_weights or (1.0,) * span)


def draw_placements(
    rng: np.random.Generator,
    ground: Ground,
    items: Sequence[Placeable],
    config: PlacementConfig,
    *,
    physical_scales: Sequence[float | None] | None = None,
    earlier: Iterable[Placement] = (),
) -> list[Placement] | NoRoom:
    """Draw a pose and a place for each item so that all of it lies inside one bag.

    A place is drawn by the priors from all at which no cell of the grid that the item touches with alpha > 0
    leaves its bag or, unless overlap is wanted, meets an earlier item; of several bags the roomier is drawn more
    often. Where an occlusion level is wanted, places that have it are drawn first, and where none of the poses
    tried has one, the nearest is taken: `Placement.level_wanted` beside the level met tells. Places below
    `min_score` are not taken. An item for which `max_tries` poses fail is left out.

    Args:
        rng: Stream of the bag; one number is taken for each item, whatever comes of it.
        ground: The bags, and what lies in them. Without its content levels are not looked for, nor scores given.
        items: Items to place, in the order in which they take their room.
        config: How they may lie.
        physical_scales: For each item the scale at which it keeps its size in millimetres, or None.
        earlier: What already lies in the bags.

    Returns:
        A placement for each item that found room, in the items' order; or, if those are fewer than
        `items_min` and than the items, why the others did not.
    """
    seeds = [int(rng.integers(2**63)) for _ in items]
    if not ground.bags:
        return NoRoom("there is no bag to lie in") if items else []
    search = Search(ground, config)
    for placement in earlier:
        search.take(placement)
    placements: list[Placement] = []
    reasons: list[str] = []
    for index, (item, seed) in enumerate(zip(items, seeds, strict=True)):
        # A stream of its own: what comes of one item does not change what is drawn for the next.
        own = np.random.Generator(np.random.PCG64(seed))
        found = search.place(own, index, item, physical_scales[index] if physical_scales else None)
        if isinstance(found, Placement):
            placements.append(found)
        else:
            reasons.append(f"item {index}: {found.reason}")
    if len(placements) < min(config.items_min, len(items)):
        return NoRoom("; ".join(reasons))
    return placements
