"""One image of a corpus as several engines make it, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from rwsc.corpus.display import Pixels, to_rgb8, with_marks
from rwsc.corpus.remake import insertions_of, things_of
from rwsc.errors import RwscError
from rwsc.fusion.compose import fuse_in_rounds
from rwsc.fusion.engine import Engine
from rwsc.fusion.match import MatchConfig
from rwsc.items.bank import Item
from rwsc.items.sheet import write_line

CELL_PX = 320
"""Longer side of a picture."""

AMPLIFIED = 4
"""Factor by which differences to the bag are drawn; no difference is mid-grey."""

_GAP_PX, _HEAD_PX, _LINE_PX = 8, 30, 26
_AROUND = 0.35
_AROUND_PX = 24
_INK, _FAINT, _BAD = (25, 25, 25), (110, 110, 110), (185, 20, 20)
_MID_GREY = 128


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shown:
    """What is drawn of one image."""

    heading: str
    whole: np.ndarray
    """The corpus' image with its labels, 8-bit RGB."""

    bag: np.ndarray
    """The bag around what was put into it, 8-bit RGB."""

    fused: list[np.ndarray | str]
    """The same piece as each engine makes it, or why it cannot."""

    px_per_px: float
    """How many pixels of the sheet one of the scan takes in `bag` and `fused`."""


def compare_engines(
    row: Mapping[str, Any],
    pixels: Pixels,
    *,
    items: Mapping[str, Item],
    engines: Sequence[Engine],
    context: float,
    match: MatchConfig | None,
) -> Shown:
    """Make one image with each engine and draw the part of the bag around what was put into it.

    Args:
        row: The image's manifest row.
        pixels: The image and its bag.
        items: Items and harmless things by id.
        engines: Ways to fuse.
        context: See `rwsc.fusion.compose.fuse_in_rounds`.
        match: How the corpus matched items to bags; None for not at all.

    Returns:
        Small pictures.
    """
    scan, air_level = pixels.scan, pixels.air_level
    top, left, bottom, right = _window(row, scan.shape[:2])
    bag = to_rgb8(scan, air_level)[top:bottom, left:right]
    fused: list[np.ndarray | str] = []
    for engine in engines:
        try:
            insertions = insertions_of(row, items, scan, air_level, engine=engine.name)
            image = fuse_in_rounds([scan], [air_level], [insertions], engine, context=context, match=match)[0]
        except RwscError as error:
            fused.append(error.message)
            continue
        fused.append(_fitted(to_rgb8(image, air_level)[top:bottom, left:right]))
    unlabelled = [thing for thing in things_of(row) if thing not in row["objects"]]
    return Shown(
        heading=_heading(row),
        whole=_fitted(with_marks(to_rgb8(pixels.made, air_level), row["objects"], unlabelled)),
        bag=_fitted(bag),
        fused=fused,
        px_per_px=CELL_PX / max(bag.shape[:2]),
    )


def draw_comparison(shown: Sequence[Shown], engines: Sequence[str]) -> np.ndarray:
    """Lay images out: the whole with its labels, the bag, and for each engine its image over its difference.

    Args:
        shown: What is drawn of each image.
        engines: Names of the engines.

    Returns:
        8-bit RGB.
    """
    columns = ["the corpus' image, labels", "bag", *engines]
    width = _GAP_PX + len(columns) * (CELL_PX + _GAP_PX)
    head = np.full((2 * _HEAD_PX, width, 3), 255, dtype=np.uint8)
    for place, text in enumerate(columns):
        left = _GAP_PX + place * (CELL_PX + _GAP_PX)
        write_line(head, text, x=left, baseline=22, size_px=19, colour=_INK, width=CELL_PX)
    legend = (
        f"under each engine: its image less the bag, times {AMPLIFIED}; mid-grey is no difference, black "
        f"{_MID_GREY // AMPLIFIED} or more grey levels of 255 darker, white as much brighter"
    )
    write_line(head, legend, x=_GAP_PX, baseline=48, size_px=15, colour=_FAINT, width=width - 2 * _GAP_PX)
    return np.vstack([head, *(_draw(each, width) for each in shown)])


def _draw(shown: Shown, width: int) -> np.ndarray:
    part_px = shown.bag.shape[0]
    height = _LINE_PX + max(shown.whole.shape[0], 2 * part_px + _GAP_PX) + _GAP_PX
    band = np.full((height, width, 3), 255, dtype=np.uint8)
    heading = f"{shown.heading} · parts drawn {shown.px_per_px:.2g} px per px"
    write_line(band, heading, x=_GAP_PX, baseline=18, size_px=15, colour=_INK, width=width - 2 * _GAP_PX)
    _put(band, shown.whole, 0, _LINE_PX)
    _put(band, shown.bag, 1, _LINE_PX)
    for place, fused in enumerate(shown.fused, start=2):
        if isinstance(fused, str):
            left = _GAP_PX + place * (CELL_PX + _GAP_PX)
            write_line(band, fused, x=left, baseline=_LINE_PX + 40, size_px=13, colour=_BAD, width=CELL_PX)
            continue
        _put(band, fused, place, _LINE_PX)
        _put(band, _difference(fused, shown.bag), place, _LINE_PX + part_px + _GAP_PX)
    return band


def _put(band: np.ndarray, picture: np.ndarray, place: int, top: int) -> None:
    left = _GAP_PX + place * (CELL_PX + _GAP_PX)
    band[top : top + picture.shape[0], left : left + picture.shape[1]] = picture


def _difference(fused: np.ndarray, bag: np.ndarray) -> np.ndarray:
    darker = fused.astype(np.int32) - bag.astype(np.int32)
    return np.clip(_MID_GREY + AMPLIFIED * darker, 0, 255).astype(np.uint8)


def _heading(row: Mapping[str, Any]) -> str:
    names = ", ".join(thing["label"] for thing in row["objects"]) or "no labelled item"
    more = [
        f"{len(row.get(column) or [])} {text}"
        for column, text in (("empty_insertions", "empty insertion(s)"), ("distractors", "harmless thing(s)"))
        if row.get(column)
    ]
    return " · ".join([str(row["image_id"]), str(row.get("role") or "positive"), names, *more])


def _window(row: Mapping[str, Any], scan_hw: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Give the part of the scan to show: all that was put in with some bag around it, or the whole."""
    boxes = [thing["fused_xywh"] for thing in things_of(row)]
    if not boxes:
        return 0, 0, scan_hw[0], scan_hw[1]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    margin = max(_AROUND_PX, round(_AROUND * max(right - left, bottom - top)))
    return (
        max(0, top - margin),
        max(0, left - margin),
        min(scan_hw[0], bottom + margin),
        min(scan_hw[1], right + margin),
    )


def _fitted(picture: np.ndarray) -> np.ndarray:
    scale = CELL_PX / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    # Enlarged pixel by pixel, so that what an engine did to a pixel is seen and not smoothed away.
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
