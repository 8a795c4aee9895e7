"""Labels of an inserted item: tight box, mask, pose, and what lies under and over it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rwsc.items.bank import Item
from rwsc.placement.occlusion import occluded_fraction, occlusion_level
from rwsc.placement.placed import Placement, do_overlap
from rwsc.sources.masks import encode_rle


def describe_object(
    object_id: str,
    item: Item,
    placement: Placement,
    beside: Sequence[tuple[str, Item, Placement]],
    under: np.ndarray,
    frame_hw: tuple[int, ...],
) -> dict[str, Any]:
    """Describe one inserted item as the manifest's `objects` column wants it.

    Args:
        object_id: Name of the object.
        item: The item.
        placement: How and where it lies.
        beside: Every object of the image, this one included, as (object id, item, placement).
        under: Transmission of the bag under the placement's window, without any item, (h, w) or (h, w, C).
        frame_hw: Height and width of the scan.

    Returns:
        A value per field of `rwsc.corpus.manifest.OBJECT`. `occluded_fraction` and `occlusion_level` are those
        of `rwsc.placement.occlusion`, of the bag alone; `occlusion_wanted` is null where no level was asked for;
        `fused_xywh` is the rectangle outside which this item changed no pixel.
    """
    mask_HW = placement.mask_in(*frame_hw)
    occluded = occluded_fraction(placement.mask_HW, under)
    height, width = placement.posed.alpha_HW.shape
    return {
        "object_id": object_id,
        "item_id": item.item_id,
        "physical_item_id": item.physical_item_id,
        "label": item.label,
        "bbox_xywh": [float(side) for side in placement.bbox_xywh],
        "area": int(mask_HW.sum()),
        "mask_rle": encode_rle(mask_HW),
        "x": placement.x_px,
        "y": placement.y_px,
        "rotation_deg": float(placement.pose.rotation_deg),
        "scale": float(placement.pose.scale),
        "flip": bool(placement.pose.flip),
        "occluded_fraction": occluded,
        "occlusion_level": occlusion_level(occluded),
        "occlusion_wanted": placement.level_wanted,
        "overlaps": [name for name, _, other in beside if name != object_id and do_overlap(placement, other)],
        "placement_score": placement.score,
        "fused_xywh": [placement.x_px, placement.y_px, width, height],
    }
