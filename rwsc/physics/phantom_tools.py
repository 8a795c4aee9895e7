"""More prohibited items drawn as phantoms: hammers, axes, saws, handcuffs, cartridges and lighters."""

from collections.abc import Callable

import numpy as np

from rwsc.physics.phantom_canvas import Material, Pen
from rwsc.physics.phantom_shapes import box, closed, ellipse, smooth

ORGANIC, INORGANIC, METAL, WATER, PVC, COPPER, LEAD = Material


def draw_hammer(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a hammer with a claw or a pane, one unit long."""
    half = rng.uniform(0.045, 0.065)
    _draw_shaft(pen, rng, 0.4, rng.uniform(0.022, 0.032))
    pen.fill(box(0.4 - half, -0.2, 0.4 + half, 0.08, radius=0.01), METAL, rng.uniform(1.2, 2.2))
    pen.fill(box(0.4 - 1.2 * half, -0.23, 0.4 + 1.2 * half, -0.17, radius=0.015), METAL, 1.4)
    if rng.random() < 0.5:
        for side in (-1, 1):
            claw = [
                (0.4 + side * half * 0.2, 0.06),
                (0.4 + side * half, 0.06),
                (0.36 + side * half * 0.7, 0.24),
            ]
            pen.fill(claw, METAL, 0.9)
    else:
        pen.fill([(0.4 - half, 0.07), (0.4 + half, 0.07), (0.41, 0.2), (0.39, 0.2)], METAL, 1.2)


def draw_axe(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a hatchet, one unit long: a wedge that thins towards its edge, on a shaft."""
    _draw_shaft(pen, rng, 0.46, rng.uniform(0.025, 0.035))
    reach, flare = rng.uniform(0.2, 0.27), rng.uniform(0.1, 0.15)
    # A wedge: the nearer to its edge, the fewer layers.
    for share in (1.0, 0.85, 0.7, 0.5, 0.3):
        y, half = reach * share, 0.05 + (flare - 0.05) * share
        edge = [
            (0.405 - half, y - 0.02),
            (0.37, y + 0.005),
            (0.44, y + 0.005),
            (0.405 + 0.8 * half, y - 0.02),
        ]
        pen.fill([(0.355, -0.03), *edge, (0.455, -0.03)], METAL, 0.22)
    pen.fill(box(0.33, -0.09, 0.46, 0.02, radius=0.02), METAL, 1.0)


def draw_saw(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a hand saw, one unit long: a thin toothed blade and a handle with a hole."""
    root, tip = rng.uniform(0.09, 0.13), rng.uniform(0.03, 0.06)
    x = np.linspace(-0.22, 0.5, 2 * int(rng.integers(26, 44)))
    teeth = np.column_stack([x, 0.08 + 0.012 * (-1.0) ** np.arange(len(x))])
    pen.fill(
        np.vstack([[(-0.22, 0.08 - 2 * root), (0.5, 0.08 - 2 * tip)], teeth[::-1]]),
        METAL,
        rng.uniform(0.25, 0.4),
    )
    grip = smooth(
        [(-0.2, -0.15), (-0.42, -0.17), (-0.5, 0.02), (-0.42, 0.2), (-0.2, 0.14), (-0.16, 0.0)], closed=True
    )
    hole = ellipse(-0.36, 0.02, 0.06, 0.09)
    material, depth = (ORGANIC, rng.uniform(0.4, 0.7)) if rng.random() < 0.6 else (PVC, 0.7)
    pen.fill(grip, material, depth)
    pen.cut(hole)
    for y in (-0.06, 0.06):
        pen.fill(ellipse(-0.24, y, 0.016, 0.016, num_points=12), COPPER, 0.8)


def draw_handcuffs(pen: Pen, rng: np.random.Generator) -> None:
    """Draw handcuffs, one unit long: two rings with ratchets and locks, on a chain."""
    bend = rng.uniform(-0.5, 0.5)
    for side in (-1.0, 1.0):
        ring = pen.at(side * 0.29, abs(bend) * 0.1, angle=(0.0 if side > 0 else np.pi) + side * bend)
        around = closed(ellipse(0, 0, 0.17, 0.14, num_points=40))
        ring.stroke(around[8:33], 0.035, METAL, rng.uniform(0.6, 0.9))
        ring.stroke(np.vstack([around[32:], around[:9]]), 0.026, METAL, 0.9)
        ring.fill(box(-0.2, -0.12, -0.08, 0.12, radius=0.03), METAL, 0.7)
        ring.cut(ellipse(-0.14, 0.05, 0.015, 0.015, num_points=12))
    for x in np.linspace(-0.08, 0.08, 4):
        pen.at(x, abs(bend) * 0.05, angle=rng.uniform(-0.8, 0.8)).stroke(
            closed(ellipse(0, 0, 0.035, 0.022, num_points=14)), 0.014, METAL, 0.8
        )


def draw_cartridges(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a handful of cartridges about one unit across: brass cases, and bullets of lead in copper."""
    number = int(rng.integers(3, 8))
    half = rng.uniform(0.045, 0.06)
    length = rng.uniform(0.4, 0.6)
    for index in range(number):
        y = (index - (number - 1) / 2) * 2.1 * half
        one = pen.at(float(rng.normal(0, 0.05)), y, angle=float(rng.normal(0, 0.06)))
        if rng.random() < 0.3:
            one = one.at(0, 0, angle=np.pi)
        neck = 0.1 * length
        one.fill(box(-length / 2, -half, neck, half, radius=0.01), COPPER, 0.45, profile="rim")
        one.fill(box(-length / 2, -half * 0.9, neck, half * 0.9), ORGANIC, 0.1)
        one.fill(box(-length / 2 - 0.02, -half * 1.1, -length / 2 + 0.03, half * 1.1), COPPER, 0.8)
        point = smooth([(neck, -half * 0.9), (length * 0.4, -half * 0.55), (length / 2, 0.0)])
        bullet = np.vstack(
            [point, (point * (1, -1))[::-1], [(-0.05 * length, half * 0.9), (-0.05 * length, -half * 0.9)]]
        )
        one.fill(bullet, LEAD, rng.uniform(0.8, 1.8), profile="round")
        one.fill(bullet, COPPER, 0.2)


def draw_lighter(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a lighter, one unit long: a plastic tank with gas, a steel hood, a wheel and a flint; or one of steel."""
    half = rng.uniform(0.13, 0.18)
    if rng.random() < 0.3:
        half *= 1.7
        pen.fill(box(-0.5, -half, 0.5, half, radius=0.05), METAL, 0.4, profile="rim")
        pen.fill(box(-0.48, -half * 0.9, 0.15, half * 0.9), ORGANIC, 0.3)
        pen.stroke(np.array([[0.18, -half], [0.18, half]]), 0.02, METAL, 0.5)
    else:
        pen.fill(box(-0.5, -half, 0.28, half, radius=0.06), ORGANIC, 0.25, profile="rim")
        pen.fill(
            box(-0.46, -half * 0.8, 0.2, half * 0.8, radius=0.05),
            WATER,
            rng.uniform(0.1, 0.3),
            profile="round",
        )
        pen.fill(box(0.26, -half * 0.9, 0.5, half * 0.8, radius=0.02), METAL, 0.3, profile="rim")
    pen.fill(ellipse(0.36, -half * 0.3, 0.07, 0.07, num_points=20), METAL, 0.8)
    pen.fill(box(0.05, -half * 0.45, 0.34, -half * 0.15), METAL, 0.35)
    pen.fill(box(0.22, half * 0.2, 0.34, half * 0.5), COPPER, 0.5)


def _draw_shaft(pen: Pen, rng: np.random.Generator, end: float, half: float) -> None:
    """Draw a shaft of wood, or a steel tube with a grip of PVC."""
    if rng.random() < 0.6:
        wood = [
            (-0.5, -half * 1.2),
            (-0.3, -half),
            (end, -half * 0.8),
            (end, half * 0.8),
            (-0.3, half),
            (-0.5, half * 1.2),
        ]
        pen.fill(wood, ORGANIC, rng.uniform(0.3, 0.6), profile="round")
        return
    pen.fill(box(-0.45, -half * 0.7, end, half * 0.7), METAL, 0.35, profile="rim")
    pen.fill(box(-0.5, -half * 1.2, -0.12, half * 1.2, radius=half), PVC, 0.6, profile="round")


DRAWERS: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "hammer": draw_hammer,
    "axe": draw_axe,
    "saw": draw_saw,
    "handcuffs": draw_handcuffs,
    "bullet": draw_cartridges,
    "lighter": draw_lighter,
}
