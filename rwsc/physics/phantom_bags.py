"""Suitcases and backpacks drawn as phantoms: shell, frame, straps, zips and what is packed into them."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from rwsc.physics.phantom_canvas import Canvas, Material, Pen
from rwsc.physics.phantom_contents import Thing
from rwsc.physics.phantom_shapes import box, closed, dashes, ellipse, moved, smooth
from rwsc.physics.phantom_texture import Textures, draw_textures

ORGANIC, INORGANIC, METAL = Material.ORGANIC, Material.INORGANIC, Material.METAL

_FRAME_SHARE = 0.96


def draw_suitcase(canvas: Canvas, rng: np.random.Generator, things: Sequence[Thing]) -> np.ndarray:
    """Draw a suitcase on wheels, seen a little from the side; give the pixels of its body, bool."""
    ratio = rng.uniform(0.6, 0.78)
    pen = _pen_that_fits(canvas, rng, np.array([1.14, ratio + 0.12]))
    shift = rng.uniform(-0.06, 0.06, 2)
    radius = rng.uniform(0.04, 0.12)
    front = box(-0.5, -ratio / 2, 0.5, ratio / 2, radius=radius)
    faces = moved(front, by=tuple(shift / 2), scale=0.94), moved(front, by=tuple(-shift / 2), scale=0.9)
    body = _hull(np.vstack(faces))
    textures = draw_textures(rng, *canvas.air_HW.shape)
    _pack(pen, rng, things, textures, half=(0.46, ratio / 2 - 0.04), fullness=rng.uniform(0.4, 1.2))
    pen.keep(body)
    _draw_telescope(pen, rng, ratio)
    _draw_shell(pen, rng, body, faces)
    for y in (-0.38 * ratio, 0.38 * ratio):
        _draw_wheel(pen.at(0.47, y), rng)
    _draw_carrying_handle(pen.at(0.0, -0.47 * ratio), rng)
    return pen.inside(body)


def draw_backpack(canvas: Canvas, rng: np.random.Generator, things: Sequence[Thing]) -> np.ndarray:
    """Draw a backpack or a soft bag lying flat; give the pixels of its body, bool."""
    ratio = rng.uniform(0.62, 0.82)
    pen = _pen_that_fits(canvas, rng, np.array([1.16, ratio + 0.18]))
    half = ratio / 2
    corners = [
        (-0.46, half * 0.8),
        (-0.47, -half * 0.75),
        (-0.1, -half),
        (0.32, -half * 0.85),
        (0.48, -half * 0.3),
        (0.48, half * 0.35),
        (0.3, half * 0.9),
        (-0.1, half),
    ]
    knots = np.array(corners) + rng.normal(0, 0.018, (8, 2))
    body = smooth(knots, closed=True)
    textures = draw_textures(rng, *canvas.air_HW.shape)
    _pack(pen, rng, things, textures, half=(0.42, half - 0.05), fullness=rng.uniform(0.1, 0.9))
    pen.keep(body)
    pen.fill(body, ORGANIC, 0.13, texture_HW=textures.folds_HW)
    pen.fill(body, ORGANIC, 0.35, profile="rim")
    for scale, x in ((0.93, 0.0), (0.55, -0.14), (0.8, -0.04)):
        seam = moved(body, by=(x, rng.normal(0, 0.01)), scale=scale)
        pen.stroke(closed(seam), rng.uniform(0.006, 0.014), ORGANIC, 0.35)
    _draw_zip(pen, rng, moved(body, by=(-0.05, 0), scale=0.84)[: len(body) * 5 // 8])
    _draw_zip(pen, rng, moved(body, by=(-0.16, 0), scale=0.5)[: len(body) // 2])
    for side in (pen, pen.mirrored()):
        _draw_strap(side, rng, half)
    pen.stroke(smooth([(0.46, -0.06), (0.54, -0.04), (0.54, 0.04), (0.46, 0.06)]), 0.022, ORGANIC, 0.6)
    return pen.inside(body)


DRAWERS: tuple[Callable[[Canvas, np.random.Generator, Sequence[Thing]], np.ndarray], ...] = (
    draw_suitcase,
    draw_suitcase,
    draw_backpack,
)


def _pen_that_fits(canvas: Canvas, rng: np.random.Generator, extent: np.ndarray) -> Pen:
    """Give a pen whose unit is the bag's length; a box of `extent` units around it stays in the frame."""
    height, width = canvas.air_HW.shape
    lies_along_x = (width >= height) == (rng.random() < 0.85)
    angle = (0.0 if lies_along_x else np.pi / 2) + np.pi * int(rng.integers(2)) + float(rng.normal(0, 0.2))
    cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
    taken = np.array([cos * extent[0] + sin * extent[1], sin * extent[0] + cos * extent[1]])
    frame = np.array([width, height])
    size_px = float((frame * _FRAME_SHARE / taken).min() * rng.uniform(0.92, 1.0))
    spare = (frame - taken * size_px) / 2
    x_px, y_px = frame / 2 + spare * rng.uniform(-0.8, 0.8, 2)
    return canvas.pen(x_px, y_px, size_px=size_px, angle=angle)


