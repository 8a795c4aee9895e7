"""Outlines that phantoms are drawn with: points in a plane, x to the right and y downwards."""

from collections.abc import Sequence

import numpy as np

Points = Sequence[Sequence[float]] | np.ndarray


def ellipse(x: float, y: float, radius_x: float, radius_y: float, *, num_points: int = 28) -> np.ndarray:
    """Give points around an ellipse, (N, 2)."""
    angle = np.linspace(0, 2 * np.pi, num_points, endpoint=False)
    return np.column_stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)])


def box(left: float, top: float, right: float, bottom: float, *, radius: float = 0.0) -> np.ndarray:
    """Give points around a rectangle whose corners are rounded, (N, 2)."""
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    if radius <= 0:
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    quarter = np.linspace(0, np.pi / 2, 6)
    corner = radius * np.column_stack([np.cos(quarter), np.sin(quarter)])
    # One quarter of a circle, mirrored into each corner in turn.
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    centres = np.array([[right - radius, bottom - radius], [left + radius, bottom - radius]])
    centres = np.vstack([centres, [[left + radius, top + radius], [right - radius, top + radius]]])
    arcs = [corner, corner[::-1], corner, corner[::-1]]
    return np.vstack([arc * sign + centre for arc, sign, centre in zip(arcs, signs, centres, strict=True)])


def smooth(points: Points, *, closed: bool = False, steps: int = 8) -> np.ndarray:
    """Give a smooth curve through the points (Catmull-Rom), (N, 2)."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        knots = np.vstack([knots[-1], knots, knots[:2]])
    else:
        knots = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    before, start, end, after = knots[:-3], knots[1:-2], knots[2:-1], knots[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, 2)
    return curve if closed else np.vstack([curve, end[-1:]])


def dashes(points: Points, *, num_dashes: int, share: float = 0.5) -> list[np.ndarray]:
    """Cut a line into dashes that cover a share of its length, each of 2 points."""
    line = np.asarray(points, dtype=np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    starts = np.arange(num_dashes) * along[-1] / num_dashes
    ends = starts + share * along[-1] / num_dashes
    both = [
        np.column_stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)]) for at in (starts, ends)
    ]
    return list(np.stack(both, axis=1))


def moved(points: Points, *, by: tuple[float, float] = (0.0, 0.0), scale: float = 1.0) -> np.ndarray:
    """Scale points about the origin, then move them."""
    return np.asarray(points, dtype=np.float64) * scale + np.asarray(by)


def closed(points: np.ndarray) -> np.ndarray:
    """Give a line that ends where it begins."""
    return np.vstack([points, points[:1]])
