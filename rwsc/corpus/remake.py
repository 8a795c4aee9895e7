"""What lies in an image of a corpus, posed again from its manifest row."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rwsc.corpus.prepare import prepare
from rwsc.fusion.compose import Insertion
from rwsc.items.bank import Item
from rwsc.placement.pose import Pose, pose_item


def things_of(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give all that was put into an image, in the order of fusion; corpora of older versions hold objects alone."""
    for column in ("objects", "empty_insertions", "distractors"):
        yield from row.get(column) or []


def insertions_of(
    row: Mapping[str, Any],
    items: Mapping[str, Item],
    scan: np.ndarray,
    air_level: np.ndarray,
    *,
    engine: str,
) -> list[Insertion]:
    """Pose what was put into an image again as it lies there.

    Args:
        row: A manifest row of status made.
        items: Items and harmless things by id.
        scan: Grey levels of the bag, (H, W) or (H, W, C).
        air_level: Its grey level of air, a number per channel.
        engine: Name of the engine that is to fuse it.

    Returns:
        One insertion per thing, in the order of fusion; those of an empty insertion without matter.

    Raises:
        KeyError: One of the items is not there.
    """
    own, harmless = (
        [_pose(thing, items[thing["item_id"]]) for thing in things]
        for things in ([*row["objects"], *(row.get("empty_insertions") or [])], row.get("distractors") or [])
    )
    return prepare(
        own,
        harmless,
        scan=scan,
        air_level=air_level,
        is_empty=bool(row.get("empty_insertions")),
        engine=engine,
        seed=row["seed"],
    )


def _pose(thing: Mapping[str, Any], item: Item) -> Insertion:
    pose = Pose(rotation_deg=thing["rotation_deg"], scale=thing["scale"], flip=thing["flip"])
    posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    return Insertion(
        transmission_HWC=posed.transmission_HWC, alpha_HW=posed.alpha_HW, x_px=thing["x"], y_px=thing["y"]
    )
