"""Irregular depth, such as that of folded cloth."""

from typing import NamedTuple

import cv2
import numpy as np

_WORKING_SHARE = 0.5


class Textures(NamedTuple):
    """Fields of the canvas's size that depth is multiplied with, around 1 and never below 0.

    Attributes:
        folds_HW: Long soft ridges, as of cloth.
        mottle_HW: Blotches, as of things heaped up.
    """

    folds_HW: np.ndarray
    mottle_HW: np.ndarray


def draw_textures(rng: np.random.Generator, height_px: int, width_px: int) -> Textures:
    """Draw both fields."""
    small_hw = tuple(max(8, round(_WORKING_SHARE * side)) for side in (height_px, width_px))
    slow_HW = _noise(rng, small_hw, cells=5)
    quick_HW = _noise(rng, small_hw, cells=24)
    angle = rng.uniform(0, np.pi)
    y, x = (np.arange(side, dtype=np.float32) / max(small_hw) for side in small_hw)
    phase_HW = (np.cos(angle) * x + np.sin(angle) * y[:, None]) * 14 + slow_HW * 9
    # Ridges where the phase passes whole numbers, each at its own height.
    ridge_HW = np.abs(phase_HW - np.rint(phase_HW)) * 2
    folds_HW = 0.7 + 0.45 * ridge_HW**2 * (0.6 + slow_HW) + 0.25 * slow_HW
    mottle_HW = 0.55 + 0.6 * slow_HW + 0.5 * quick_HW
    return Textures(*(_enlarged(field_HW, height_px, width_px) for field_HW in (folds_HW, mottle_HW)))


def draw_grain(rng: np.random.Generator, height_px: int, width_px: int) -> np.ndarray:
    """Draw a factor for depth that varies from pixel to pixel and over some, as of woven and crumpled cloth."""
    fine_HW = rng.standard_normal((height_px, width_px), dtype=np.float32)
    coarse_HW = _enlarged(rng.standard_normal((height_px // 3 + 1, width_px // 3 + 1)), height_px, width_px)
    return np.clip(1 + np.float32(0.05) * fine_HW + np.float32(0.09) * coarse_HW, 0.5, 1.5)


def _noise(rng: np.random.Generator, hw: tuple[int, ...], *, cells: int) -> np.ndarray:
    """Smooth noise in [0, 1] with about so many blotches across."""
    longest = max(hw)
    grid = rng.random([max(3, round(cells * side / longest)) for side in hw], dtype=np.float32)
    return np.clip(cv2.resize(grid, hw[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)


def _enlarged(field_HW: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    return cv2.resize(field_HW.astype(np.float32), (width_px, height_px), interpolation=cv2.INTER_LINEAR)
