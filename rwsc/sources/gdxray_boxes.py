"""Box files of GDXray: one per series, a row ``k xmin xmax ymin ymax`` per object, as text or from MATLAB."""

import io
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rwsc.sources.json_fields import is_finite, one_line, shown
from rwsc.sources.schema import BBox

MAX_TXT_BYTES = 4 * 2**20
MAX_MAT_BYTES = 256 * 2**10
"""A box file has some ten kilobytes; packed data can grow a thousandfold."""

_NUM_COLUMNS = 5
_MAX_NUMBER = 10**9
_MAX_ROWS = 100_000
_VARIABLE = "bb"
_NUMERIC = frozenset(
    ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
)


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
        data: The file's bytes, MATLAB's format of version 4 to 7.

    Returns:
        The boxes; corners as stated, possibly swapped.

    Raises:
        DamagedBoxes: The file is too large, of version 7.3 (HDF5) or damaged, or ``bb`` is no table of five
            columns.
    """
    from scipy.io import loadmat, whosmat  # loading it takes a third of a second

    if len(data) > MAX_MAT_BYTES:
        raise DamagedBoxes(f"more than {MAX_MAT_BYTES} bytes")
    if data.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise DamagedBoxes("MATLAB 7.3 (HDF5) is not read; save it with -v7")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Cells nested deeply enough end the process inside scipy, so only plain numbers are unpacked.
            found = [(shape, kind) for name, shape, kind in whosmat(io.BytesIO(data)) if name == _VARIABLE]
            _check_shape(found)
            table = np.asarray(loadmat(io.BytesIO(data), variable_names=[_VARIABLE])[_VARIABLE])
    except DamagedBoxes:
        raise
    except Exception as error:  # noqa: BLE001 - scipy raises whatever damaged bytes lead it to
        raise DamagedBoxes(f"no MATLAB file, or a damaged one: {one_line(error, max_chars=120)}") from None
    if table.ndim != 2 or table.shape[1] != _NUM_COLUMNS or table.dtype.kind not in "fiu":
        raise DamagedBoxes(f"{_VARIABLE!r} is no table of {_NUM_COLUMNS} columns of numbers")
    return _sorted_rows(table.tolist())


def _check_shape(found: list[tuple[tuple[int, ...], str]]) -> None:
    if not found:
        raise DamagedBoxes(f"no variable {_VARIABLE!r}")
    for shape, kind in found:
        if kind not in _NUMERIC or len(shape) != 2 or shape[1] != _NUM_COLUMNS or shape[0] > _MAX_ROWS:
            size = " x ".join(map(str, shape[:4]))
            raise DamagedBoxes(f"{_VARIABLE!r} is {kind} {size}, not {_NUM_COLUMNS} columns of numbers")


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
