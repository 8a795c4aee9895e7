"""Where the items of a corpus lie: their middles in the box of their bag, counted per class."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from rwsc.items.sheet import write_line

GRID = 16
"""Rows and columns of a map."""

MAP_PX = 240
_HEAD_PX, _FOOT_PX, _GAP_PX = 40, 22, 10
_INK, _FAINT, _FRAME = (25, 25, 25), (110, 110, 110), (205, 205, 205)


class HeatMaps:
    """Counts where items lie."""

    def __init__(self) -> None:
        self.num_images = 0
        self._all = np.zeros((GRID, GRID), dtype=np.int64)
        self._by_class: dict[str, np.ndarray] = defaultdict(lambda: np.zeros((GRID, GRID), dtype=np.int64))

    def add(self, row: Mapping[str, Any]) -> None:
        """Count the labelled items of a manifest row; a row without the boxes of its bags counts in its frame."""
        if row["status"] != "made":
            return
        self.num_images += 1
        for thing in row["objects"]:
            x, y, width, height = thing["bbox_xywh"]
            middle = x + width / 2, y + height / 2
            left, top, bag_width, bag_height = _bag_of(middle, row)
            column = _cell((middle[0] - left) / bag_width)
            line = _cell((middle[1] - top) / bag_height)
            self._all[line, column] += 1
            self._by_class[thing["label"]][line, column] += 1

    def counts(self, max_classes: int) -> list[tuple[str, np.ndarray]]:
        """Give the counts of all classes together and of the commonest.

        Args:
            max_classes: Classes to give at most, besides all together.

        Returns:
            Names and counts, int64 (`GRID`, `GRID`), rows from the top of the bag.
        """
        ranked = sorted(self._by_class, key=lambda name: (-self._by_class[name].sum(), name))
        chosen = [(name, self._by_class[name]) for name in ranked[:max_classes]]
        return [("all classes", self._all), *chosen]

    @property
    def num_classes(self) -> int:
        """How many classes were met."""
        return len(self._by_class)


def draw_heat_maps(maps: HeatMaps, *, width: int, max_classes: int = 11) -> np.ndarray:
    """Draw a map per class.

    Args:
        maps: What was counted.
        width: Width of the picture, in pixels.
        max_classes: Classes to draw at most; the title says how many are left out.

    Returns:
        8-bit RGB.
    """
    shown = maps.counts(max_classes)
    left_out = maps.num_classes - len(shown) + 1
    title = (
        f"Where items lie: middles of boxes in the box of their bag (left to right, top to bottom, {GRID} x {GRID} "
        f"parts), {maps.num_images:,} images" + (f", {left_out} rarer classes left out" if left_out else "")
    )
    bands = [_title(title, width)]
    per_line = max(1, (width - _GAP_PX) // (MAP_PX + _GAP_PX))
    cells = [_draw_map(name, counts) for name, counts in shown]
    for start in range(0, len(cells), per_line):
        band = np.full((cells[0].shape[0] + _GAP_PX, width, 3), 255, dtype=np.uint8)
        for place, cell in enumerate(cells[start : start + per_line]):
            left = _GAP_PX + place * (MAP_PX + _GAP_PX)
            band[: cell.shape[0], left : left + MAP_PX] = cell
        bands.append(band)
    return np.vstack(bands)


def _bag_of(middle: tuple[float, float], row: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Give the box of the bag in which a point lies; of several the smallest, of none the frame."""
    boxes = [
        box
        for box in row.get("bags_xywh") or []
        if min(box[2:]) > 0 and 0 <= middle[0] - box[0] <= box[2] and 0 <= middle[1] - box[1] <= box[3]
    ]
    x, y, width, height = min(
        boxes, key=lambda box: box[2] * box[3], default=(0, 0, row["width"], row["height"])
    )
    return x, y, width, height


def _cell(share: float) -> int:
    return min(max(int(share * GRID), 0), GRID - 1)


def _title(text: str, width: int) -> np.ndarray:
    band = np.full((34, width, 3), 255, dtype=np.uint8)
    write_line(band, text, x=_GAP_PX, baseline=24, size_px=17, colour=_INK, width=width - 2 * _GAP_PX)
    return band


def _draw_map(name: str, counts: np.ndarray) -> np.ndarray:
    cell = np.full((_HEAD_PX + MAP_PX + _FOOT_PX, MAP_PX, 3), 255, dtype=np.uint8)
    total, most = int(counts.sum()), int(counts.max())
    write_line(cell, name, x=0, baseline=16, size_px=15, colour=_INK, width=MAP_PX)
    text = f"{total:,} items"
    write_line(cell, text, x=0, baseline=33, size_px=13, colour=_FAINT, width=MAP_PX)
    shade_HW = np.rint(255 * counts / max(1, most)).astype(np.uint8)
    coloured = cv2.applyColorMap(255 - shade_HW, cv2.COLORMAP_HOT)[..., ::-1]
    picture = cv2.resize(coloured, (MAP_PX, MAP_PX), interpolation=cv2.INTER_NEAREST)
    cv2.rectangle(picture, (0, 0), (MAP_PX - 1, MAP_PX - 1), _FRAME, 1)
    cell[_HEAD_PX : _HEAD_PX + MAP_PX] = picture
    foot = f"white 0, black {most:,} items in a part"
    write_line(cell, foot, x=0, baseline=_HEAD_PX + MAP_PX + 16, size_px=13, colour=_FAINT, width=MAP_PX)
    return cell
