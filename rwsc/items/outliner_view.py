"""What the outliner sees of a scan: the surroundings of a box at a fixed size, and back."""

from dataclasses import dataclass

import cv2
import numpy as np

BBox = tuple[float, float, float, float]
"""x right, y down of the top-left corner, width, height; in pixels."""

VIEW_PX = 128
"""Side of the square that the surroundings of a box are stretched to."""

CONTEXT = 0.3
"""Width of the surroundings on each side, as a share of the box's width and height."""

_MAX_ATTENUATION = 5.0
_ATTENUATION_UNIT = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A part of a scan in whole pixels; it may reach out of the picture."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.right - self.left, self.bottom - self.top

    def inside(self, shape_hw: tuple[int, ...]) -> tuple[slice, slice]:
        """Give the rows and columns of the picture that the window covers."""
        return (
            slice(max(0, self.top), min(shape_hw[0], self.bottom)),
            slice(max(0, self.left), min(shape_hw[1], self.right)),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """What the outliner says of a box."""

    window: Window
    probability_HW: np.ndarray
    """Probability that a pixel is the item's, float32, of the window's size."""

    expected_iou: float
    """Overlap with the truth that the network expects of its own mask, 0 to 1."""

    softness: float
    """How undecided the probabilities are: the sum of each one's distance from 0 or 1, whichever is nearer, over
    their sum; 0 for a mask without doubt."""


def window_around(bbox_xywh: BBox) -> Window:
    """Give the box with its surroundings, in whole pixels."""
    x, y, w, h = bbox_xywh
    return Window(
        left=int(np.floor(x - CONTEXT * w)),
        top=int(np.floor(y - CONTEXT * h)),
        right=int(np.ceil(x + w + CONTEXT * w)),
        bottom=int(np.ceil(y + h + CONTEXT * h)),
    )


def crop(picture: np.ndarray, window: Window) -> np.ndarray:
    """Cut a window out of a picture; outside the picture there is nothing (0)."""
    rows, columns = window.inside(picture.shape)
    return cv2.copyMakeBorder(
        np.ascontiguousarray(picture[rows, columns]),
        rows.start - window.top,
        window.bottom - rows.stop,
        columns.start - window.left,
        window.right - columns.stop,
        cv2.BORDER_CONSTANT,
    )


def view_of(attenuation_HWC: np.ndarray, bbox_xywh: BBox) -> np.ndarray:
    """Make the outliner's input: three channels of attenuation and one that marks the box.

    Args:
        attenuation_HWC: Attenuation of the scan in nepers, float32, one or three channels.
        bbox_xywh: The box, some of it in the picture.

    Returns:
        float32, (4, `VIEW_PX`, `VIEW_PX`), about 0 to 2.5.
    """
    window = window_around(bbox_xywh)
    seen_HWC = cv2.resize(crop(attenuation_HWC, window), (VIEW_PX, VIEW_PX), interpolation=cv2.INTER_AREA)
    seen_HWC = np.clip(seen_HWC.reshape(VIEW_PX, VIEW_PX, -1), 0, _MAX_ATTENUATION) / _ATTENUATION_UNIT
    seen_CHW = np.broadcast_to(seen_HWC.transpose(2, 0, 1), (3, VIEW_PX, VIEW_PX))
    return np.concatenate([seen_CHW, _box_channel(bbox_xywh, window)[None]]).astype(np.float32)


def to_window(view_HW: np.ndarray, window: Window) -> np.ndarray:
    """Stretch a map of the outliner's size back to the window's, float32."""
    return cv2.resize(view_HW.astype(np.float32), window.size_wh, interpolation=cv2.INTER_LINEAR)


def _box_channel(bbox_xywh: BBox, window: Window) -> np.ndarray:
    """Mark the box: 1 inside, 0 outside, in between where its border crosses a pixel."""
    x, y, w, h = bbox_xywh
    width, height = window.size_wh
    covers = []
    for start, length, origin, side in ((y, h, window.top, height), (x, w, window.left, width)):
        centre = (np.arange(VIEW_PX) + 0.5) * side / VIEW_PX
        depth_px = np.minimum(centre - (start - origin), start + length - origin - centre) * VIEW_PX / side
        covers.append(np.clip(depth_px + 0.5, 0, 1))
    return np.outer(*covers)
