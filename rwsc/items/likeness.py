"""Which cut-outs show one physical thing: what the source says of it, and how alike the pictures are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MIN_LIKENESS = 0.80
"""Likeness of two pictures of about one size from which they count as one thing.

Measured on 147 real items: none of 6,304 pairs of two classes and none of 528 pairs of one class from two datasets
reached it; 85 % of copies did that were turned, mirrored, resized by up to a fifth, cut along a rim up to 3 px
off, and left with rests of another bag. A perceptual hash of 64 bits finds 78 % of these copies at 2 % of false
pairs."""

MAX_SIZE_RATIO = 1.2
"""Most by which the sizes of two such pictures differ. A scanner enlarges what lies near its source: pictures
of one pistol in two sessions differed by up to 1.19, and alike ones that differed by more were of two things."""

COPY_LIKENESS = 0.93
"""Likeness from which size does not matter: the same picture, resized."""

_SIDE = 24
_REACH = 1.8
_MAX_STRETCH_LOG = 0.35
_SMOOTH = 0.6
_BLOCK_ROWS = 512
_BLOCK_COLUMNS = 4096
_MAX_LINKS_HELD = 1_000_000
_FLIPS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Signature:
    """An item's picture in a frame of its own, under a kilobyte: upright, centred, as wide as high."""

    picture: np.ndarray
    """Attenuation less its mean, int8 in [-127, 127], flat."""

    cover: np.ndarray
    """Whether the item covers a place, as packed bits."""

    size_px: float
    """Radius of gyration of its coverage."""

    stretch_log: float
    """Logarithm of length over width, both as standard deviations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An item about which it is asked which thing it shows."""

    item_id: str
    label: str
    prior: str | None
    """Name of what the source photographed together, for example its dataset and group; None where it does
    not say."""

    is_stated: bool = False
    """Whether `prior` names one thing, so that items of two such names are two things, however alike."""

    signature: Signature | None = None
    """None leaves the item to what the source says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlikePair:
    """Two items whose pictures are alike."""

    first: int
    second: int
    """Positions in the sequence that was compared, the smaller first."""

    likeness: float


def signature_of(transmission_HWC: np.ndarray, alpha_HW: np.ndarray) -> Signature | None:
    r"""Describe an item so that turned, mirrored and resized pictures of one thing have like descriptions.

    The frame comes from the coverage's second moments: its centre, its main axis laid along x, and both axes
    scaled to equal spread, so that a knife fills it as a pistol does. What is nearly round has no main axis;
    two pictures of such a thing are found alike only where they lie alike.

    Args:
        transmission_HWC: The item's own transmission.
        alpha_HW: Its coverage.

    Returns:
        The description; None where less than a few pixels are covered.
    """
    cover_HW = (alpha_HW >= 0.5).astype(np.float32)
    moments = cv2.moments(cover_HW)
    area_px = moments["m00"]
    if area_px < _SIDE:
        return None
    spread_22 = np.array([[moments["mu20"], moments["mu11"]], [moments["mu11"], moments["mu02"]]]) / area_px
    # A twelfth is what a pixel itself spreads, and keeps a line of pixels from having no width.
    variances_2, axes_22 = np.linalg.eigh(spread_22 + np.eye(2) / 12)
    width_px, length_px = np.sqrt(variances_2)
    long_2 = axes_22[:, 1]
    across_2 = np.array([-long_2[1], long_2[0]])
    half_px = _SIDE / (2 * _REACH)
    turn_22 = np.stack([long_2 * (half_px / length_px), across_2 * (half_px / width_px)])
    centre_2 = np.array([moments["m10"], moments["m01"]]) / area_px
    shift_2 = (_SIDE - 1) / 2 - turn_22 @ centre_2
    to_frame_23 = np.column_stack([turn_22, shift_2])
    attenuation_HW = -np.log(transmission_HWC).mean(axis=2) * alpha_HW
    seen_SS = _into_frame(attenuation_HW.astype(np.float32), to_frame_23, length_px)
    covered_SS = _into_frame(alpha_HW.astype(np.float32), to_frame_23, length_px) >= 0.5
    return Signature(
        picture=_levels(seen_SS - seen_SS.mean()),
        cover=np.packbits(covered_SS),
        size_px=float(np.hypot(width_px, length_px)),
        stretch_log=float(np.log(length_px / width_px)),
    )


def find_alike(signatures: Sequence[Signature]) -> Iterator[AlikePair]:
    """Find all pairs that may show one thing.

    Every picture is held against every other: 10,000 take some 40 seconds on two busy cores, 30,000 some six
    minutes, and each of them a kilobyte. Sums are of whole numbers, so the outcome depends on no order of adding.

    Args:
        signatures: Items of one class.

    Yields:
        Pairs in the order of their positions.
    """
    for rows, columns, likeness_NM in _blocks(signatures):
        found = _is_alike(signatures, rows, columns, likeness_NM) & _above_diagonal(rows, columns)
        for row, column in np.argwhere(found):
            first, second = rows.start + int(row), columns.start + int(column)
            yield AlikePair(first=first, second=second, likeness=float(likeness_NM[row, column]))


def closest_apart(
    signatures: Sequence[Signature], sides: Sequence[str], is_stated: Sequence[bool]
) -> AlikePair | None:
    """Find the two most alike items that lie on different sides and could be one thing, by size and source.

    Args:
        signatures: Items of one class.
        sides: Side of each.
        is_stated: Whether the source names the thing; two such items are passed over, as they are two things.

    Returns:
        The pair; None where there is none.
    """
    best: AlikePair | None = None
    numbers = {side: number for number, side in enumerate(dict.fromkeys(sides))}
    sides_N, stated_N = np.array([numbers[side] for side in sides]), np.array(is_stated, dtype=bool)
    for rows, columns, likeness_NM in _blocks(signatures):
        apart_NM = np.not_equal.outer(sides_N[rows], sides_N[columns]) & _above_diagonal(rows, columns)
        apart_NM &= ~np.logical_and.outer(stated_N[rows], stated_N[columns])
        apart_NM &= _same_size(signatures, rows, columns) | (likeness_NM >= COPY_LIKENESS)
        if not apart_NM.any():
            continue
        masked_NM = np.where(apart_NM, likeness_NM, -np.inf)
        row, column = np.unravel_index(int(masked_NM.argmax()), masked_NM.shape)
        likeness = float(masked_NM[row, column])
        if best is None or likeness > best.likeness:
            best = AlikePair(
                first=rows.start + int(row), second=columns.start + int(column), likeness=likeness
            )
    return best


def physical_ids(members: Sequence[Member]) -> dict[str, str]:
    """Name the physical thing that each item shows.

    Items of one class and one prior are one thing, which may join different things: that errs on the safe
    side for splits. Beyond priors, alike pictures are one thing, unless the source states that they are two.

    Args:
        members: The items; ids may repeat.

    Returns:
        For every item id, the smallest id among the items that show the same thing, whatever their order.
    """
    by_id: dict[str, Member] = {}
    for member in members:
        if member.item_id not in by_id or by_id[member.item_id].signature is None:
            by_id[member.item_id] = member
    ordered = [by_id[item_id] for item_id in sorted(by_id)]
    first_of_prior: dict[tuple[str, str], int] = {}
    links = []
    for number, member in enumerate(ordered):
        if member.prior is not None:
            links.append((first_of_prior.setdefault((member.label, member.prior), number), number))
    links += _alike_links(ordered)
    return {
        member.item_id: ordered[first].item_id
        for member, first in zip(ordered, join_linked(len(ordered), links), strict=True)
    }


def join_linked(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Give for each of some things the first of those it is linked with, directly or through others.

    Args:
        count: Number of things.
        links: Pairs of positions.

    Returns:
        A position per thing.
    """
    if not count:
        return []
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(ends.shape[1], dtype=np.int8), (ends[0], ends[1])), shape=(count, count))
    _, parts_N = connected_components(graph, directed=False)
    _, firsts, inverse = np.unique(parts_N, return_index=True, return_inverse=True)
    return [int(first) for first in firsts[inverse]]


