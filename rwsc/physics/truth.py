"""Phantoms for measuring composites: a bag, an item on air, and the true scan of the item in the bag."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rwsc.physics.dual_energy import DETECTOR, Detector, transmit
from rwsc.physics.phantom_canvas import Material
from rwsc.physics.phantom_texture import draw_grain, draw_textures
from rwsc.physics.phantom_wares import THINGS_AND_WARES
from rwsc.physics.phantoms import ITEM_LABELS, draw_bag_canvas, draw_item_canvas
from rwsc.physics.pseudo_colour import to_rgb8

SIZE_SHARE = (0.15, 0.45)
"""Smallest and largest length of an item, about, as a share of the longer side of the bag's body."""

_CLOTH = (0.4, 1.3)
_COATING = (0.0, 0.15)
_SMALLEST_PX = 16
_MIN_COVER = 1 / 255
_MASK_COVER = 0.5
_TRIES = 60
_SHRINK = 0.93


@dataclass(frozen=True, eq=False)
class Truth:
    """A bag, an item and both together, measured by one detector. Frames are (H, W), energies low and high.

    Attributes:
        bag_HW2: Scan of the bag alone, uint16.
        item_HW2: Scan of the item alone on air, where it lies in the frame.
        both_HW2: Scan of the bag with the item in it: their matter added along each ray, then seen.
        bag_true_HW2: What `bag_HW2` measures, without noise and offset: float32 transmission in (0, 1].
        item_true_HW2: The same of `item_HW2`.
        both_true_HW2: The same of `both_HW2`.
        alpha_HW: Share of each pixel that the item covers, float32 in [0, 1].
        seen_alpha_HW: The cover as far as the blurred scan shows the item, never less than `alpha_HW`: the alpha of
            an item that is cut out of the scan.
        body_HW: bool, true inside the bag's body.
        bbox_xywh: The tight box around the pixels that the item covers by half or more.
        label: What the item is.
        air_level_2: Grey level of air in all scans.
    """

    bag_HW2: np.ndarray
    item_HW2: np.ndarray
    both_HW2: np.ndarray
    bag_true_HW2: np.ndarray
    item_true_HW2: np.ndarray
    both_true_HW2: np.ndarray
    alpha_HW: np.ndarray
    seen_alpha_HW: np.ndarray
    body_HW: np.ndarray
    bbox_xywh: tuple[int, int, int, int]
    label: str
    air_level_2: np.ndarray

    @property
    def bag_rgb(self) -> np.ndarray:
        """The bag's scan in pseudo-colour, uint8, (H, W, 3)."""
        return to_rgb8(self.bag_HW2, self.air_level_2)

    @property
    def item_rgb(self) -> np.ndarray:
        """The item's scan in pseudo-colour."""
        return to_rgb8(self.item_HW2, self.air_level_2)

    @property
    def both_rgb(self) -> np.ndarray:
        """The true scan of both in pseudo-colour."""
        return to_rgb8(self.both_HW2, self.air_level_2)


def draw_truth(
    rng: np.random.Generator,
    *,
    height_px: int,
    width_px: int,
    labels: Sequence[str] = ITEM_LABELS,
    clean: bool = False,
    detector: Detector = DETECTOR,
) -> Truth:
    """Draw a bag and an item in it, and measure each alone and both together.

    Args:
        rng: Decides everything.
        height_px: Height of the frame, at least 64.
        width_px: Width of the frame, at least 64.
        labels: What the item may be.
        clean: Leave the noise out of the scans; blur, offset and rounding stay.
        detector: What measures.

    Returns:
        The scans and the truth about them. The item lies inside the bag's body, turned and mirrored anyhow.
    """
    bag_MHW, body_HW = draw_bag_matter(rng, height_px, width_px)
    label = str(labels[int(rng.integers(len(labels)))])
    depth_MHW, cover_HW, (top, left) = _draw_inside(rng, label, body_HW)
    height, width = cover_HW.shape
    window = slice(top, top + height), slice(left, left + width)
    alpha_HW = np.zeros(body_HW.shape, dtype=np.float32)
    alpha_HW[window] = cover_HW
    bag_HW2 = transmit(bag_MHW)
    item_HW2 = np.ones_like(bag_HW2)
    item_HW2[window] = transmit(depth_MHW)
    both_HW2 = bag_HW2.copy()
    both_HW2[window] = transmit(bag_MHW[:, *window] + depth_MHW)
    bag_HW2, item_HW2, both_HW2 = (detector.see(alone_HW2) for alone_HW2 in (bag_HW2, item_HW2, both_HW2))
    seen_alpha_HW = np.maximum(alpha_HW, detector.see(alpha_HW))
    seen_alpha_HW[seen_alpha_HW < _MIN_COVER] = 0
    noise = None if clean else rng
    return Truth(
        bag_HW2=detector.read(noise, bag_HW2),
        item_HW2=detector.read(noise, item_HW2),
        both_HW2=detector.read(noise, both_HW2),
        bag_true_HW2=bag_HW2,
        item_true_HW2=item_HW2,
        both_true_HW2=both_HW2,
        alpha_HW=alpha_HW,
        seen_alpha_HW=seen_alpha_HW,
        body_HW=body_HW,
        bbox_xywh=_tight_box(alpha_HW >= _MASK_COVER),
        label=label,
        air_level_2=detector.air_level_2,
    )


