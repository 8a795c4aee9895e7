"""A scan in the making: how thick each of a few materials is along every ray."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import cv2
import numpy as np

from rwsc.physics.phantom_shapes import Points

Profile = Literal["flat", "round", "rim"]

_SUBPIXEL_BITS = 4
_THINNEST_PX = 1.4
"""Width that OpenCV gives to smooth lines of thickness 1; at 2, 4, ... they are 2, 4, ... pixels wider."""


class Material(IntEnum):
    """What phantoms are made of, named for the group a scanner's colours stand for."""

    ORGANIC = 0
    INORGANIC = 1
    METAL = 2
    WATER = 3
    PVC = 4
    COPPER = 5
    LEAD = 6


NEPERS_PER_DEPTH = np.array(
    [
        [0.10, 0.33, 0.90],
        [0.98, 0.38, 1.30],
        [1.90, 0.95, 0.40],
        [0.14, 0.36, 0.90],
        [0.98, 0.38, 1.30],
        [2.10, 1.10, 0.50],
        [4.00, 3.60, 3.00],
    ],
    dtype=np.float32,
)
"""Attenuation in red, green and blue of one unit of depth of each material: orange, green, blue and black.

Made up so that one unit looks like an everyday object of that material in common pseudo-colour. Since
attenuations add, blue over orange gives teal and much of anything gives black, as in real scans.
`rwsc.physics.dual_energy` renders the same depths with tabulated physics.
"""

_NUM_COMMON = 3
"""Materials that most things are made of; the others are added to their picture where they were drawn."""


class Canvas:
    """Depth of each material along the rays of a frame, and how much of each pixel is covered at all."""

    def __init__(self, height_px: int, width_px: int) -> None:
        self.depth_MHW = np.zeros((len(Material), height_px, width_px), dtype=np.float32)
        self.air_HW = np.ones((height_px, width_px), dtype=np.float32)

    def pen(self, x_px: float, y_px: float, *, size_px: float, angle: float = 0.0) -> "Pen":
        """Give a pen with its origin at a pixel and units of `size_px`, turned by `angle` radians."""
        cos, sin = size_px * np.cos(angle), size_px * np.sin(angle)
        return Pen(self, np.array([[cos, -sin], [sin, cos]]), np.array([x_px, y_px]), size_px)

    @property
    def cover_HW(self) -> np.ndarray:
        """Share of each pixel that is not air, float32 in [0, 1]."""
        return 1 - self.air_HW

    def attenuation_HWC(self) -> np.ndarray:
        """Add up the materials' attenuation in nepers, float32."""
        common_HWC = cv2.merge(list(self.depth_MHW[:_NUM_COMMON]))
        attenuation_HWC = cv2.transform(common_HWC, NEPERS_PER_DEPTH[:_NUM_COMMON].T)
        for depth_HW, nepers in zip(
            self.depth_MHW[_NUM_COMMON:], NEPERS_PER_DEPTH[_NUM_COMMON:], strict=True
        ):
            if depth_HW.any():
                attenuation_HWC += depth_HW[..., None] * nepers
        return attenuation_HWC