def _pack(
    pen: Pen,
    rng: np.random.Generator,
    things: Sequence[Thing],
    textures: Textures,
    *,
    half: tuple[float, float],
    fullness: float,
) -> None:
    """Fill a box around the pen's origin with clothes, things and small metal."""
    for _ in range(int(rng.integers(3, 6 + round(6 * fullness)))):
        _draw_garment(pen, rng, textures, half, fullness)
    weights = np.array([thing.weight for thing in things])
    for index in rng.choice(
        len(things), size=int(rng.integers(6, 10 + round(12 * fullness))), p=weights / weights.sum()
    ):
        size = rng.uniform(*things[index].size)
        reach = np.maximum(np.array(half) - 0.25 * size, 0.02)
        x, y = rng.uniform(-reach, reach)
        things[index].draw(pen.at(x, y, size=size, angle=rng.uniform(0, 2 * np.pi)), rng)
    _scatter_metal(pen, rng, half)


def _draw_garment(
    pen: Pen, rng: np.random.Generator, textures: Textures, half: tuple[float, float], fullness: float
) -> None:
    """Draw a folded piece of clothing: a soft box with folds and a hem."""
    reach = np.array(half)
    size = rng.uniform(0.3, 0.75, 2) * reach
    x, y = rng.uniform(-1, 1, 2) * np.maximum(reach - 0.8 * size, 0)
    knots = box(-1, -1, 1, 1, radius=0.5)[::3] * size + rng.normal(0, 0.025, (8, 2))
    outline = smooth(knots, closed=True, steps=4)
    cloth = pen.at(x, y, angle=rng.normal(0, 0.2))
    texture_HW = textures.folds_HW if rng.random() < 0.6 else textures.mottle_HW
    cloth.fill(outline, ORGANIC, rng.uniform(0.12, 0.4) * (0.5 + fullness), texture_HW=texture_HW)
    cloth.stroke(closed(outline), 0.008, ORGANIC, 0.15)
    if rng.random() < 0.35:
        cloth.fill(outline, INORGANIC, rng.uniform(0.05, 0.22) * fullness, texture_HW=textures.mottle_HW)


def _scatter_metal(pen: Pen, rng: np.random.Generator, half: tuple[float, float]) -> None:
    """Draw screws, hooks, buttons and zip pulls here and there."""
    reach = np.array(half) + 0.05
    for _ in range(int(rng.integers(6, 22))):
        part = pen.at(*rng.uniform(-reach, reach), size=rng.uniform(0.02, 0.05), angle=rng.uniform(0, 6.3))
        kind = rng.random()
        if kind < 0.4:
            part.fill(ellipse(0, 0, 0.25, 0.25, num_points=12), METAL, rng.uniform(0.4, 0.9))
        elif kind < 0.75:
            part.fill(box(-0.5, -0.1, 0.5, 0.1), METAL, 0.6)
            part.fill(box(0.3, -0.25, 0.5, 0.25), METAL, 0.5)
        else:
            _draw_pull(part)


def _draw_pull(pen: Pen) -> None:
    """Draw a zip's slider and its pull, about a unit long."""
    pen.fill(box(-0.5, -0.25, 0.1, 0.25, radius=0.08), METAL, 0.65)
    pen.stroke(closed(box(0.1, -0.2, 0.8, 0.2, radius=0.1)), 0.12, METAL, 0.55)


