"""A contact sheet of a corpus: bag, item, threat image projection, the corpus' own image, boxes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from rwsc.corpus.display import Pixels, to_rgb8, with_marks
from rwsc.corpus.remake import insertions_of
from rwsc.fusion.compose import fuse_in_rounds
from rwsc.fusion.match import MatchConfig
from rwsc.fusion.tip import TipEngine
from rwsc.items.bank import Item
from rwsc.items.sheet import write_line

CELL_PX = 260
GAP_PX = 6
HEAD_PX = 26
INK = (40, 40, 40)


def sheet_row(
    row: Mapping[str, Any], pixels: Pixels, *, items: Mapping[str, Item], match: MatchConfig | None
) -> list[np.ndarray]:
    """Draw the five pictures of one image: bag, items on air, TIP, the corpus' image, its labels.

    Args:
        row: The image's manifest row.
        pixels: The image and its bag.
        items: Items and harmless things by id.
        match: How the corpus matched items to bags; None for not at all.

    Returns:
        Five 8-bit RGB pictures of the scan's size.
    """
    scan, air_level = pixels.scan, pixels.air_level
    insertions = insertions_of(row, items, scan, air_level, engine=TipEngine.name)
    air = np.broadcast_to(np.rint(air_level).astype(scan.dtype), (*scan.shape[:2], len(air_level)))
    (alone,) = fuse_in_rounds([air.reshape(scan.shape)], [air_level], [insertions], TipEngine())
    (tip,) = fuse_in_rounds([scan], [air_level], [insertions], TipEngine(), match=match)
    pictures = [to_rgb8(picture, air_level) for picture in (scan, alone, tip, pixels.made)]
    return [*pictures, with_marks(pictures[-1], row["objects"])]


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
        left = GAP_PX + column * (CELL_PX + GAP_PX)
        write_line(head, text, x=left, baseline=HEAD_PX - 8, size_px=16, colour=INK, width=CELL_PX)
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