@dataclass(frozen=True)
class Pen:
    """Draws on a canvas in a frame of its own.

    Attributes:
        canvas: What it draws on.
        linear: 2 x 2 matrix from its units to pixels.
        origin_px: x and y of its origin.
        size_px: Pixels in its unit.
    """

    canvas: Canvas
    linear: np.ndarray
    origin_px: np.ndarray
    size_px: float

    def at(self, x: float, y: float, *, size: float = 1.0, angle: float = 0.0) -> "Pen":
        """Give a pen at a place of this one, in units of this one, turned against it by radians."""
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        origin_px = self.origin_px + self.linear @ np.array([x, y])
        return Pen(self.canvas, self.linear @ turn * size, origin_px, self.size_px * size)

    def mirrored(self) -> "Pen":
        """Give this pen with y turned around."""
        return Pen(self.canvas, self.linear * np.array([1.0, -1.0]), self.origin_px, self.size_px)

    def fill(
        self,
        outline: Points,
        material: Material,
        depth: float,
        *,
        profile: Profile = "flat",
        texture_HW: np.ndarray | None = None,
    ) -> None:
        """Add a solid.

        Args:
            outline: Its outline, in the pen's units, convex or not.
            material: What it is made of.
            depth: Its depth where it is deepest.
            profile: ``flat`` like a plate, ``round`` like a rod or ball, ``rim`` like a box seen from above.
            texture_HW: Factor for the depth, of the canvas's size.
        """
        drawn = self._cover([outline])
        if drawn is None:
            return
        window, cover_HW = drawn
        depth_HW = cover_HW * np.float32(depth)
        if profile != "flat":
            depth_HW *= _profile(cover_HW, profile)
        if texture_HW is not None:
            depth_HW *= texture_HW[window]
        self._add(window, cover_HW, depth_HW, material)

    def stroke(
        self, lines: np.ndarray | list[np.ndarray], width: float, material: Material, depth: float
    ) -> None:
        """Add rods along lines; widths that cannot be drawn are made up for by depth.

        Args:
            lines: A line or several, each a row of points in the pen's units.
            width: In the pen's units.
            material: What they are made of.
            depth: Their depth.
        """
        width_px = width * self.size_px
        steps = max(0, round((width_px - _THINNEST_PX) / 2))
        drawn = self._cover(lines if isinstance(lines, list) else [lines], stroke_px=max(1, 2 * steps))
        if drawn is not None:
            window, cover_HW = drawn
            made_up = width_px / (_THINNEST_PX + 2 * steps)
            self._add(window, cover_HW, cover_HW * np.float32(depth * made_up), material)

    def cut(self, outline: Points) -> None:
        """Take everything away inside an outline."""
        drawn = self._cover([outline])
        if drawn is not None:
            window, cover_HW = drawn
            self.canvas.depth_MHW[:, *window] *= 1 - cover_HW
            self.canvas.air_HW[window] = 1 - (1 - self.canvas.air_HW[window]) * (1 - cover_HW)

    def keep(self, outline: Points) -> None:
        """Take everything away outside an outline."""
        kept_HW = np.zeros_like(self.canvas.air_HW)
        drawn = self._cover([outline])
        if drawn is not None:
            kept_HW[drawn[0]] = drawn[1]
        self.canvas.depth_MHW *= kept_HW
        self.canvas.air_HW[:] = 1 - (1 - self.canvas.air_HW) * kept_HW

    def inside(self, outline: Points) -> np.ndarray:
        """Give the pixels inside an outline, bool of the canvas's size."""
        inside_HW = np.zeros(self.canvas.air_HW.shape, dtype=bool)
        drawn = self._cover([outline])
        if drawn is not None:
            inside_HW[drawn[0]] = drawn[1] >= 0.5
        return inside_HW

    def _add(
        self, window: tuple[slice, slice], cover_HW: np.ndarray, depth_HW: np.ndarray, material: Material
    ) -> None:
        self.canvas.depth_MHW[material][window] += depth_HW
        self.canvas.air_HW[window] *= 1 - cover_HW

    def _cover(
        self, lines: list[np.ndarray] | list[Points], *, stroke_px: int | None = None
    ) -> tuple[tuple[slice, slice], np.ndarray] | None:
        """Give the window around outlines and the share of its pixels they cover; None outside the canvas."""
        points_px = np.concatenate(lines) @ self.linear.T + self.origin_px
        rim_px = 2 if stroke_px is None else 2 + stroke_px
        low = np.maximum(np.floor(points_px.min(axis=0)).astype(int) - rim_px, 0)
        high = np.ceil(points_px.max(axis=0)).astype(int) + rim_px
        high = np.minimum(high, self.canvas.air_HW.shape[::-1])
        if high[0] <= low[0] or high[1] <= low[1]:
            return None
        drawn_HW = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
        fixed = np.rint((points_px - low) * 2**_SUBPIXEL_BITS).astype(np.int32)
        parts = np.split(fixed, np.cumsum([len(line) for line in lines])[:-1]) if len(lines) > 1 else [fixed]
        if stroke_px is None:
            cv2.fillPoly(drawn_HW, parts, 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
        else:
            cv2.polylines(drawn_HW, parts, False, 255, stroke_px, cv2.LINE_AA, _SUBPIXEL_BITS)
        return (slice(low[1], high[1]), slice(low[0], high[0])), drawn_HW * np.float32(1 / 255)


def _profile(cover_HW: np.ndarray, profile: Profile) -> np.ndarray:
    """Give the share of the full depth at each pixel, from its distance to the outline."""
    solid_HW = np.pad((cover_HW > 0.5).astype(np.uint8), 1)
    distance_HW = cv2.distanceTransform(solid_HW, cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    if profile == "round":
        inwards_HW = distance_HW / max(1.0, float(distance_HW.max()))
        return np.sqrt(np.maximum(1 - (1 - inwards_HW) ** 2, 0.05))
    wall_px = max(1.5, 0.08 * float(distance_HW.max()))
    return 0.35 + 0.65 * np.exp(-np.maximum(distance_HW - 1, 0) / wall_px)
