"""Put fused items into a scan: cut the region around an item, fuse it, write back only what the item covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from rwsc.fusion.channels import match_channels
from rwsc.fusion.engine import Engine, Region
from rwsc.fusion.match import Look, MatchConfig, match_item, measure_look, sample_tiles
from rwsc.physics.transmission import DEFAULT_FLOOR, full_scale, to_transmission
from rwsc.seeds import stream

_MIN_CONTEXT_PX = 8

_Matching: TypeAlias = tuple[Look, MatchConfig]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Insertion:
    """An item as it lies in one bag."""

    transmission_HWC: np.ndarray
    """Transmission of the posed item, float32 in (0, 1]; outside its alpha it does not matter."""

    alpha_HW: np.ndarray
    """Coverage of each pixel by the item, float32 in [0, 1]."""

    x_px: int
    """Column of the item's left edge in the bag."""

    y_px: int
    """Row of the item's top edge in the bag."""

    seed: int = 0
    """Seed of the noise that the item gets when its look is matched to the bag's."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of a scan: rows top..bottom and columns left..right, ends exclusive, in pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices of an (H, W, ...) array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def fuse_in_rounds(
    scans: Sequence[np.ndarray],
    air_levels: Sequence[np.ndarray],
    insertions: Sequence[Sequence[Insertion]],
    engine: Engine,
    *,
    context: float = 0.5,
    match: MatchConfig | None = None,
) -> list[np.ndarray]:
    """Fuse several items into several scans, one item of every scan at a time.

    The n-th round fuses the n-th item of each scan into the result of the round before, so an item that lies
    on another sees it, and an engine can take a whole round as one batch.

    Args:
        scans: Images, uint8 or uint16, (H, W) or (H, W, C).
        air_levels: Air level of each scan, a number per channel.
        insertions: Items of each scan, in the order in which they are fused.
        engine: The way to fuse.
        context: Width of bag shown on each side of the item, as a share of the item's size, to an engine that
            leaves its reach to the user.
        match: How each item's noise and sharpness are matched to its scan's; None leaves items as they are.

    Returns:
        New images of the same shapes and types. Pixels that no item covers equal the scan's exactly.
    """
    results = [scan.copy() for scan in scans]
    matches = [_matching(scan, air, match) for scan, air in zip(scans, air_levels, strict=True)]
    for number in range(max((len(items) for items in insertions), default=0)):
        turn = [index for index, items in enumerate(insertions) if len(items) > number]
        windows = [
            _window(insertions[i][number], results[i].shape[:2], engine.reach_px, context) for i in turn
        ]
        regions = [
            _cut(results[i], air_levels[i], insertions[i][number], window, matches[i])
            for i, window in zip(turn, windows, strict=True)
        ]
        for index, window, region, fused in zip(turn, windows, regions, engine.fuse(regions), strict=True):
            _paste(results[index], air_levels[index], window, region, fused, engine.blend)
    return results


def _window(insertion: Insertion, scan_hw: tuple[int, ...], reach_px: int | None, context: float) -> Window:
    height, width = insertion.alpha_HW.shape
    margin_y, margin_x = (
        max(_MIN_CONTEXT_PX, round(context * side)) if reach_px is None else reach_px
        for side in (height, width)
    )
    return Window(
        top=max(0, insertion.y_px - margin_y),
        left=max(0, insertion.x_px - margin_x),
        bottom=min(scan_hw[0], insertion.y_px + height + margin_y),
        right=min(scan_hw[1], insertion.x_px + width + margin_x),
    )


def _matching(scan: np.ndarray, air_level: np.ndarray, match: MatchConfig | None) -> _Matching | None:
    if match is None:
        return None
    return measure_look(_transmission_HWC(sample_tiles(scan), air_level), match), match


def _transmission_HWC(scan: np.ndarray, air_level: np.ndarray) -> np.ndarray:
    transmission = to_transmission(scan, air_level)
    return transmission[..., None] if transmission.ndim == 2 else transmission


def _cut(
    scan: np.ndarray, air_level: np.ndarray, insertion: Insertion, window: Window, matching: _Matching | None
) -> Region:
    bag_HWC = _transmission_HWC(scan[window.slices], air_level)
    height, width = insertion.alpha_HW.shape
    y, x = insertion.y_px - window.top, insertion.x_px - window.left
    place = slice(y, y + height), slice(x, x + width)
    item_HWC = match_channels(insertion.transmission_HWC, bag_HWC.shape[2])
    if matching is not None:
        look, config = matching
        rng = stream(insertion.seed, "match")
        item_HWC = match_item(
            item_HWC, insertion.alpha_HW, under_HWC=bag_HWC[place], look=look, rng=rng, config=config
        )
    canvas_HWC = np.ones_like(bag_HWC)
    alpha_HW = np.zeros(bag_HWC.shape[:2], dtype=np.float32)
    alpha_HW[place] = insertion.alpha_HW
    canvas_HWC[place] = 1 - insertion.alpha_HW[..., None] * (1 - item_HWC)
    return Region(bag_HWC=bag_HWC, item_HWC=canvas_HWC, alpha_HW=alpha_HW)


def _paste(
    scan: np.ndarray,
    air_level: np.ndarray,
    window: Window,
    region: Region,
    fused_HWC: np.ndarray,
    blend: Literal["support", "alpha"],
) -> None:
    # The change is applied as a ratio to the scan's own grey levels: where nothing changes the ratio is one,
    # and the scan's pixels survive to the bit, also those brighter than the estimated air.
    ratio_HWC = fused_HWC / region.bag_HWC
    if blend == "alpha":
        # The item on its canvas is mixed with air at the rim already: only what the engine adds to the plain
        # product is mixed by coverage, or the rim would count twice and shine.
        item_HWC = np.maximum(region.item_HWC, DEFAULT_FLOOR)
        learned_HWC = ratio_HWC / item_HWC
        ratio_HWC = item_HWC * (1 + region.alpha_HW[..., None] * (learned_HWC - 1))
    part_HWC = scan[window.slices].reshape(ratio_HWC.shape)
    is_brighter_HWC = ratio_HWC > 1
    if is_brighter_HWC.any():
        # No ratio lifts black: light is added as a share of air, to the level that the engine saw. Both ways agree
        # where the scan lies between the floor of transmission and air.
        added_HWC = (ratio_HWC - 1) * region.bag_HWC * np.asarray(air_level, dtype=np.float32)
        grey_HWC = np.where(is_brighter_HWC, part_HWC + added_HWC, ratio_HWC * part_HWC)
    else:
        grey_HWC = np.multiply(ratio_HWC, part_HWC, out=ratio_HWC)
    np.clip(np.rint(grey_HWC, out=grey_HWC), 0, full_scale(scan.dtype), out=grey_HWC)
    np.copyto(part_HWC, grey_HWC, where=region.alpha_HW[..., None] > 0, casting="unsafe")