def _alike_links(ordered: list[Member]) -> list[tuple[int, int]]:
    by_label: dict[str, list[int]] = {}
    for number, member in enumerate(ordered):
        if member.signature is not None:
            by_label.setdefault(member.label, []).append(number)
    links = []
    for numbers in by_label.values():
        signatures = [signature for number in numbers if (signature := ordered[number].signature) is not None]
        for pair in find_alike(signatures):
            first, second = numbers[pair.first], numbers[pair.second]
            if not (ordered[first].is_stated and ordered[second].is_stated):
                links.append((first, second))
            if len(links) > _MAX_LINKS_HELD:
                links = _shortened(len(ordered), links)
    return links


def _shortened(count: int, links: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Say the same with fewer links than there are things: many copies of one thing are alike in pairs."""
    firsts = join_linked(count, links)
    return [(first, number) for number, first in enumerate(firsts) if first != number]


def _into_frame(values_HW: np.ndarray, to_frame_23: np.ndarray, length_px: float) -> np.ndarray:
    shrink = max(1.0, 2 * _REACH * length_px / _SIDE)
    smooth_HW = cv2.GaussianBlur(values_HW, (0, 0), _SMOOTH * shrink, borderType=cv2.BORDER_CONSTANT)
    return cv2.warpAffine(smooth_HW, to_frame_23, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)


def _levels(values_SS: np.ndarray) -> np.ndarray:
    largest = float(np.abs(values_SS).max())
    return np.rint(values_SS.ravel() * (127 / largest if largest else 0)).astype(np.int8)


def _blocks(signatures: Sequence[Signature]) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Give the likeness of all pairs, a block at a time, those below the diagonal left out."""
    count = len(signatures)
    for top in range(0, count, _BLOCK_ROWS):
        rows = slice(top, min(count, top + _BLOCK_ROWS))
        for left in range(top, count, _BLOCK_COLUMNS):
            columns = slice(left, min(count, left + _BLOCK_COLUMNS))
            yield rows, columns, _likeness(signatures[rows], signatures[columns])


def _likeness(first: Sequence[Signature], second: Sequence[Signature]) -> np.ndarray:
    """Give the smaller of the overlap of coverages and the correlation of pictures, the best way round."""
    pictures_NK, covers_NK = _stacked(first)
    pictures_MK, covers_MK = _stacked(second)
    norms_NM = np.sqrt(np.outer((pictures_NK**2).sum(axis=1), (pictures_MK**2).sum(axis=1)))
    areas_NM = np.add.outer(covers_NK.sum(axis=1), covers_MK.sum(axis=1))
    best_NM = np.full(norms_NM.shape, -1.0, dtype=np.float32)
    for down, right in _FLIPS:
        # All sums stay below 2**24, so that float32 adds whole numbers exactly, in any order.
        product_NM = _flipped(pictures_NK, down, right) @ pictures_MK.T
        shared_NM = _flipped(covers_NK, down, right) @ covers_MK.T
        likeness_NM = np.minimum(
            product_NM / np.maximum(norms_NM, 1), shared_NM / np.maximum(areas_NM - shared_NM, 1)
        )
        np.maximum(best_NM, likeness_NM, out=best_NM)
    return best_NM


def _stacked(signatures: Sequence[Signature]) -> tuple[np.ndarray, np.ndarray]:
    pictures_NK = np.stack([signature.picture for signature in signatures]).astype(np.float32)
    covers_NB = np.stack([signature.cover for signature in signatures])
    return pictures_NK, np.unpackbits(covers_NB, axis=1, count=_SIDE**2).astype(np.float32)


def _flipped(values_NK: np.ndarray, down: int, right: int) -> np.ndarray:
    return values_NK.reshape(-1, _SIDE, _SIDE)[:, ::down, ::right].reshape(len(values_NK), -1)


def _is_alike(
    signatures: Sequence[Signature], rows: slice, columns: slice, likeness_NM: np.ndarray
) -> np.ndarray:
    same_size_NM = _same_size(signatures, rows, columns)
    return (likeness_NM >= COPY_LIKENESS) | (same_size_NM & (likeness_NM >= MIN_LIKENESS))


def _same_size(signatures: Sequence[Signature], rows: slice, columns: slice) -> np.ndarray:
    sizes_N, stretches_N = _measures(signatures[rows])
    sizes_M, stretches_M = _measures(signatures[columns])
    same_size_NM = np.abs(np.subtract.outer(sizes_N, sizes_M)) <= np.log(MAX_SIZE_RATIO)
    return same_size_NM & (np.abs(np.subtract.outer(stretches_N, stretches_M)) <= _MAX_STRETCH_LOG)


def _measures(signatures: Sequence[Signature]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.log([signature.size_px for signature in signatures]),
        np.array([signature.stretch_log for signature in signatures]),
    )


def _above_diagonal(rows: slice, columns: slice) -> np.ndarray:
    return np.arange(rows.start, rows.stop)[:, None] < np.arange(columns.start, columns.stop)[None]
