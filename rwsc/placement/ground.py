"""What items are laid on: the bags of a scan on a grid, and what of them lies where."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import cv2
import numpy as np

from rwsc.physics.bag_region import WORKING_PX, bag_region
from rwsc.physics.bag_split import split_region
from rwsc.physics.transmission import to_attenuation, to_transmission
from rwsc.placement.fit import whole_cells
from rwsc.placement.occlusion import DENSE_TRANSMISSION, luminance

Window = tuple[slice, slice]

_MOST_SUMMED_PX = 256
"""Lines of 8 bits whose sum 16 bits hold."""


@dataclass(frozen=True, eq=False)
class Content:
    """What lies in the bags of a scan, cell by cell.

    Attributes:
        scan: Grey levels of the scan, (H, W) or (H, W, C).
        air_level: Grey level of air, (C,).
        transmission_HW: Luminance of transmission of every cell, float32.
    """

    scan: np.ndarray
    air_level: np.ndarray
    transmission_HW: np.ndarray

    def transmission_in(self, window: Window) -> np.ndarray:
        """Give the bag's transmission in a window of the scan, to the pixel."""
        return to_transmission(self.scan[window], self.air_level)

    @cached_property
    def attenuation_HW(self) -> np.ndarray:
        """Attenuation of every cell's luminance, in nepers."""
        return to_attenuation(self.transmission_HW)

    @cached_property
    def is_dense_HW(self) -> np.ndarray:
        """Cells that occlude what lies in them."""
        return self.transmission_HW < DENSE_TRANSMISSION

    @cached_property
    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Slope of attenuation to the right and downwards, in nepers per cell, (H, W) each."""
        smooth_HW = cv2.GaussianBlur(self.attenuation_HW, (0, 0), 1.0)
        right_HW = cv2.Sobel(smooth_HW, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
        return right_HW, cv2.Sobel(smooth_HW, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)


@dataclass(frozen=True, eq=False)
class Ground:
    """The bags of a scan on a grid of square cells.

    A cell belongs to a bag as a whole or not at all, so whatever touches only cells of one bag lies inside it.

    Attributes:
        cell_px: Side of a cell, in pixels of the scan.
        bags: A mask of cells per bag, bool, all of one shape.
        content: What lies in them; None where only their outline is known.
    """

    cell_px: int
    bags: Sequence[np.ndarray]
    content: Content | None = None

    @classmethod
    def of_scan(cls, scan: np.ndarray, air_level: np.ndarray) -> Self:
        """Find the bags of a scan; bags that touch are told apart.

        Args:
            scan: Grey levels, uint8 or uint16, (H, W) or (H, W, C).
            air_level: Grey level of air, (C,).

        Returns:
            The ground; without bags where none are found.
        """
        cell_px = _cell_px(scan.shape)
        transmission = to_transmission(_mean_of_cells(scan, cell_px), air_level)
        content = Content(scan, air_level, luminance(transmission))
        return cls(cell_px, split_region(bag_region(transmission)), content)

    @classmethod
    def of_region(cls, region_HW: np.ndarray) -> Self:
        """Take a region for one bag of unknown content; its pixels outside whole cells are lost.

        Args:
            region_HW: bool.

        Returns:
            The ground; without bags where the region holds no cell.
        """
        cell_px = _cell_px(region_HW.shape)
        cells_HW = whole_cells(region_HW, cell_px)
        return cls(cell_px, [cells_HW] if cells_HW.any() else [])

    @cached_property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Box around each bag as x, y, width and height, in cells."""
        return [cv2.boundingRect(bag_HW.astype(np.uint8)) for bag_HW in self.bags]


def _mean_of_cells(scan: np.ndarray, cell_px: int) -> np.ndarray:
    """Give the mean grey level of every cell, of the scan's type."""
    rows, columns = (side // cell_px for side in scan.shape[:2])
    whole = scan[: rows * cell_px, : columns * cell_px]
    if scan.dtype == np.uint8 and 1 < cell_px <= _MOST_SUMMED_PX:
        # NumPy adds lines up in a fraction of the time that OpenCV takes to average over both sides of a cell.
        lines = scan[: rows * cell_px].reshape(rows, cell_px, -1).sum(axis=1, dtype=np.uint16)
        across = lines.reshape(rows, *scan.shape[1:])[:, : columns * cell_px]
        sums = cv2.resize(across, (columns, rows), interpolation=cv2.INTER_AREA)
        return ((sums + cell_px // 2) // cell_px).astype(np.uint8)
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def _cell_px(shape: tuple[int, ...]) -> int:
    """Give the smallest cell with which the grid is no larger than the picture that bags are found in."""
    return max(1, min(-(-max(shape[:2]) // WORKING_PX), *shape[:2]))
