"""Scans as pictures for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from rwsc.items.sheet import write_line
from rwsc.physics.pseudo_colour import to_rgb8 as colourised
from rwsc.physics.transmission import to_image, to_transmission
from rwsc.sources.masks import decode_rle

COLOURS = [(214, 39, 40), (31, 119, 180), (44, 160, 44), (148, 103, 189), (255, 127, 14)]
"""Box colours (RGB); a class always has the same one."""

UNLABELLED = (110, 110, 110)
"""Colour of what was put in without a label: empty insertions and harmless things."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pixels:
    """One image of a corpus and what it was made of."""

    scan: np.ndarray
    """The bag without items, uint8 or uint16, (H, W) or (H, W, C)."""

    air_level: np.ndarray
    """Its grey level of air, a number per channel."""

    made: np.ndarray
    """The corpus' image, of the same shape and type."""


def to_rgb8(scan: np.ndarray, air_level: np.ndarray) -> np.ndarray:
    """Show a scan on a screen.

    Args:
        scan: uint8 or uint16; (H, W), (H, W, 2) of low and high energy, or (H, W, 3).
        air_level: Grey level of air, a number per channel.

    Returns:
        uint8, (H, W, 3): 8 bits as they are, 16 bits with air at 255, two energies in pseudo-colour.
    """
    if scan.ndim == 3 and scan.shape[2] == 2:
        return colourised(scan, air_level)
    eight = scan if scan.dtype == np.uint8 else to_image(to_transmission(scan, air_level), 255.0, np.uint8)
    rgb = np.repeat(eight[..., None], 3, axis=2) if eight.ndim == 2 else eight[..., :3]
    return np.ascontiguousarray(rgb)


def with_marks(
    picture: np.ndarray, labelled: Sequence[Mapping[str, Any]], unlabelled: Sequence[Mapping[str, Any]] = ()
) -> np.ndarray:
    """Draw boxes, outlines of masks and class names on a picture.

    Args:
        picture: 8-bit RGB, of the scan's size.
        labelled: Objects, as in the manifest.
        unlabelled: What was put in without a label.

    Returns:
        A new picture.
    """
    drawn = picture.copy()
    thickness = max(1, round(max(picture.shape[:2]) / 350))
    for thing in unlabelled:
        _outline(drawn, thing, UNLABELLED, thickness)
    for thing in labelled:
        x, y, width, height = (round(side) for side in thing["bbox_xywh"])
        colour = COLOURS[sum(thing["label"].encode()) % len(COLOURS)]
        _outline(drawn, thing, colour, thickness)
        cv2.rectangle(drawn, (x, y), (x + width - 1, y + height - 1), colour, thickness)
        size_px = max(14, 14 * thickness)
        room = max(size_px, picture.shape[1] - x)
        baseline = y - 4 if y > size_px + 4 else y + size_px + 2
        write_line(drawn, thing["label"], x=x, baseline=baseline, size_px=size_px, colour=colour, width=room)
    return drawn


def _outline(
    drawn: np.ndarray, thing: Mapping[str, Any], colour: tuple[int, int, int], thickness: int
) -> None:
    if not thing["mask_rle"]:
        return
    mask_HW = decode_rle(thing["mask_rle"], height=drawn.shape[0], width=drawn.shape[1])
    lines, _ = cv2.findContours(mask_HW.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, lines, -1, colour, max(1, thickness // 2))
