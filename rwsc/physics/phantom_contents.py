"""Everyday things in bags, drawn as phantoms; a unit is the thing's own length."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rwsc.physics.phantom_canvas import Material, Pen
from rwsc.physics.phantom_shapes import box, closed, ellipse, moved, smooth

ORGANIC, INORGANIC, METAL = Material.ORGANIC, Material.INORGANIC, Material.METAL


@dataclass(frozen=True)
class Thing:
    """A kind of thing.

    Attributes:
        draw: Draws it.
        size: Smallest and largest length, as a share of the bag's.
        weight: How often it is met, relative to other things.
    """

    draw: Callable[[Pen, np.random.Generator], None]
    size: tuple[float, float]
    weight: float


def draw_bottle(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a bottle of liquid, or a sprayer or thermos with a metal wall."""
    half = rng.uniform(0.12, 0.2)
    neck, shoulder = half * 0.4, rng.uniform(0.15, 0.3)
    side = [(-0.5, half * 0.9), (-0.46, half), (shoulder, half), (shoulder + 0.12, neck), (0.42, neck)]
    outline = np.array([*side, *[(x, -y) for x, y in reversed(side)]])
    material = ORGANIC if rng.random() < 0.75 else INORGANIC
    pen.fill(outline, material, rng.uniform(0.5, 1.1), profile="round")
    pen.fill(outline, material, 0.3, profile="rim")
    pen.fill(box(0.4, -neck * 1.15, 0.5, neck * 1.15, radius=0.01), INORGANIC, 0.35)
    if rng.random() < 0.2:
        pen.fill(moved(outline, scale=0.93), METAL, 0.3, profile="rim")


