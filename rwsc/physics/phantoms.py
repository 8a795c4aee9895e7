"""Phantoms: made-up scans of bags and prohibited items, whose truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rwsc.physics.dual_energy import transmit
from rwsc.physics.phantom_bags import DRAWERS as BAG_DRAWERS
from rwsc.physics.phantom_canvas import Canvas
from rwsc.physics.phantom_contents import THINGS, Thing
from rwsc.physics.phantom_items import DRAWERS as ITEM_DRAWERS
from rwsc.physics.phantom_tools import DRAWERS as TOOL_DRAWERS
from rwsc.physics.transmission import DEFAULT_FLOOR, from_attenuation, to_image

ITEM_LABELS = tuple(ITEM_DRAWERS)
"""Classes that scenes are drawn of, for training: what scanners' data sets have most of."""

ALL_LABELS = (*ITEM_LABELS, *TOOL_DRAWERS)
"""What `draw_item` can draw."""

_DRAWERS = {**ITEM_DRAWERS, **TOOL_DRAWERS}

THING_LABELS = tuple(thing.draw.__name__.removeprefix("draw_") for thing in THINGS)
"""What `draw_thing` can draw."""

_MAX_ATTENUATION = -float(np.log(DEFAULT_FLOOR))
_ITEM_DENSITY = (0.9, 1.9)
_MIN_COVER = 1 / 255
_PHOTONS_IN_AIR = 20_000.0


@dataclass(frozen=True, eq=False)
class BagPhantom:
    """A made-up scan of a harmless bag on air.

    Attributes:
        transmission_HWC: float32 in (0, 1], red, green and blue.
        body_HW: bool, true inside the bag's body; handles, wheels and straps are no part of it.
    """

    transmission_HWC: np.ndarray
    body_HW: np.ndarray


@dataclass(frozen=True, eq=False)
class ItemPhantom:
    """A made-up prohibited item, its canvas tight around it.

    Attributes:
        transmission_HWC: float32 in (0, 1], of the item's matter also where it covers a pixel in part; red, green and
            blue, or low and high energy where those were asked for.
        alpha_HW: Share of each pixel that the item covers, float32 in [0, 1].
        label: What it is.
    """

    transmission_HWC: np.ndarray
    alpha_HW: np.ndarray
    label: str


def draw_bag(rng: np.random.Generator, height_px: int, width_px: int) -> BagPhantom:
    """Draw a made-up scan of a suitcase or a backpack with everyday contents.

    Args:
        rng: Decides everything about the bag.
        height_px: Height of the scan, at least 64.
        width_px: Width of the scan, at least 64.

    Returns:
        The bag, whole inside the frame.

    Raises:
        ValueError: A frame smaller than that.
    """
    canvas, body_HW = draw_bag_canvas(rng, height_px, width_px)
    return BagPhantom(_to_transmission(canvas.attenuation_HWC()), body_HW)


def draw_bag_canvas(
    rng: np.random.Generator, height_px: int, width_px: int, *, things: Sequence[Thing] = THINGS
) -> tuple[Canvas, np.ndarray]:
    """Draw what `draw_bag` renders, or a bag of other things: matter along the rays, and the body's pixels, bool."""
    if min(height_px, width_px) < 64:
        raise ValueError(f"a bag needs a frame of at least 64 x 64 pixels, not {height_px} x {width_px}")
    canvas = Canvas(height_px, width_px)
    return canvas, BAG_DRAWERS[int(rng.integers(len(BAG_DRAWERS)))](canvas, rng, things)


def draw_item(rng: np.random.Generator, label: str, size_px: int) -> ItemPhantom:
    """Draw a made-up prohibited item, turned by any angle.

    Args:
        rng: Decides the kind, the proportions and the turn.
        label: One of `ALL_LABELS`.
        size_px: About its length, at least 16.

    Returns:
        The item.

    Raises:
        ValueError: Another label, or a smaller size.
    """
    if label not in _DRAWERS:
        raise ValueError(f"no phantom of {label!r}; there are {', '.join(ALL_LABELS)}")
    if size_px < 16:
        raise ValueError(f"an item needs at least 16 pixels, not {size_px}")
    side_px = int(1.6 * size_px)
    canvas = Canvas(side_px, side_px)
    pen = canvas.pen(side_px / 2, side_px / 2, size_px=size_px, angle=rng.uniform(0, 2 * np.pi))
    _DRAWERS[label](pen, rng)
    canvas.depth_MHW *= np.float32(rng.uniform(*_ITEM_DENSITY))
    return _alone(canvas, label)