def draw_bag_matter(rng: np.random.Generator, height_px: int, width_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a bag for physics: more kinds of matter than `draw_bag` has, packed loosely or tightly.

    Args:
        rng: Decides everything.
        height_px: Height of the frame, at least 64.
        width_px: Width of the frame, at least 64.

    Returns:
        Depth of each `Material` along the rays, float32, (M, H, W), and the pixels of the bag's body, bool, (H, W).
    """
    canvas, body_HW = draw_bag_canvas(rng, height_px, width_px, things=THINGS_AND_WARES)
    cloth_HW = canvas.depth_MHW[Material.ORGANIC]
    cloth_HW *= np.float32(rng.uniform(*_CLOTH)) * draw_grain(rng, height_px, width_px)
    # Dyes, coatings and fillers: blotches in which cloth turns greenish.
    share_HW = draw_textures(rng, height_px, width_px).mottle_HW
    canvas.depth_MHW[Material.INORGANIC] += np.float32(rng.uniform(*_COATING)) * share_HW * cloth_HW
    return canvas.depth_MHW, body_HW


def draw_item_matter(rng: np.random.Generator, label: str, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw an item for physics, turned and mirrored anyhow.

    Args:
        rng: Decides everything.
        label: One of `rwsc.physics.phantoms.ALL_LABELS`.
        size_px: About its length, at least 16.

    Returns:
        Depth of each `Material` along the rays, float32, (M, H, W), and the share of each pixel that the item covers,
        float32, (H, W), both tight around it.
    """
    canvas = draw_item_canvas(rng, label, size_px, is_mirrored=bool(rng.random() < 0.5))
    cover_HW = np.where(canvas.cover_HW < _MIN_COVER, 0, canvas.cover_HW)
    rows, columns = (np.flatnonzero(cover_HW.any(axis=axis)) for axis in (1, 0))
    crop = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return canvas.depth_MHW[:, *crop], cover_HW[crop]


def _draw_inside(
    rng: np.random.Generator, label: str, body_HW: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Draw an item that fits into a body: depth and cover, tight around it, and its corner's row and column."""
    rows, columns = (np.flatnonzero(body_HW.any(axis=axis)) for axis in (1, 0))
    longer_px = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    size_px = longer_px * float(rng.uniform(*SIZE_SHARE))
    while True:
        depth_MHW, cover_HW = draw_item_matter(rng, label, max(_SMALLEST_PX, int(size_px)))
        corner = _place(rng, cover_HW >= _MASK_COVER, body_HW)
        if corner is not None:
            return depth_MHW, cover_HW, corner
        size_px *= _SHRINK


def _place(rng: np.random.Generator, mask_HW: np.ndarray, body_HW: np.ndarray) -> tuple[int, int] | None:
    """Find a place where the whole mask lies in the body; None if none of some tries does."""
    height, width = mask_HW.shape
    room = body_HW.shape[0] - height, body_HW.shape[1] - width
    if min(room) < 0:
        return None
    inside = np.argwhere(body_HW)
    for row, column in inside[rng.integers(len(inside), size=_TRIES)]:
        top = int(np.clip(row - height // 2, 0, room[0]))
        left = int(np.clip(column - width // 2, 0, room[1]))
        if body_HW[top : top + height, left : left + width][mask_HW].all():
            return top, left
    return None


def _tight_box(mask_HW: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero(mask_HW.any(axis=axis)) for axis in (1, 0))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1
