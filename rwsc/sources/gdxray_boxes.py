"""Box files of GDXray: one per series, a row ``k xmin xmax ymin ymax`` per object, as text or from MATLAB."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rwsc.sources.json_fields import is_finite, one_line, shown
from rwsc.sources.mat_file import DamagedMat, read_matrix
from rwsc.sources.schema import BBox

MAX_TXT_BYTES = 4 * 2**20
MAX_MAT_BYTES = 256 * 2**10
"""A box file has some ten kilobytes; packed data can grow a thousandfold."""

_NUM_COLUMNS = 5
_MAX_NUMBER = 10**9
_VARIABLE = "bb"


class DamagedBoxes(ValueError):  # noqa: N818 - names what is the matter
    """A box file holds no boxes; the message says why, on one line."""


@dataclass(frozen=True, slots=True)
class SeriesBoxes:
    """The boxes of one series, by the number in the image's name."""

    by_number: dict[int, list[BBox]] = field(default_factory=lambda: defaultdict(list))
    damaged: dict[int, str] = field(default_factory=dict)
    """What is wrong with a row, by the number of its image."""

    num_lost: int = 0
    """Damaged rows that name no image."""


def parse_txt(data: bytes) -> SeriesBoxes:
    """Read ``ground_truth.txt``.

    Args:
        data: The file's bytes: numbers between spaces, tabs or commas, a row per line; ``#`` and ``%`` begin
            remarks.

    Returns:
        The boxes; corners as stated, possibly swapped.

    Raises:
        DamagedBoxes: The file is too large or no text, or not one line of it holds five numbers.
    """
    if len(data) > MAX_TXT_BYTES:
        raise DamagedBoxes(f"more than {MAX_TXT_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DamagedBoxes(f"no text: {one_line(error)}") from None
    lines = (re.split("[#%]", line, maxsplit=1)[0] for line in re.split(r"[\r\n]+", text))
    return _sorted_rows([re.split(r"[\s,;]+", line.strip()) for line in lines if line.strip()])


def parse_mat(data: bytes) -> SeriesBoxes:
    """Read the variable ``bb`` of ``BoundingBox.mat``.

    Args:
        data: The file's bytes, MATLAB's format of version 5 to 7.

    Returns:
        The boxes; corners as stated, possibly swapped.

    Raises:
        DamagedBoxes: The file is too large, of version 7.3 (HDF5) or damaged, or ``bb`` is no table of five
            columns.
    """
    if len(data) > MAX_MAT_BYTES:
        raise DamagedBoxes(f"more than {MAX_MAT_BYTES} bytes")
    try:
        table = read_matrix(data, _VARIABLE)
    except DamagedMat as error:
        raise DamagedBoxes(str(error)) from None
    if table.shape[1] != _NUM_COLUMNS:
        raise DamagedBoxes(f"{_VARIABLE!r} has {table.shape[1]} columns, not {_NUM_COLUMNS}")
    return _sorted_rows(table.tolist())


def _sorted_rows(rows: Iterable[Sequence[str | float]]) -> SeriesBoxes:
    boxes: dict[int, list[BBox]] = defaultdict(list)
    damaged: dict[int, str] = {}
    num_lost = 0
    for place, row in enumerate(rows, start=1):
        values = [_number(value) for value in row]
        k = values[0] if values else None
        if k is None or not k.is_integer() or not 0 <= k < _MAX_NUMBER:
            num_lost += 1
        elif len(values) != _NUM_COLUMNS or None in values:
            damaged.setdefault(int(k), f"row {place} is {shown(' '.join(map(str, row[:9])))}")
        else:
            _, xmin, xmax, ymin, ymax = (float(value or 0) for value in values)
            boxes[int(k)].append((xmin, ymin, xmax - xmin, ymax - ymin))
    if not boxes and not damaged:
        raise DamagedBoxes("no row holds an image's number and a box")
    return SeriesBoxes(boxes, damaged, num_lost)


def _number(value: str | float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if is_finite(number) else None
