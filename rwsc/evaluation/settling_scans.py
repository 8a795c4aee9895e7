"""Compare on masks of real scans what the graph cut may settle, and judge a choice on scans that had no part in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rwsc.errors import SourceError
from rwsc.evaluation.extraction_scans import given_mask, iou_from_box, iter_masked
from rwsc.evaluation.masks import iou
from rwsc.items.config import ItemsConfig
from rwsc.items.in_box import SeesBoxes, Settling, settle
from rwsc.items.scan_attenuation import picture_attenuation, scan_attenuation


@dataclass(frozen=True, kw_only=True, slots=True)
class SettledItem:
    """What every settling made of one masked item."""

    group: str
    """Group of its scan; the scan's address where it has none."""

    ious: tuple[float, ...]
    """Overlap of each settling's mask with the given one, in the order of the settlings; all alike for an item alone on
    the belt, which is found without an outline."""


def settle_scans(catalogue_uri: str, outliner: SeesBoxes, settlings: Sequence[Settling]) -> list[SettledItem]:
    """Outline every masked item of a catalogue from its box, and settle each outline in every way.

    Args:
        catalogue_uri: The catalogue.
        outliner: What marks items in boxes.
        settlings: The ways.

    Returns:
        The items, scan by scan.

    Raises:
        SourceError: No usable scan has a mask, a mask is damaged, or a scan has changed since it was indexed.
    """
    items = []
    for scan, masked, image in iter_masked(catalogue_uri):
        attenuation_HWC = picture_attenuation(scan_attenuation(image, scan))
        for thing in masked:
            if scan.kind == "isolated":
                ious = (iou_from_box(scan, thing, image, ItemsConfig(), outliner),) * len(settlings)
            else:
                true_HW = given_mask(scan, thing, image)
                x, y, w, h = thing.bbox_xywh
                seen = outliner.outline(attenuation_HWC, (x, y, w, h))
                ious = tuple(iou(settle(attenuation_HWC, seen, way).mask_HW, true_HW) for way in settlings)
            items.append(SettledItem(group=scan.group or str(scan.uri), ious=ious))
    return items


def choose_without(items: Sequence[SettledItem]) -> dict[str, int]:
    """Choose for each group the settling that does best on all the others.

    Args:
        items: What every settling made of each item.

    Returns:
        The place of the settling with the highest mean overlap over the items of all other groups, by group; the
        first of equals.

    Raises:
        SourceError: All items are of one group, or there are none.
    """
    groups = sorted({item.group for item in items})
    if len(groups) < 2:
        raise SourceError(
            f"masked items of {len(groups)} groups of scans; a choice is judged on groups it was not made on",
            remedy="give a catalogue with masked items of two groups or more",
        )
    iou_NS = np.array([item.ious for item in items])
    group_N = np.array([item.group for item in items])
    return {group: int(iou_NS[group_N != group].mean(axis=0).argmax()) for group in groups}
