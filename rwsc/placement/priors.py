"""Where things lie in real bags: learned from annotated boxes, and drawn from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

GRID = 12
"""Rows and columns of the histogram of positions."""

NUM_DIRECTIONS = 12
"""Bins of 15 degrees; a thing without head and tail has a direction of 0 to 180."""

MIN_OF_CLASS = 20
"""Objects of a class from which on it has sizes of its own."""

ANY_CLASS = ""
_QUANTILES = np.linspace(0, 1, 11)
_LARGEST_DECILE = 100
_SMOOTHING_CELLS = 1.0
_EVEN_SHARE = 0.05
_THIN_ASPECT = 3.0

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A real object in a real bag.

    Attributes:
        label: Its class.
        bbox_xywh: Its box.
        bag_xywh: Box of its bag.
        density: Attenuation of the bag around it, in nepers; None where it was not looked at.
        direction_deg: Direction of its longest extent, counter-clockwise from the right, 0 to 180; None where
            no mask shows it.
    """

    label: str
    bbox_xywh: Box
    bag_xywh: Box
    density: float | None = None
    direction_deg: float | None = None


class Priors(BaseModel):
    """What was learned of many objects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rwsc.priors"] = "rwsc.priors"
    version: Literal[1] = 1
    num_objects: int = Field(ge=1, description="Objects that it was learned from.")
    position: list[list[float]] = Field(
        description="Share of objects whose middle lies in each part of the bag's box: rows from the top."
    )
    size: dict[str, list[float]] = Field(
        description="Deciles of the diagonal of an object's box over that of its bag's, by class; '' is any class."
    )
    direction: list[float] = Field(
        default=[], description="Share of objects by direction, bins of 15 degrees; empty: unknown."
    )
    density: list[float] = Field(
        default=[],
        description="Deciles of the bag's attenuation around an object, in nepers; empty: unknown.",
    )

    @field_validator("position")
    @classmethod
    def _check_grid(cls, rows: list[list[float]]) -> list[list[float]]:
        if [len(row) for row in rows] != [GRID] * GRID:
            raise ValueError(f"needs {GRID} rows of {GRID} numbers")
        _check_shares([share for row in rows for share in row])
        return rows

    @field_validator("direction")
    @classmethod
    def _check_direction(cls, shares: list[float]) -> list[float]:
        if shares and len(shares) != NUM_DIRECTIONS:
            raise ValueError(f"needs {NUM_DIRECTIONS} numbers, not {len(shares)}")
        if shares:
            _check_shares(shares)
        return shares

    @field_validator("size")
    @classmethod
    def _check_sizes(cls, sizes: dict[str, list[float]]) -> dict[str, list[float]]:
        if ANY_CLASS not in sizes:
            raise ValueError("lacks '', the sizes of any class")
        for deciles in sizes.values():
            _check_deciles(deciles)
            if not deciles[0] > 0:
                raise ValueError("a size must be above 0")
        return sizes

    @field_validator("density")
    @classmethod
    def _check_density(cls, deciles: list[float]) -> list[float]:
        if deciles:
            _check_deciles(deciles)
        return deciles


def _check_shares(shares: list[float]) -> None:
    if not all(0 <= share <= 1 for share in shares) or not sum(shares):
        raise ValueError("must hold shares from 0 to 1, not all 0")


def _check_deciles(deciles: list[float]) -> None:
    if len(deciles) != len(_QUANTILES) or deciles != sorted(deciles):
        raise ValueError(f"needs {len(_QUANTILES)} deciles in rising order")
    if not all(0 <= value < _LARGEST_DECILE for value in deciles):
        raise ValueError(f"must hold numbers from 0 to {_LARGEST_DECILE}")


def learn_priors(observations: Sequence[Observation]) -> Priors:
    """Learn where objects lie, how large they are beside their bag, how they are turned and on what.

    Positions are smoothed by about a part of the grid, and 5 % of them are spread evenly, so that a few objects
    do not forbid the places where none of them happened to lie. Directions come from masks; without any, from
    the boxes of classes that are thin, with either slope alike, since a box does not tell which.

    Args:
        observations: Objects, one or more.

    Returns:
        The priors.

    Raises:
        ValueError: There are no observations.
    """
    if not observations:
        raise ValueError("there is nothing to learn from: no object lies in a bag")
    densities = [each.density for each in observations if each.density is not None]
    return Priors(
        num_objects=len(observations),
        position=_learn_position(observations).round(6).tolist(),
        size=_learn_sizes(observations),
        direction=_learn_direction(observations),
        density=_deciles(densities) if densities else [],
    )


def position_weights(priors: Priors, height: int, width: int) -> np.ndarray:
    """Spread the positions over a bag's box.

    Args:
        priors: What was learned.
        height: Rows of the box.
        width: Its columns.

    Returns:
        float32 weights, (height, width), relative to each other.
    """
    grid = np.array(priors.position, dtype=np.float32)
    return np.maximum(cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR), 0)


def draw_relative_size(priors: Priors, label: str, share: float) -> float:
    """Draw the diagonal of an object's box over that of its bag's.

    Args:
        priors: What was learned.
        label: Class of the object; one without sizes of its own has those of any class.
        share: A random number in [0, 1).

    Returns:
        A ratio above 0.
    """
    return float(np.interp(share, _QUANTILES, priors.size.get(label, priors.size[ANY_CLASS])))


def draw_direction(priors: Priors, share: float) -> float:
    """Draw a direction.

    Args:
        priors: What was learned, with directions.
        share: A random number in [0, 1).

    Returns:
        Degrees, 0 to 180.
    """
    upto = np.concatenate([[0.0], np.cumsum(priors.direction)])
    edges = np.linspace(0, 180, NUM_DIRECTIONS + 1)
    return float(np.interp(share * upto[-1], upto, edges))


def density_rank(priors: Priors, density: float) -> float:
    """Give the share of objects that lie on less than a density, 0 to 1."""
    return float(np.interp(density, priors.density, _QUANTILES))


def direction_of(mask_HW: np.ndarray) -> tuple[float, float]:
    """Measure how a mask lies.

    Args:
        mask_HW: bool, with at least one true pixel.

    Returns:
        Direction of its longest extent, counter-clockwise from the right, 0 to 180 degrees, and how long it is
        over how broad, 1 or more, from second moments.
    """
    found = cv2.moments(mask_HW.astype(np.uint8), binaryImage=True)
    # A pixel has an extent of its own, without which a line would be endlessly thin.
    xx, yy, xy = (found[name] / found["m00"] for name in ("mu20", "mu02", "mu11"))
    xx, yy = xx + 1 / 12, yy + 1 / 12
    spread = math.hypot(xx - yy, 2 * xy)
    direction = math.degrees(0.5 * math.atan2(-2 * xy, xx - yy)) % 180
    return direction, math.sqrt((xx + yy + spread) / max(xx + yy - spread, 1e-6))


def _learn_position(observations: Sequence[Observation]) -> np.ndarray:
    counts = np.zeros((GRID, GRID))
    for each in observations:
        (x, y, width, height), (bag_x, bag_y, bag_width, bag_height) = each.bbox_xywh, each.bag_xywh
        column = int(GRID * (x + width / 2 - bag_x) / bag_width)
        row = int(GRID * (y + height / 2 - bag_y) / bag_height)
        counts[min(max(row, 0), GRID - 1), min(max(column, 0), GRID - 1)] += 1
    smooth = cv2.GaussianBlur(counts, (0, 0), _SMOOTHING_CELLS, borderType=cv2.BORDER_REFLECT)
    return (1 - _EVEN_SHARE) * smooth / smooth.sum() + _EVEN_SHARE / smooth.size


def _learn_sizes(observations: Sequence[Observation]) -> dict[str, list[float]]:
    ratios: dict[str, list[float]] = {ANY_CLASS: []}
    for each in observations:
        ratio = math.hypot(*each.bbox_xywh[2:]) / math.hypot(*each.bag_xywh[2:])
        ratios[ANY_CLASS].append(ratio)
        ratios.setdefault(each.label, []).append(ratio)
    return {
        label: _deciles(found)
        for label, found in sorted(ratios.items())
        if label == ANY_CLASS or len(found) >= MIN_OF_CLASS
    }


def _learn_direction(observations: Sequence[Observation]) -> list[float]:
    seen = [(each.direction_deg, 1.0) for each in observations if each.direction_deg is not None]
    if not seen:
        seen = [(turn, 0.5) for each in _thin(observations) for turn in _slopes(each.bbox_xywh)]
    if not seen:
        return []
    turns, weights = zip(*seen, strict=True)
    counts, _ = np.histogram(np.array(turns) % 180, bins=NUM_DIRECTIONS, range=(0, 180), weights=weights)
    return ((1 - _EVEN_SHARE) * counts / counts.sum() + _EVEN_SHARE / counts.size).round(6).tolist()


def _thin(observations: Sequence[Observation]) -> list[Observation]:
    """Keep the objects of thin classes: one box of ten is three times as long as broad."""
    aspects: dict[str, list[float]] = {}
    for each in observations:
        sides = sorted(each.bbox_xywh[2:])
        aspects.setdefault(each.label, []).append(sides[1] / sides[0])
    thin = {label for label, found in aspects.items() if np.quantile(found, 0.9) >= _THIN_ASPECT}
    return [each for each in observations if each.label in thin]


def _slopes(bbox_xywh: Box) -> tuple[float, float]:
    slope = math.degrees(math.atan2(bbox_xywh[3], bbox_xywh[2]))
    return slope, 180 - slope


def _deciles(values: Sequence[float]) -> list[float]:
    return np.quantile(values, _QUANTILES).round(6).tolist()
