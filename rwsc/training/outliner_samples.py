"""Samples to train the outliner on: phantom scenes as some scanner shows them, with a sloppy box."""

from collections.abc import Sequence

import cv2
import numpy as np

from rwsc.items.outliner_view import VIEW_PX, BBox, crop, view_of, window_around
from rwsc.physics.phantom_looks import draw_look
from rwsc.physics.phantom_scenes import Scene, draw_scene
from rwsc.physics.transmission import to_attenuation

_SLACK_PX = 6
_GREY_LEVEL = 1 / 255
_MIN_MASK_PX = 30
_MAX_TRIES = 100


def draw_sample(rng: np.random.Generator, bags: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Draw a view and the mask it should give.

    Args:
        rng: Decides all.
        bags: Bags of `draw_bags`.

    Returns:
        The view, float32 (4, N, N), and the item's cover, float32 (N, N), N being `VIEW_PX`.

    Raises:
        RuntimeError: No item showed in many tries.
    """
    for _ in range(_MAX_TRIES):
        view_CNN, mask_NN = _view_and_mask(rng, draw_scene(rng, bags))
        if mask_NN.sum() >= _MIN_MASK_PX:
            return _turned(rng, view_CNN, mask_NN)
    raise RuntimeError(f"no item showed in {_MAX_TRIES} scenes")


def sloppy_box(rng: np.random.Generator, bbox_xywh: BBox) -> BBox:
    """Move the sides of a tight box as annotators do: half of them a little, half of them up to a sixth."""
    x, y, w, h = bbox_xywh
    widest = 0.04 if rng.random() < 0.5 else 0.16
    left, top, right, bottom = rng.uniform(-0.025, widest, 4)
    spare_x, spare_y = rng.uniform(0, 2, 2)
    return (
        x - left * w - spare_x,
        y - top * h - spare_y,
        w * (1 + left + right) + 2,
        h * (1 + top + bottom) + 2,
    )


def _view_and_mask(rng: np.random.Generator, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    x, y, w, h = sloppy_box(rng, scene.bbox_xywh)
    rows, columns = window_around((x, y, w, h)).inside(scene.cover_HW.shape)
    # A little more than the window, so that filters of the look see what lies beside it.
    rows = slice(max(0, rows.start - _SLACK_PX), rows.stop + _SLACK_PX)
    columns = slice(max(0, columns.start - _SLACK_PX), columns.stop + _SLACK_PX)
    image = draw_look(rng, scene.attenuation_HWC[rows, columns])
    attenuation_HWC = to_attenuation(image.astype(np.float32) / 255, floor=_GREY_LEVEL)
    box_xywh = (x - columns.start, y - rows.start, w, h)
    window = window_around(box_xywh)
    cover_HW = crop(scene.cover_HW[rows, columns], window)
    mask_NN = cv2.resize(cover_HW, (VIEW_PX, VIEW_PX), interpolation=cv2.INTER_AREA)
    return view_of(attenuation_HWC, box_xywh), np.clip(mask_NN, 0, 1)


def _turned(
    rng: np.random.Generator, view_CNN: np.ndarray, mask_NN: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    quarter_turns, is_flipped = int(rng.integers(4)), rng.random() < 0.5
    view_CNN, mask_NN = np.rot90(view_CNN, quarter_turns, (1, 2)), np.rot90(mask_NN, quarter_turns)
    if is_flipped:
        view_CNN, mask_NN = view_CNN[:, :, ::-1], mask_NN[:, ::-1]
    return np.ascontiguousarray(view_CNN), np.ascontiguousarray(mask_NN)
