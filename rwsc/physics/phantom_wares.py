"""Things of particular matter - water, copper, PVC, lead, glass - drawn as phantoms; a unit is a thing's length."""

import numpy as np

from rwsc.physics.phantom_canvas import Material, Pen
from rwsc.physics.phantom_contents import THINGS, Thing
from rwsc.physics.phantom_shapes import box, closed, ellipse, moved, smooth

ORGANIC, INORGANIC, METAL, WATER, PVC, COPPER, LEAD = Material


def draw_water_bottle(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a plastic bottle of water, full or in part."""
    half = rng.uniform(0.14, 0.18)
    outline = _bottle(half, shoulder=rng.uniform(0.18, 0.28))
    pen.fill(outline, ORGANIC, 0.06, profile="rim")
    level = rng.uniform(0.6, 1.0)
    water = moved(outline * np.array([1.0, 0.95]), by=(0.01, 0))
    pen.fill(water, WATER, rng.uniform(0.8, 1.3) * level, profile="round")
    for x in np.linspace(-0.35, 0.05, int(rng.integers(0, 5))):
        pen.stroke(np.array([[x, -half], [x, half]]), 0.012, ORGANIC, 0.12)
    pen.fill(box(0.4, -half * 0.45, 0.5, half * 0.45, radius=0.01), ORGANIC, 0.35)


def draw_glass_bottle(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a bottle or a flask of glass with drink or scent in it."""
    half = rng.uniform(0.12, 0.24)
    outline = _bottle(half, shoulder=rng.uniform(0.05, 0.2))
    pen.fill(outline, INORGANIC, rng.uniform(0.5, 0.9), profile="rim")
    pen.fill(moved(outline, scale=0.93), WATER, rng.uniform(0.4, 1.1), profile="round")
    pen.fill(box(-0.5, -half * 0.9, -0.46, half * 0.9), INORGANIC, 0.6)
    pen.fill(box(0.4, -half * 0.42, 0.5, half * 0.42), COPPER if rng.random() < 0.3 else ORGANIC, 0.25)


def draw_cable_coil(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a wound mains cable: copper strands in PVC, and its plug."""
    turns = rng.uniform(2.5, 6.0)
    angle = np.linspace(0, 2 * np.pi * turns, int(40 * turns))
    radius = rng.uniform(0.22, 0.3) + rng.uniform(0.02, 0.05) * np.sin(angle * rng.uniform(0.2, 0.6))
    drift = 0.03 * np.sin(angle[:, None] * rng.uniform(0.1, 0.4, 2) + rng.uniform(0, 6, 2))
    flat = rng.uniform(0.45, 0.9)
    line = np.column_stack([radius * np.cos(angle), flat * radius * np.sin(angle)]) + drift
    end = smooth([line[-1], line[-1] + (0.1, 0.12), line[-1] + (0.2, 0.05)])
    line = np.vstack([line, end])
    pen.stroke(line, 0.035, PVC, 0.3)
    pen.stroke(line, 0.016, COPPER, 0.4)
    plug = pen.at(*line[-1], size=0.2, angle=rng.uniform(-0.5, 0.5))
    plug.fill(box(-0.2, -0.3, 0.5, 0.3, radius=0.15), PVC, 0.6)
    for y in (-0.16, 0.16):
        plug.fill(box(0.2, y - 0.05, 0.9, y + 0.05), COPPER, 0.6)


def draw_batteries(pen: Pen, rng: np.random.Generator) -> None:
    """Draw round cells side by side, loose or in a power bank."""
    number = int(rng.integers(2, 6))
    half = rng.uniform(0.1, 0.14)
    for index in range(number):
        cell = pen.at(
            float(rng.normal(0, 0.02)),
            (index - (number - 1) / 2) * 2.05 * half,
            angle=float(rng.normal(0, 0.02)),
        )
        cell.fill(box(-0.48, -half, 0.44, half, radius=0.02), METAL, rng.uniform(0.7, 1.1), profile="round")
        cell.fill(box(-0.46, -half * 0.25, 0.4, half * 0.25), COPPER, 0.15)
        cell.fill(box(0.43, -half * 0.35, 0.5, half * 0.35), METAL, 0.5)
    if rng.random() < 0.5:
        reach = number * half * 1.1
        pen.fill(box(-0.6, -reach, 0.6, reach, radius=0.06), PVC, 0.25, profile="rim")


def draw_motor(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a hair dryer or a drill: a plastic shell around a motor with copper windings, and a handle."""
    shell = smooth(
        [
            (-0.5, -0.12),
            (-0.2, -0.2),
            (0.2, -0.16),
            (0.5, -0.13),
            (0.5, 0.13),
            (0.2, 0.16),
            (-0.2, 0.2),
            (-0.5, 0.12),
        ],
        closed=True,
        steps=5,
    )
    pen.fill(shell, ORGANIC, 0.25, profile="rim")
    x = rng.uniform(-0.3, -0.1)
    pen.fill(box(x - 0.12, -0.11, x + 0.12, 0.11, radius=0.02), METAL, rng.uniform(0.5, 1.0), profile="round")
    for y in (-0.085, 0.085):
        pen.fill(box(x - 0.16, y - 0.03, x + 0.16, y + 0.03, radius=0.03), COPPER, rng.uniform(0.5, 0.9))
    pen.stroke(np.array([[x - 0.2, 0.0], [x + 0.26, 0.0]]), 0.025, METAL, 0.8)
    wire = np.column_stack([np.linspace(x + 0.25, 0.45, 30), 0.08 * np.sin(np.linspace(0, 20, 30))])
    pen.stroke(wire, 0.012, METAL, 0.35)
    handle = smooth([(-0.12, 0.12), (0.06, 0.12), (0.1, 0.5), (-0.08, 0.52)], closed=True, steps=5)
    pen.fill(handle, ORGANIC, 0.25, profile="rim")
    pen.stroke(np.array([[-0.02, 0.1], [0.0, 0.45]]), 0.02, COPPER, 0.4)


def draw_lead(pen: Pen, rng: np.random.Generator) -> None:
    """Draw weights of lead, as of fishers and divers, or a pouch lined with lead foil."""
    if rng.random() < 0.4:
        half = rng.uniform(0.3, 0.45)
        pen.fill(box(-0.5, -half, 0.5, half, radius=0.08), LEAD, rng.uniform(0.12, 0.3))
        pen.stroke(closed(box(-0.5, -half, 0.5, half, radius=0.08)), 0.03, LEAD, 0.3)
        return
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(-0.35, 0.35, 2)
        radius = rng.uniform(0.08, 0.16)
        weight = ellipse(x, y, radius * rng.uniform(1, 1.6), radius, num_points=20)
        pen.fill(weight, LEAD, rng.uniform(1.0, 3.0), profile="round")


def draw_cup(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a cup of china or a jar of glass, lying: thick walls, a base, an ear."""
    half = rng.uniform(0.3, 0.42)
    pen.fill(box(-0.45, -half, 0.45, half, radius=0.05), INORGANIC, rng.uniform(0.6, 1.0), profile="rim")
    pen.fill(box(-0.5, -half * 0.9, -0.4, half * 0.9, radius=0.03), INORGANIC, 0.6)
    if rng.random() < 0.6:
        ear = smooth([(-0.25, half), (-0.2, half + 0.2), (0.15, half + 0.2), (0.2, half)])
        pen.stroke(ear, 0.09, INORGANIC, 0.6)


def draw_powder(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a bag of salt, sugar or powder: lumpy, denser towards its middle."""
    outline = smooth(
        ellipse(0, 0, 0.5, rng.uniform(0.3, 0.45), num_points=9) + rng.normal(0, 0.03, (9, 2)), closed=True
    )
    material, depth = (
        (INORGANIC, rng.uniform(0.6, 1.3)) if rng.random() < 0.5 else (ORGANIC, rng.uniform(0.5, 1.0))
    )
    pen.fill(outline, material, depth, profile="round")
    for _ in range(4):
        lump = moved(outline, by=tuple(rng.uniform(-0.15, 0.15, 2)), scale=float(rng.uniform(0.2, 0.5)))
        pen.fill(lump, material, 0.12 * depth, profile="round")


def draw_cosmetics(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a tin or a jar of PVC with cream in it."""
    pen.fill(ellipse(0, 0, 0.5, rng.uniform(0.42, 0.5)), WATER, rng.uniform(0.4, 0.8), profile="round")
    pen.fill(ellipse(0, 0, 0.5, 0.5), PVC, rng.uniform(0.3, 0.6), profile="rim")
    pen.stroke(closed(ellipse(0, 0, 0.42, 0.42)), 0.03, PVC, 0.3)


def draw_panel(pen: Pen, rng: np.random.Generator) -> None:
    """Draw something wide of rubber, leather or coated cloth: a toilet bag, a mat, a raincoat."""
    half = rng.uniform(0.25, 0.45)
    outline = smooth(
        box(-0.5, -half, 0.5, half, radius=0.2)[::3] + rng.normal(0, 0.03, (8, 2)), closed=True, steps=5
    )
    pen.fill(outline, PVC, rng.uniform(0.08, 0.3))
    pen.fill(outline, ORGANIC, rng.uniform(0.1, 0.4))
    pen.stroke(closed(outline), 0.015, PVC, 0.2)
    pen.stroke(closed(moved(outline, scale=float(rng.uniform(0.7, 0.95)))), 0.012, PVC, 0.2)


def _bottle(half: float, *, shoulder: float) -> np.ndarray:
    neck = half * 0.4
    side = [(-0.5, half * 0.9), (-0.46, half), (shoulder, half), (shoulder + 0.14, neck), (0.42, neck)]
    return np.array([*side, *[(x, -y) for x, y in reversed(side)]])


WARES = (
    Thing(draw_water_bottle, (0.26, 0.4), 2.5),
    Thing(draw_glass_bottle, (0.14, 0.38), 1.2),
    Thing(draw_cable_coil, (0.2, 0.34), 2.0),
    Thing(draw_batteries, (0.08, 0.14), 1.5),
    Thing(draw_motor, (0.26, 0.36), 1.0),
    Thing(draw_lead, (0.08, 0.18), 0.6),
    Thing(draw_cup, (0.14, 0.2), 0.8),
    Thing(draw_powder, (0.14, 0.26), 0.8),
    Thing(draw_panel, (0.3, 0.6), 2.0),
    Thing(draw_cosmetics, (0.08, 0.14), 1.2),
)
"""Things of particular matter, with sizes as a share of the bag's length."""

THINGS_AND_WARES = (*THINGS, *WARES)
"""What the bags of true scans hold."""