def draw_can(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a tin."""
    half = rng.uniform(0.25, 0.36)
    pen.fill(box(-0.5, -half, 0.5, half, radius=0.06), ORGANIC, 0.7, profile="round")
    pen.fill(box(-0.5, -half, 0.5, half, radius=0.06), METAL, 0.3, profile="rim")
    for x in (-0.47, 0.47):
        pen.stroke(np.array([[x, -half], [x, half]]), 0.03, METAL, 0.4)


def draw_phone(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a telephone: a case, a battery and a board."""
    half = rng.uniform(0.22, 0.28)
    pen.fill(box(-0.5, -half, 0.5, half, radius=0.08), INORGANIC, 0.45, profile="rim")
    pen.fill(box(-0.5, -half, 0.5, half, radius=0.08), ORGANIC, 0.3)
    pen.fill(box(-0.4, -half * 0.8, 0.1, half * 0.3, radius=0.02), METAL, 0.4)
    _draw_board(pen.at(0.2, 0, size=0.5), rng, half=half * 1.5, num_chips=9)
    pen.fill(ellipse(0.4, half * 0.55, 0.045, 0.045, num_points=14), METAL, 0.5)


def draw_laptop(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a portable computer: a case, cells, a board, a fan, hinges."""
    half = rng.uniform(0.33, 0.37)
    pen.fill(box(-0.5, -half, 0.5, half, radius=0.03), INORGANIC, 0.35, profile="rim")
    pen.fill(box(-0.49, -half + 0.01, 0.49, half - 0.01, radius=0.03), ORGANIC, 0.35)
    cells = int(rng.integers(3, 7))
    for x in np.linspace(-0.4, 0.4, cells):
        pen.fill(box(x - 0.36 / cells, 0.1, x + 0.36 / cells, half - 0.05, radius=0.01), METAL, 0.5)
    _draw_board(pen.at(0.1, -0.12, size=0.75), rng, half=0.16, num_chips=26)
    pen.stroke(closed(ellipse(-0.33, -0.15, 0.09, 0.09)), 0.02, METAL, 0.4)
    pen.fill(ellipse(-0.33, -0.15, 0.04, 0.04), METAL, 0.4, profile="round")
    for x in (-0.32, 0.32):
        pen.fill(box(x - 0.06, -half - 0.01, x + 0.06, -half + 0.025), METAL, 0.6)


def draw_charger(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a power supply with coils, and its cable."""
    pen.fill(box(-0.5, -0.3, 0.5, 0.3, radius=0.1), INORGANIC, 0.4, profile="rim")
    _draw_board(pen, rng, half=0.24, num_chips=8)
    pen.fill(box(-0.15, -0.16, 0.15, 0.16, radius=0.02), METAL, 0.8)
    pen.fill(ellipse(-0.32, 0.05, 0.1, 0.1), METAL, 0.5, profile="round")
    draw_cable(pen.at(0.5, 0, size=1.8), rng)


def draw_cable(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a cable: a copper core in a plastic mantle, with plugs."""
    steps = rng.normal(0, 0.3, (int(rng.integers(4, 9)), 2)).cumsum(axis=0)
    line = smooth(np.vstack([[0.0, 0.0], steps - steps.mean(axis=0) * 0.7]))
    width = rng.uniform(0.018, 0.032)
    pen.stroke(line, width, INORGANIC, 0.35)
    pen.stroke(line, width * 0.5, METAL, 0.35)
    for end in (line[0], line[-1]):
        plug = pen.at(*end, size=0.12, angle=rng.uniform(0, 6.3))
        plug.fill(box(-0.5, -0.25, 0.5, 0.25, radius=0.1), INORGANIC, 0.5)
        plug.fill(box(0.3, -0.18, 0.8, 0.18), METAL, 0.6)


def draw_book(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a book or a stack of paper."""
    half = rng.uniform(0.32, 0.4)
    depth = rng.uniform(0.35, 0.9)
    pen.fill(box(-0.5, -half, 0.5, half), ORGANIC, depth)
    pen.fill(box(-0.48, -half + 0.02, 0.5, half - 0.02), ORGANIC, 0.15)
    pen.stroke(np.array([[-0.49, -half], [-0.49, half]]), 0.02, ORGANIC, 0.6)


def draw_shoe(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a shoe seen from above: a sole, a heel, a shank, eyelets."""
    half = rng.uniform(0.15, 0.18)
    sole = smooth(
        [
            (-0.5, 0),
            (-0.4, half * 0.75),
            (-0.05, half * 0.6),
            (0.3, half),
            (0.5, 0.02),
            (0.28, -half),
            (-0.1, -half * 0.7),
            (-0.42, -half * 0.7),
        ],
        closed=True,
    )
    pen.fill(sole, ORGANIC, 0.5, profile="rim")
    pen.fill(sole, ORGANIC, 0.4)
    pen.fill(moved(sole, by=(-0.36, 0), scale=0.28), INORGANIC, 0.3)
    grooves = [np.array([[x, -half * 0.7], [x + 0.03, half * 0.7]]) for x in np.linspace(-0.1, 0.36, 9)]
    pen.stroke(grooves, 0.012, ORGANIC, 0.35)
    pen.stroke(np.array([[-0.3, 0.0], [0.02, 0.01]]), 0.035, METAL, 0.45)
    for x in np.linspace(0.02, 0.2, 4):
        for y in (-0.05, 0.05):
            pen.fill(ellipse(x, y, 0.012, 0.012, num_points=10), METAL, 0.5)


def draw_coins(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a few coins that lie on each other."""
    for _ in range(int(rng.integers(2, 8))):
        x, y = rng.normal(0, 0.35, 2)
        radius = rng.uniform(0.13, 0.2)
        pen.fill(
            ellipse(x, y, radius, radius * rng.uniform(0.6, 1), num_points=20), METAL, rng.uniform(0.5, 0.9)
        )


def draw_keys(pen: Pen, rng: np.random.Generator) -> None:
    """Draw keys on a ring."""
    pen.stroke(closed(ellipse(0, 0, 0.2, 0.2)), 0.03, METAL, 0.5)
    for angle in rng.uniform(0, 6.3, int(rng.integers(2, 5))):
        key = pen.at(0.2 * np.cos(angle), 0.2 * np.sin(angle), size=0.6, angle=angle + rng.normal(0, 0.3))
        key.stroke(closed(ellipse(0.15, 0, 0.14, 0.16)), 0.07, METAL, 0.6)
        key.fill(
            np.array(
                [(0.28, -0.05), (0.9, -0.05), (1.0, 0.0), (0.9, 0.05), (0.7, 0.03), (0.6, 0.07), (0.28, 0.05)]
            ),
            METAL,
            0.6,
        )


def draw_umbrella(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a folded umbrella: a shaft and ribs in cloth."""
    pen.fill(
        smooth([(-0.3, -0.05), (0.45, -0.07), (0.48, 0.07), (-0.3, 0.05)], closed=True),
        ORGANIC,
        0.5,
        profile="round",
    )
    pen.stroke(np.array([[-0.5, 0.0], [0.5, 0.0]]), 0.022, METAL, 0.6)
    ribs = [np.array([[-0.28, y * 0.6], [0.44, y]]) for y in rng.uniform(-0.055, 0.055, 7)]
    pen.stroke(ribs, 0.007, METAL, 0.4)
    pen.fill(box(-0.5, -0.035, -0.3, 0.035, radius=0.02), INORGANIC, 0.5)


def draw_fruit(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a fruit or a ball of wool."""
    outline = smooth(
        ellipse(0, 0, 0.5, rng.uniform(0.4, 0.5), num_points=9) + rng.normal(0, 0.02, (9, 2)), closed=True
    )
    pen.fill(outline, ORGANIC, rng.uniform(0.6, 1.1), profile="round")


def draw_box(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a box with a lid: cosmetics, a case, packed food."""
    half = rng.uniform(0.2, 0.45)
    material = ORGANIC if rng.random() < 0.6 else INORGANIC
    pen.fill(box(-0.5, -half, 0.5, half, radius=0.06), material, rng.uniform(0.3, 0.7), profile="rim")
    pen.fill(box(-0.46, -half + 0.04, 0.46, half - 0.04, radius=0.05), ORGANIC, rng.uniform(0.1, 0.5))
    if rng.random() < 0.5:
        pen.stroke(np.array([[-0.5, 0.0], [0.5, 0.0]]), 0.02, material, 0.4)


def draw_tube(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a tube, a brush or a pen."""
    half = rng.uniform(0.03, 0.1)
    pen.fill(box(-0.5, -half, 0.5, half, radius=half * 0.6), ORGANIC, rng.uniform(0.4, 0.9), profile="round")
    pen.fill(box(0.3, -half, 0.5, half, radius=0.01), INORGANIC, 0.5)
    if rng.random() < 0.4:
        pen.stroke(np.array([[-0.4, 0.0], [0.3, 0.0]]), 0.02, METAL, 0.5)


def draw_glasses(pen: Pen, rng: np.random.Generator) -> None:
    """Draw spectacles."""
    height = rng.uniform(0.13, 0.17)
    for x in (-0.25, 0.25):
        pen.stroke(closed(smooth(ellipse(x, 0, 0.2, height, num_points=10), closed=True)), 0.03, METAL, 0.35)
        pen.fill(ellipse(x, 0, 0.19, height, num_points=20), INORGANIC, 0.12)
        pen.stroke(smooth([(2 * x, -0.05), (2.05 * x, 0.2), (1.4 * x, 0.32)]), 0.025, METAL, 0.35)
    pen.stroke(smooth([(-0.06, -0.03), (0, -0.07), (0.06, -0.03)]), 0.03, METAL, 0.4)


def draw_belt(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a rolled belt with its buckle."""
    angle = np.linspace(0, rng.uniform(9, 15), 70)
    radius = 0.12 + 0.02 * angle
    pen.stroke(np.column_stack([radius * np.cos(angle), 0.8 * radius * np.sin(angle)]), 0.025, ORGANIC, 0.9)
    buckle = pen.at(
        radius[-1] * np.cos(angle[-1]),
        0.8 * radius[-1] * np.sin(angle[-1]),
        size=0.3,
        angle=rng.uniform(0, 6),
    )
    buckle.stroke(closed(box(-0.4, -0.35, 0.4, 0.35, radius=0.1)), 0.12, METAL, 0.6)
    buckle.stroke(np.array([[-0.4, 0.0], [0.4, 0.0]]), 0.08, METAL, 0.5)


def _draw_board(pen: Pen, rng: np.random.Generator, *, half: float, num_chips: int) -> None:
    """Draw a circuit board about a unit long with parts on it."""
    pen.fill(box(-0.45, -half, 0.45, half), INORGANIC, 0.3)
    for _ in range(num_chips):
        x, y = rng.uniform(-0.38, 0.38), rng.uniform(-0.8, 0.8) * half
        width, height = rng.uniform(0.02, 0.09), rng.uniform(0.02, 0.07)
        pen.fill(box(x - width, y - height, x + width, y + height), METAL, rng.uniform(0.15, 0.6))


THINGS = (
    Thing(draw_bottle, (0.28, 0.42), 2.0),
    Thing(draw_can, (0.16, 0.22), 0.8),
    Thing(draw_phone, (0.2, 0.28), 1.0),
    Thing(draw_laptop, (0.46, 0.56), 0.5),
    Thing(draw_charger, (0.12, 0.2), 1.2),
    Thing(draw_cable, (0.2, 0.35), 2.0),
    Thing(draw_book, (0.3, 0.45), 1.5),
    Thing(draw_shoe, (0.38, 0.48), 1.2),
    Thing(draw_coins, (0.08, 0.14), 1.2),
    Thing(draw_keys, (0.12, 0.18), 0.8),
    Thing(draw_umbrella, (0.4, 0.6), 0.6),
    Thing(draw_fruit, (0.1, 0.16), 1.2),
    Thing(draw_box, (0.14, 0.36), 2.0),
    Thing(draw_tube, (0.16, 0.3), 2.0),
    Thing(draw_glasses, (0.2, 0.26), 0.6),
    Thing(draw_belt, (0.25, 0.35), 0.6),
)
"""What bags hold, with sizes as a share of the bag's length."""
