"""Prohibited items drawn as phantoms: guns, knives, wrenches, pliers and scissors, each with its parts."""

from collections.abc import Callable

import numpy as np

from rwsc.physics.phantom_canvas import Material, Pen
from rwsc.physics.phantom_shapes import box, closed, ellipse, moved, smooth

ORGANIC, INORGANIC, METAL = Material.ORGANIC, Material.INORGANIC, Material.METAL


def draw_gun(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a pistol or, one time in three, a revolver; it is about one unit long."""
    (_draw_revolver if rng.random() < 0.35 else _draw_pistol)(pen, rng)


def _draw_pistol(pen: Pen, rng: np.random.Generator) -> None:
    length, rake = rng.uniform(0.9, 1.0), rng.uniform(0.06, 0.14)
    back, muzzle = -length / 2, length / 2
    frame = [(back + 0.03, -0.13), (muzzle - 0.06, -0.13), (muzzle - 0.06, -0.06), (back + 0.03, -0.04)]
    pen.fill(frame, METAL, 0.35)
    _draw_grip(pen, rng, back, rake)
    pen.fill(box(back, -0.27, muzzle, -0.12, radius=0.025), METAL, 0.62)
    pen.fill(box(back + 0.3, -0.245, muzzle, -0.165), METAL, 0.3)
    pen.fill(box(back + 0.36, -0.225, muzzle, -0.19), METAL, 0.35, profile="round")
    port = box(back + 0.38, -0.265, back + 0.53, -0.22)
    pen.cut(port)
    pen.fill(port, METAL, 0.35)
    coil = np.column_stack(
        [np.linspace(back + 0.42, muzzle - 0.06, 33), -0.14 + 0.016 * (-1.0) ** np.arange(33)]
    )
    pen.stroke(coil, 0.008, METAL, 0.4)
    serrations = [np.array([[x, -0.25], [x + 0.01, -0.15]]) for x in back + np.linspace(0.03, 0.16, 7)]
    pen.stroke(serrations, 0.008, METAL, 0.35)
    pen.fill(box(muzzle - 0.06, -0.295, muzzle - 0.02, -0.265), METAL, 0.7)
    pen.fill(box(back + 0.02, -0.295, back + 0.07, -0.265), METAL, 0.7)
    pen.fill(
        [(back - 0.01, -0.2), (back - 0.05, -0.24), (back - 0.03, -0.14), (back + 0.02, -0.12)], METAL, 0.8
    )
    _draw_trigger(pen, back + 0.33, -0.06)


def _draw_grip(pen: Pen, rng: np.random.Generator, back: float, rake: float) -> None:
    """Draw grip panels, the magazine inside them and its cartridges."""
    bottom = 0.36
    grip = [
        (back + 0.05, -0.1),
        (back + 0.28, -0.09),
        (back + 0.27 - rake, 0.15),
        (back + 0.26 - 1.6 * rake, bottom),
        (back + 0.02 - 1.6 * rake, bottom + 0.01),
        (back + 0.04 - 0.6 * rake, 0.1),
    ]
    pen.fill(smooth(grip, closed=True, steps=4), INORGANIC if rng.random() < 0.5 else ORGANIC, 0.45)
    magazine = [
        (back + 0.09, -0.1),
        (back + 0.24, -0.1),
        (back + 0.225 - 1.6 * rake, bottom + 0.03),
        (back + 0.06 - 1.6 * rake, bottom + 0.03),
    ]
    pen.fill(magazine, METAL, 0.3)
    for step in np.linspace(0.02, 0.7, int(rng.integers(4, 9))):
        x, y = back + 0.16 - 1.6 * rake * step, -0.08 + step * (bottom + 0.06)
        pen.at(x, y, angle=-0.1).fill(
            box(-0.065, -0.016, 0.065, 0.016, radius=0.016), METAL, 0.75, profile="round"
        )


def _draw_trigger(pen: Pen, x: float, y: float) -> None:
    curve = [(-0.06, -0.05), (-0.055, 0.08), (0.06, 0.14), (0.15, 0.08), (0.16, -0.05)]
    guard = smooth(moved(curve, by=(x, y)))
    pen.stroke(guard, 0.024, METAL, 0.5)
    trigger = smooth([(x + 0.03, y - 0.02), (x + 0.05, y + 0.03), (x + 0.03, y + 0.09)])
    pen.stroke(trigger, 0.022, METAL, 0.6)


def _draw_revolver(pen: Pen, rng: np.random.Generator) -> None:
    muzzle = rng.uniform(0.35, 0.5)
    pen.fill(box(-0.1, -0.22, muzzle, -0.13, radius=0.01), METAL, 0.65, profile="round")
    pen.fill(box(0.08, -0.12, muzzle - 0.08, -0.08, radius=0.01), METAL, 0.45)
    pen.fill([(muzzle - 0.06, -0.22), (muzzle - 0.01, -0.26), (muzzle - 0.01, -0.22)], METAL, 0.6)
    frame = [
        (-0.3, -0.2),
        (-0.26, -0.24),
        (0.1, -0.24),
        (0.1, -0.03),
        (-0.04, 0.0),
        (-0.24, 0.02),
        (-0.33, -0.08),
    ]
    pen.fill(frame, METAL, 0.3)
    pen.fill(box(-0.17, -0.22, 0.07, -0.03, radius=0.02), METAL, 0.7, profile="round")
    for y in (-0.19, -0.125, -0.06):
        pen.fill(box(-0.16, y - 0.018, 0.06, y + 0.018, radius=0.01), METAL, 0.4)
    grip = [
        (-0.31, -0.16),
        (-0.2, -0.02),
        (-0.26, 0.14),
        (-0.3, 0.33),
        (-0.44, 0.36),
        (-0.5, 0.31),
        (-0.42, 0.1),
    ]
    pen.fill(smooth(grip, closed=True, steps=5), ORGANIC, rng.uniform(0.35, 0.7))
    pen.fill(moved(smooth(grip, closed=True, steps=5), by=(-0.1, 0.02), scale=0.72), METAL, 0.35)
    pen.fill([(-0.31, -0.2), (-0.39, -0.27), (-0.36, -0.17), (-0.31, -0.12)], METAL, 0.7)
    _draw_trigger(pen, -0.1, 0.0)


def draw_knife(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a kitchen knife, a cleaver or a dagger, one unit long, with a handle of another material."""
    joint = rng.uniform(-0.16, 0.0)
    half = rng.uniform(0.045, 0.08)
    kind = rng.choice(["kitchen", "cleaver", "dagger"], p=[0.6, 0.15, 0.25])
    if kind == "kitchen":
        edge = [(0.5, -half * 0.7), (0.38, half * 0.2), (0.2, half * 0.9), (joint, half)]
        blade = [(joint, -half), (0.42, -half), *edge]
    elif kind == "cleaver":
        half *= 2
        blade = [(joint, -half), (0.5, -half), (0.5, half * 0.8), (0.45, half), (joint + 0.02, half)]
    else:
        blade = [(joint, -half * 0.7), (0.3, -half * 0.6), (0.5, 0), (0.3, half * 0.6), (joint, half * 0.7)]
        pen.fill(box(joint - 0.03, -half * 1.9, joint, half * 1.9, radius=0.012), METAL, 0.7)
    depth = rng.uniform(0.28, 0.5)
    pen.fill(blade, METAL, depth, profile="round")
    pen.fill(blade, METAL, depth * 0.5)
    _draw_handle(pen, rng, joint, min(half, 0.07))


def _draw_handle(pen: Pen, rng: np.random.Generator, joint: float, half: float) -> None:
    handle = [
        (joint, -half * 0.8),
        (-0.3, -half * 0.65),
        (-0.48, -half),
        (-0.5, half * 0.9),
        (-0.3, half),
        (joint, half),
    ]
    pen.fill(smooth(handle, closed=True, steps=4), ORGANIC, rng.uniform(0.4, 1.0), profile="round")
    pen.fill(box(-0.44, -half * 0.3, joint + 0.02, half * 0.35), METAL, 0.25)
    for x in np.linspace(-0.42, joint - 0.05, 3):
        pen.fill(ellipse(x, 0, 0.014, 0.014, num_points=12), METAL, 0.6)


def draw_wrench(pen: Pen, rng: np.random.Generator) -> None:
    """Draw a wrench, one unit long: open or adjustable at one end, a ring or a hole at the other."""
    half = rng.uniform(0.028, 0.045)
    depth = rng.uniform(0.7, 1.1)
    head = rng.uniform(0.1, 0.13)
    pen.fill(box(-0.45, -half, 0.4, half, radius=half), METAL, depth)
    pen.stroke(np.array([[-0.3, 0], [0.3, 0]]), half, METAL, -0.3 * depth)
    jaw = pen.at(0.4, 0, angle=rng.uniform(-0.3, 0.3))
    jaw.fill(ellipse(0, 0, head, head), METAL, 0.5 * depth)
    jaw.fill(ellipse(0, 0, head * 0.8, head * 0.8), METAL, 0.3 * depth)
    mouth = head * rng.uniform(0.4, 0.55)
    jaw.cut([(-mouth * 0.4, 0), (0, -mouth), (0.2, -mouth), (0.2, mouth), (0, mouth)])
    if rng.random() < 0.3:
        jaw.fill(box(-head * 1.5, -mouth * 0.5, -head * 0.9, mouth * 1.3, radius=0.01), METAL, 0.4)
        pen.cut(ellipse(-0.4, 0, half * 0.45, half * 0.45, num_points=16))
        return
    ring = head * rng.uniform(0.65, 0.85)
    pen.fill(ellipse(-0.42, 0, ring, ring), METAL, 0.75 * depth)
    pen.cut(ellipse(-0.42, 0, ring * 0.58, ring * 0.58, num_points=12))


def draw_pliers(pen: Pen, rng: np.random.Generator) -> None:
    """Draw pliers, one unit long: two jaws, a joint, and handles with sleeves of plastic."""
    spread = rng.uniform(0.03, 0.16)
    jaw_length, width = rng.uniform(0.16, 0.3), rng.uniform(0.05, 0.065)
    for side in (pen, pen.mirrored()):
        jaw = side.at(0.18, 0, angle=-0.25 * spread)
        jaw.fill(
            [(-0.06, -0.07), (0.03, -0.075), (jaw_length, -0.03), (jaw_length, -0.005), (0, 0.02)], METAL, 0.7
        )
        teeth = np.column_stack([np.linspace(0.08, jaw_length, 14), -0.008 + 0.006 * (-1.0) ** np.arange(14)])
        jaw.stroke(teeth, 0.008, METAL, 0.4)
        handle = smooth(
            [
                (0.18, 0.03),
                (0.06, -0.06),
                (-0.1, -0.07 - spread),
                (-0.32, -0.06 - spread),
                (-0.5, -0.03 - spread),
            ]
        )
        side.stroke(handle, width * 0.65, METAL, 0.65)
        side.stroke(handle[len(handle) // 3 :], width, INORGANIC, 0.35)
    pen.fill(ellipse(0.17, 0, 0.075, 0.07), METAL, 0.5)
    pen.fill(ellipse(0.17, 0, 0.03, 0.03, num_points=16), METAL, 0.6)


def draw_scissors(pen: Pen, rng: np.random.Generator) -> None:
    """Draw scissors, one unit long, open by some angle: two blades on a screw, and two finger rings."""
    opening = rng.uniform(0.03, 0.35)
    pivot = rng.uniform(0.0, 0.12)
    plastic = rng.random() < 0.6
    ring = rng.uniform(0.08, 0.11)
    for side in (pen, pen.mirrored()):
        half = side.at(pivot, 0, angle=-opening / 2)
        tip = 0.5 - pivot
        half.fill(
            [(-0.06, -0.04), (0.02, -0.045), (tip, 0.0), (tip - 0.01, 0.008), (0.0, 0.012)], METAL, 0.45
        )
        half.fill([(-0.02, -0.04), (0.1, -0.036), (tip, 0.0), (0.0, -0.015)], METAL, 0.25)
        shank = smooth([(0.0, -0.015), (-0.1, 0.02), (-0.5 - pivot + 2.2 * ring, 0.055)])
        half.stroke(shank, 0.032, METAL, 0.5)
        loop = half.at(-0.5 - pivot + 1.25 * ring, 0.02 + 0.8 * ring, angle=-0.25)
        around = ellipse(0, 0, 1.25 * ring, 0.85 * ring, num_points=32)
        line = closed(around)
        loop.stroke(line, 0.045 if plastic else 0.03, INORGANIC if plastic else METAL, 0.5)
        if plastic:
            loop.stroke(line, 0.014, METAL, 0.25)
    pen.fill(ellipse(pivot, 0, 0.024, 0.024, num_points=16), METAL, 0.6)


DRAWERS: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "gun": draw_gun,
    "knife": draw_knife,
    "wrench": draw_wrench,
    "pliers": draw_pliers,
    "scissors": draw_scissors,
}
