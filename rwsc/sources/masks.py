"""Masks as COCO writes them (polygons, run lengths, compressed run lengths) to and from pixels."""

import numpy as np
from pycocotools import mask as coco_mask

_MAX_CHARS_PER_RUN = 12
_MAX_OUTLINE = 200
"""Longest outline of a polygon, in sides of the picture; drawing a longer one could take all memory."""


class MaskSizeMismatch(ValueError):  # noqa: N818 - names what is the matter
    """A mask was drawn for a picture of another size."""


def encode_rle(mask_HW: np.ndarray) -> str:
    """Write a mask as COCO compressed run lengths, column by column.

    Args:
        mask_HW: True where the object is.

    Returns:
        The ``counts`` text; the size is known from the picture.
    """
    return str(coco_mask.encode(np.asfortranarray(mask_HW, dtype=np.uint8))["counts"].decode("ascii"))


def decode_rle(counts: str, *, height: int, width: int) -> np.ndarray:
    """Read COCO compressed run lengths.

    Args:
        counts: Text written by `encode_rle` or by any other COCO tool.
        height: Rows of the picture.
        width: Columns of the picture.

    Returns:
        A bool mask, (height, width).

    Raises:
        ValueError: The text is damaged, or its runs do not cover the picture exactly.
    """
    return _from_runs(_uncompress(counts), height, width)


def mask_from_segmentation(segmentation: list | dict, *, height: int, width: int) -> np.ndarray:
    """Draw a COCO segmentation of any of its three forms.

    Args:
        segmentation: Polygons (a list of flat x, y lists), or a mapping with ``size`` and ``counts``.
        height: Rows of the picture.
        width: Columns of the picture.

    Returns:
        A bool mask, (height, width).

    Raises:
        MaskSizeMismatch: Run lengths of another size than the picture's.
        ValueError: Anything that is no segmentation.
    """
    if isinstance(segmentation, dict):
        return _from_rle_object(segmentation, height, width)
    polygons = [_checked_polygon(polygon, max(height, width)) for polygon in segmentation]
    if not polygons:
        raise ValueError("a segmentation without polygons")
    drawn = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return decode_rle(drawn["counts"].decode("ascii"), height=height, width=width)


def _from_rle_object(segmentation: dict, height: int, width: int) -> np.ndarray:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list) or len(size) != 2:
        raise ValueError(f"run lengths without a size: {size!r}")
    if size != [height, width]:
        raise MaskSizeMismatch(f"mask of {size} on a picture of {[height, width]}")
    if isinstance(counts, str):
        return decode_rle(counts, height=height, width=width)
    if not isinstance(counts, list) or not all(type(run) is int for run in counts):
        raise ValueError("run lengths are neither text nor integers")
    return _from_runs(counts, height, width)


def _from_runs(runs: list[int], height: int, width: int) -> np.ndarray:
    # pycocotools trusts runs and writes past the end of its buffer, so they are checked and drawn here.
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"run lengths do not add up to {height} x {width} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def _uncompress(counts: str) -> list[int]:
    """Undo COCO's text form: 5 bits a character, low ones first; later runs are differences to two back."""
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift >= 5 * _MAX_CHARS_PER_RUN:
            raise ValueError(f"damaged compressed run lengths at {character!r}")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("compressed run lengths end inside a number")
    return runs


def _checked_polygon(polygon: object, side_px: int) -> list[float]:
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        raise ValueError("a polygon needs three corners or more, as x, y, x, y, ...")
    if not all(type(value) in (int, float) for value in polygon):
        raise ValueError("a polygon holds something that is no number")
    # Drawing costs time and memory in proportion to the edges' length.
    if not all(abs(value) <= 4 * side_px for value in polygon):
        raise ValueError("a polygon reaches far out of the picture")
    corners = list(zip(polygon[::2], polygon[1::2], strict=True))
    edges = zip(corners, corners[1:] + corners[:1], strict=True)
    if sum(max(abs(x1 - x0), abs(y1 - y0)) for (x0, y0), (x1, y1) in edges) > _MAX_OUTLINE * side_px:
        raise ValueError("a polygon's outline is far longer than any object's")
    return [float(value) for value in polygon]