def draw_thing(
    rng: np.random.Generator, label: str, size_px: int, *, two_energies: bool = False
) -> ItemPhantom:
    """Draw a made-up harmless thing as bags hold it, turned by any angle.

    Args:
        rng: Decides the proportions and the turn.
        label: One of `THING_LABELS`.
        size_px: About its length, at least 16.
        two_energies: Give its transmission at low and high energy instead of red, green and blue.

    Returns:
        The thing.

    Raises:
        ValueError: Another label, or a smaller size.
    """
    if label not in THING_LABELS:
        raise ValueError(f"no phantom of {label!r}; there are {', '.join(THING_LABELS)}")
    if size_px < 16:
        raise ValueError(f"a thing needs at least 16 pixels, not {size_px}")
    # Cables and key rings reach far beyond their nominal length.
    side_px = 6 * size_px
    canvas = Canvas(side_px, side_px)
    pen = canvas.pen(side_px / 2, side_px / 2, size_px=size_px, angle=rng.uniform(0, 2 * np.pi))
    THINGS[THING_LABELS.index(label)].draw(pen, rng)
    return _alone(canvas, label, two_energies=two_energies)


def draw_item_canvas(
    rng: np.random.Generator, label: str, size_px: int, *, is_mirrored: bool = False
) -> Canvas:
    """Draw what `draw_item` renders, or its mirror image, with room around it."""
    if label not in _DRAWERS:
        raise ValueError(f"no phantom of {label!r}; there are {', '.join(ALL_LABELS)}")
    if size_px < 16:
        raise ValueError(f"an item needs at least 16 pixels, not {size_px}")
    side_px = int(1.6 * size_px)
    canvas = Canvas(side_px, side_px)
    pen = canvas.pen(side_px / 2, side_px / 2, size_px=size_px, angle=rng.uniform(0, 2 * np.pi))
    _DRAWERS[label](pen.mirrored() if is_mirrored else pen, rng)
    canvas.depth_MHW *= np.float32(rng.uniform(*_ITEM_DENSITY))
    return canvas


def render(
    transmission_HWC: np.ndarray,
    rng: np.random.Generator,
    *,
    air_level: float | np.ndarray | None = None,
    noise: float = 1.0,
) -> np.ndarray:
    """Turn transmission into an 8-bit scan with the noise of counting photons.

    Args:
        transmission_HWC: Share of photons that came through, in (0, 1].
        rng: Draws the air level, if none is given, and the noise.
        air_level: Grey level of air, a number or one per channel; by default one from 250 to 255.
        noise: How much noise: 1 for about 0.7% of air's level in air, 0 for none.

    Returns:
        uint8, same shape.
    """
    level = float(rng.integers(250, 256)) if air_level is None else air_level
    counts = rng.standard_normal(transmission_HWC.shape, dtype=np.float32)
    spread = np.sqrt(transmission_HWC / np.float32(_PHOTONS_IN_AIR)) * np.float32(noise)
    return to_image(np.maximum(transmission_HWC + spread * counts, 0), level, np.uint8)


def _to_transmission(attenuation_HWC: np.ndarray) -> np.ndarray:
    return from_attenuation(np.clip(attenuation_HWC, 0, _MAX_ATTENUATION))


def _alone(canvas: Canvas, label: str, *, two_energies: bool = False) -> ItemPhantom:
    """Cut what was drawn on a canvas out, tight around it."""
    cover_HW = np.where(canvas.cover_HW < _MIN_COVER, 0, canvas.cover_HW)
    rows, columns = (np.flatnonzero(cover_HW.any(axis=axis)) for axis in (1, 0))
    crop = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    alpha_HW = np.ascontiguousarray(cover_HW[crop])
    # Depth was added by cover; over the cover it is the matter's own, as deep at the rim as inside.
    cover_HW = np.maximum(alpha_HW, _MIN_COVER)
    if two_energies:
        own_MHW = np.where(alpha_HW > 0, canvas.depth_MHW[:, *crop] / cover_HW, np.float32(0))
        return ItemPhantom(transmit(own_MHW), alpha_HW, label)
    own_HWC = canvas.attenuation_HWC()[crop] / cover_HW[..., None]
    own_HWC[alpha_HW == 0] = 0
    return ItemPhantom(_to_transmission(own_HWC), alpha_HW, label)