def _draw_zip(pen: Pen, rng: np.random.Generator, line: np.ndarray) -> None:
    pen.stroke(line, 0.022, ORGANIC, 0.2)
    teeth, depth = (ORGANIC, 0.5) if rng.random() < 0.6 else (INORGANIC, 0.25)
    pen.stroke(dashes(line, num_dashes=90), 0.008, teeth, depth)
    for end in (line[1], line[int(rng.integers(len(line) // 2, len(line)))]):
        _draw_pull(pen.at(*end, size=0.045, angle=rng.uniform(0, 6.3)))


def _draw_shell(
    pen: Pen, rng: np.random.Generator, body: np.ndarray, faces: tuple[np.ndarray, np.ndarray]
) -> None:
    """Draw walls, rims, edges, the wire that stiffens them, lining and screws of a suitcase."""
    hard = rng.random() < 0.4
    wall = INORGANIC if hard and rng.random() < 0.4 else ORGANIC
    pen.fill(body, ORGANIC, 0.2)
    pen.fill(body, wall, 0.4 if wall is ORGANIC else 0.16, profile="rim")
    for face in faces:
        piping, depth = (ORGANIC, 0.4) if rng.random() < 0.7 else (INORGANIC, 0.25)
        pen.stroke(closed(face), rng.uniform(0.008, 0.02), piping, depth)
        pen.stroke(closed(moved(face, scale=0.985)), 0.005, METAL, 0.5)
    corners = range(3, len(faces[0]), len(faces[0]) // 4)
    pen.stroke([np.vstack([faces[0][i], faces[1][i]]) for i in corners], 0.01, INORGANIC, 0.35)
    _draw_zip(pen, rng, closed(moved(faces[0], scale=0.955)))
    if hard:
        for y in np.linspace(-0.2, 0.2, 5):
            pen.stroke(np.array([[-0.44, y], [0.44, y]]), 0.012, ORGANIC, 0.25)
    for x, y in moved(faces[1], scale=0.96)[::2]:
        pen.fill(ellipse(x, y, 0.009, 0.009, num_points=10), METAL, 0.6)


def _draw_telescope(pen: Pen, rng: np.random.Generator, ratio: float) -> None:
    """Draw the rails of a telescopic handle, and the plates they end in."""
    apart, width = rng.uniform(0.12, 0.2) * ratio, rng.uniform(0.014, 0.024)
    reach = rng.uniform(0.3, 0.42)
    material, depth = (METAL, 0.3) if rng.random() < 0.6 else (INORGANIC, 0.4)
    for y in (-apart, apart):
        pen.fill(box(-0.45, y - width, reach, y + width), material, depth)
        pen.fill(box(-0.45, y - width, reach, y + width), METAL, 0.25, profile="rim")
    for x in (-0.44, reach):
        pen.fill(box(x - 0.02, -apart - 0.05, x + 0.02, apart + 0.05, radius=0.01), INORGANIC, 0.4)
    for y in (-apart, apart):
        pen.fill(box(reach - 0.03, y - 0.03, reach + 0.03, y + 0.03), METAL, 0.5)


def _draw_wheel(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a castor at the bag's end, in part outside the body."""
    across = rng.uniform(0.026, 0.036)
    pen.fill(box(-0.06, -0.045, 0.02, 0.045, radius=0.02), INORGANIC, 0.4)
    pen.fill(ellipse(0.025, 0, across, across, num_points=20), ORGANIC, 1.2)
    pen.stroke(np.array([[0.025, -across * 1.2], [0.025, across * 1.2]]), 0.012, METAL, 0.9)
    pen.fill(ellipse(0.025, 0, across * 0.4, across * 0.4, num_points=12), METAL, 0.7)
    for x, y in ((-0.04, -0.03), (-0.04, 0.03), (0.0, -0.03), (0.0, 0.03)):
        pen.fill(ellipse(x, y, 0.007, 0.007, num_points=8), METAL, 0.8)


def _draw_carrying_handle(pen: Pen, rng: np.random.Generator) -> None:
    width = rng.uniform(0.1, 0.16)
    grip = smooth([(-width, 0.02), (-width * 0.8, -0.035), (width * 0.8, -0.035), (width, 0.02)])
    pen.stroke(grip, 0.026, ORGANIC, 0.8)
    for x in (-width, width):
        pen.fill(box(x - 0.025, 0.0, x + 0.025, 0.035), METAL, 0.5)


def _draw_strap(pen: Pen, rng: np.random.Generator, half: float) -> None:
    """Draw a padded strap over the bag that swings out beyond its side, with webbing and buckles."""
    swing = half + rng.uniform(0.0, 0.03)
    strap = smooth(
        [
            (0.44, 0.06),
            (0.3, 0.12),
            (0.05, half * 0.7),
            (-0.15, swing),
            (-0.36, half * 0.95),
            (-0.44, half * 0.6),
        ]
    )
    pen.stroke(strap[: len(strap) * 2 // 3], 0.07, ORGANIC, 0.25)
    pen.stroke(strap, 0.03, ORGANIC, 0.35)
    for share in rng.uniform(0.2, 1.0, int(rng.integers(0, 3))):
        x, y = strap[int(share * (len(strap) - 1))]
        buckle = pen.at(x, y, size=0.05, angle=rng.uniform(0, 3.1))
        buckle.stroke(closed(box(-0.5, -0.4, 0.5, 0.4, radius=0.1)), 0.16, INORGANIC, 0.6)
        buckle.stroke(np.array([[0.0, -0.4], [0.0, 0.4]]), 0.14, METAL, 0.5)


def _hull(points: np.ndarray) -> np.ndarray:
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
