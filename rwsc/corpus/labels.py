"""Labels of an inserted item: tight box, mask, pose, and what lies under and over it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rwsc.fusion.channels import LUMA_WEIGHTS
from rwsc.items.bank import Item
from rwsc.placement.draw import Placement
from rwsc.sources.masks import encode_rle

DENSE_TRANSMISSION = 0.5
"""Bag that lets through less than this share of the light counts as occluding an item that lies in it."""


def describe_object(
    object_id: str,
    item: Item,
    placement: Placement,
    beside: Sequence[tuple[str, Item, Placement]],
    bag: np.ndarray,
) -> dict[str, Any]:
    """Describe one inserted item as the manifest's `objects` column wants it.

    Args:
        object_id: Name of the object.
        item: The item.
        placement: How and where it lies.
        beside: Every object of the image, this one included, as (object id, item, placement).
        bag: Transmission of the bag without any item, (H, W) or (H, W, C).

    Returns:
        A value per field of `rwsc.corpus.manifest.OBJECT`. `occluded_fraction` is the share of the mask over
        bag of a luminance transmission below `DENSE_TRANSMISSION`; `fused_xywh` is the rectangle outside
        which this item changed no pixel; `placement_score` is null, since nothing scores placements so far.
    """
    mask_HW = placement.mask_in(*bag.shape[:2])
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
        "occluded_fraction": _occluded_fraction(mask_HW, bag),
        "overlaps": [name for name, _, other in beside if name != object_id and _overlap(placement, other)],
        "placement_score": None,
        "fused_xywh": [placement.x_px, placement.y_px, width, height],
    }


def _occluded_fraction(mask_HW: np.ndarray, bag: np.ndarray) -> float:
    under = bag[mask_HW]
    luma = (
        under @ LUMA_WEIGHTS
        if under.ndim == 2 and under.shape[1] == 3
        else under.reshape(len(under), -1)[:, 0]
    )
    return round(float((luma < DENSE_TRANSMISSION).mean()), 6) if len(luma) else 0.0


def _overlap(one: Placement, other: Placement) -> bool:
    top, left = max(one.y_px, other.y_px), max(one.x_px, other.x_px)
    bottom = min(one.y_px + one.mask_HW.shape[0], other.y_px + other.mask_HW.shape[0])
    right = min(one.x_px + one.mask_HW.shape[1], other.x_px + other.mask_HW.shape[1])
    if bottom <= top or right <= left:
        return False
    first = one.mask_HW[top - one.y_px : bottom - one.y_px, left - one.x_px : right - one.x_px]
    second = other.mask_HW[top - other.y_px : bottom - other.y_px, left - other.x_px : right - other.x_px]
    return bool((first & second).any())
