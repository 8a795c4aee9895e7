"""A sheet of what engines made of phantoms beside the true scan, with maps of what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

FULL_DIFFERENCE = 64
"""Difference in grey levels at which a map reaches its brightest colour."""

_CELL_PX = 168
_GAP_PX = 6
_LINE_PX = 18
_TEXT_PX = 13
_MARGIN_SHARE = 0.25
_INK, _FAINT = (25, 25, 25), (110, 110, 110)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SheetCell:
    """One picture of a row."""

    rgb_HWC: np.ndarray
    """The whole picture, uint8."""

    caption: str = ""
    """What is written under it."""

    is_compared: bool = True
    """Whether a map of its difference to the true scan goes below."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SheetRow:
    """One phantom."""

    true_HWC: np.ndarray
    """The true scan, uint8."""

    bbox_xywh: tuple[int, int, int, int]
    """Where the item lies; this part is shown."""

    cells: Sequence[SheetCell]


def draw_truth_sheet(rows: Sequence[SheetRow], heads: Sequence[str], *, title: str) -> np.ndarray:
    """Lay phantoms out one below the other, each with its pictures and, below them, the maps of differences.

    Args:
        rows: Phantoms, with as many cells as there are headings.
        heads: Headings of the columns.
        title: What is shown.

    Returns:
        The sheet, 8-bit RGB.
    """
    width = len(heads) * (_CELL_PX + _GAP_PX) + _GAP_PX
    legend = (
        "PSNR in dB where the item covers bag; maps: mean difference of the channels from the true scan, "
        f"0 to {FULL_DIFFERENCE} of 255 grey levels"
    )
    bands = [
        _text_band(width, [(title, 0)], size_px=17, colour=_INK, room_px=width),
        _legend_band(width, legend),
    ]
    bands.append(
        _text_band(width, [(head, column) for column, head in enumerate(heads)], size_px=14, colour=_INK)
    )
    for row in rows:
        bands += _phantom_bands(row, width)
    return np.vstack(bands)


def difference_map(made_HWC: np.ndarray, true_HWC: np.ndarray) -> np.ndarray:
    """Colour the mean absolute difference of the channels: black for none, yellow from `FULL_DIFFERENCE` on.

    Args:
        made_HWC: Picture, uint8.
        true_HWC: What to compare it with, uint8, of the same shape.

    Returns:
        8-bit RGB of that shape.
    """
    difference_HW = np.abs(made_HWC.astype(np.float32) - true_HWC).mean(axis=2)
    return _coloured(difference_HW / FULL_DIFFERENCE)


def _coloured(share_HW: np.ndarray) -> np.ndarray:
    level_HW = np.rint(255 * np.clip(share_HW, 0, 1)).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(level_HW, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def _phantom_bands(row: SheetRow, width: int) -> list[np.ndarray]:
    place = _around(row.bbox_xywh, row.true_HWC.shape[:2])
    pictures = [_fitted(cell.rgb_HWC[place]) for cell in row.cells]
    maps = [
        _fitted(difference_map(cell.rgb_HWC[place], row.true_HWC[place])) if cell.is_compared else None
        for cell in row.cells
    ]
    captions = [(cell.caption, column) for column, cell in enumerate(row.cells)]
    caption_band = _text_band(width, captions, size_px=_TEXT_PX, colour=_FAINT)
    return [_picture_band(pictures, width), _picture_band(maps, width), caption_band]


def _around(bbox_xywh: tuple[int, int, int, int], size_hw: tuple[int, ...]) -> tuple[slice, slice]:
    """Give the square around a box, with a margin, as far as the frame goes."""
    x, y, w, h = bbox_xywh
    reach_px = round((0.5 + _MARGIN_SHARE) * max(w, h))
    slices = []
    for start, length, limit in ((y, h, size_hw[0]), (x, w, size_hw[1])):
        middle = start + length // 2
        slices.append(slice(max(0, middle - reach_px), min(limit, middle + reach_px)))
    return slices[0], slices[1]


def _fitted(picture: np.ndarray) -> np.ndarray:
    scale = _CELL_PX / max(picture.shape[:2])
    size_wh = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)


def _picture_band(pictures: Sequence[np.ndarray | None], width: int) -> np.ndarray:
    height = max(picture.shape[0] for picture in pictures if picture is not None) + _GAP_PX
    band = np.full((height, width, 3), 255, dtype=np.uint8)
    for column, picture in enumerate(pictures):
        if picture is not None:
            left = _left(column)
            band[: picture.shape[0], left : left + picture.shape[1]] = picture
    return band


def _legend_band(width: int, text: str) -> np.ndarray:
    band = _text_band(width, [(text, 0)], size_px=_TEXT_PX, colour=_FAINT, room_px=width)
    ramp = _coloured(np.tile(np.linspace(0, 1, _CELL_PX, dtype=np.float32), (_TEXT_PX, 1)))
    left = min(width - _CELL_PX - _GAP_PX, _left(0) + _text_width(text, _TEXT_PX) + 2 * _GAP_PX)
    band[4 : 4 + _TEXT_PX, left : left + _CELL_PX] = ramp
    return band


def _text_band(
    width: int,
    texts: Sequence[tuple[str, int]],
    *,
    size_px: int,
    colour: tuple[int, int, int],
    room_px: int = _CELL_PX,
) -> np.ndarray:
    band = np.full((round(1.7 * size_px), width, 3), 255, dtype=np.uint8)
    for text, column in texts:
        origin = (_left(column), round(1.2 * size_px))
        cv2.putText(band, _cut(text, size_px, room_px), origin, colour, cv2.FontFace("sans"), size_px)
    return band


def _cut(text: str, size_px: int, room_px: int) -> str:
    """Leave out the middle of a text that is too wide: names differ at their ends."""
    shown, kept = text, len(text)
    while _text_width(shown, size_px) > room_px and kept > 2:
        kept -= 1
        shown = text[: kept // 2] + "…" + text[kept // 2 - kept :]
    return shown


def _text_width(text: str, size_px: int) -> int:
    return int(cv2.getTextSize((10_000, 100), text, (0, 50), cv2.FontFace("sans"), size_px)[2])


def _left(column: int) -> int:
    return _GAP_PX + column * (_CELL_PX + _GAP_PX)
