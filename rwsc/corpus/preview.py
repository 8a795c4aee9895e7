"""A contact sheet of a corpus: bag, item, threat image projection, the corpus' own image, boxes."""

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.tip import TipEngine
from rwsc.items.bank import Item
from rwsc.physics.transmission import full_scale
from rwsc.placement.pose import Pose, pose_item

CELL_PX = 260
GAP_PX = 6
HEAD_PX = 26
INK = (40, 40, 40)
COLOURS = [(214, 39, 40), (31, 119, 180), (44, 160, 44), (148, 103, 189), (255, 127, 14)]
"""Box colours (RGB); a class always has the same one."""


def insertions_of(row: dict[str, Any], items: dict[str, Item]) -> list[Insertion]:
    """Pose the items of a manifest row again as they lie in its image.

    Args:
        row: A manifest row of status made.
        items: Items of the bank by id.

    Returns:
        One insertion per object, in the order in which they were fused.

    Raises:
        KeyError: The bank does not hold one of the items.
    """
    insertions = []
    for thing in row["objects"]:
        item = items[thing["item_id"]]
        pose = Pose(rotation_deg=thing["rotation_deg"], scale=thing["scale"], flip=thing["flip"])
        posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
        insertions.append(
            Insertion(
                transmission_HWC=posed.transmission_HWC,
                alpha_HW=posed.alpha_HW,
                x_px=thing["x"],
                y_px=thing["y"],
            )
        )
    return insertions


def sheet_row(
    row: dict[str, Any], *, scan: np.ndarray, air_level: np.ndarray, made: np.ndarray, items: dict[str, Item]
) -> list[np.ndarray]:
    """Draw the five pictures of one image: bag, items on air, TIP, the corpus' image, its boxes.

    Args:
        row: The image's manifest row.
        scan: The bag without items.
        air_level: Its grey level of air, a number per channel.
        made: The corpus' image.
        items: Items of the bank by id.

    Returns:
        Five 8-bit RGB pictures of the scan's size.
    """
    insertions = insertions_of(row, items)
    tip = fuse_in_rounds([scan], [air_level], [insertions], TipEngine())[0]
    channels = 1 if scan.ndim == 2 else scan.shape[2]
    air = np.broadcast_to(np.rint(air_level).astype(scan.dtype), (*scan.shape[:2], channels)).copy()
    alone = fuse_in_rounds([air.reshape(scan.shape)], [air_level], [insertions], TipEngine())[0]
    pictures = [_to_rgb8(picture) for picture in (scan, alone, tip, made)]
    return [*pictures, _with_boxes(pictures[-1], row["objects"])]


def draw_sheet(rows: Iterable[Sequence[np.ndarray]], heads: Sequence[str]) -> np.ndarray:
    """Lay rows of pictures out on one sheet.

    Args:
        rows: Equally many 8-bit RGB pictures a row.
        heads: A heading per column.

    Returns:
        The sheet, 8-bit RGB.
    """
    lines = [_line([fit_cell(picture) for picture in row]) for row in rows]
    width = len(heads) * (CELL_PX + GAP_PX) + GAP_PX
    head = np.full((HEAD_PX, width, 3), 255, dtype=np.uint8)
    for column, text in enumerate(heads):
        origin = (GAP_PX + column * (CELL_PX + GAP_PX), HEAD_PX - 8)
        cv2.putText(head, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    return np.vstack([head, *lines])


def _line(cells: list[np.ndarray]) -> np.ndarray:
    height = max(cell.shape[0] for cell in cells) + GAP_PX
    line = np.full((height, len(cells) * (CELL_PX + GAP_PX) + GAP_PX, 3), 255, dtype=np.uint8)
    for column, cell in enumerate(cells):
        left = GAP_PX + column * (CELL_PX + GAP_PX)
        line[: cell.shape[0], left : left + cell.shape[1]] = cell
    return line


def fit_cell(picture: np.ndarray) -> np.ndarray:
    """Scale a picture to a cell of the sheet, its longer side to `CELL_PX`."""
    scale = CELL_PX / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _to_rgb8(image: np.ndarray) -> np.ndarray:
    eight = (
        image
        if image.dtype == np.uint8
        else (image // ((full_scale(image.dtype) + 1) // 256)).astype(np.uint8)
    )
    rgb = np.repeat(eight[..., None], 3, axis=2) if eight.ndim == 2 else eight[..., :3]
    return np.ascontiguousarray(rgb)


def _with_boxes(picture: np.ndarray, objects: list[dict[str, Any]]) -> np.ndarray:
    drawn = picture.copy()
    thickness = max(2, round(max(picture.shape[:2]) / 250))
    for thing in objects:
        x, y, width, height = (round(side) for side in thing["bbox_xywh"])
        colour = COLOURS[sum(thing["label"].encode()) % len(COLOURS)]
        cv2.rectangle(drawn, (x, y), (x + width - 1, y + height - 1), colour, thickness)
        size = 0.35 * thickness
        cv2.putText(
            drawn,
            thing["label"],
            (x, max(12, y - 4)),
            cv2.FONT_HERSHEY_SIMPLEX,
            size,
            colour,
            thickness,
            cv2.LINE_AA,
        )
    return drawn
