"""Errors of workers as values: Ray Data gives the driver an exception without its cause."""

from collections.abc import Mapping

import numpy as np

import rwsc.errors
from rwsc.errors import RwscError

_COLUMNS = ("error", "message", "remedy")


def error_columns(errors: list[RwscError | None]) -> dict[str, np.ndarray]:
    """Write what became of each row of a batch as columns.

    Args:
        errors: The error of each row, or None where it went well.

    Returns:
        Columns for `raise_carried`.
    """
    rows = [
        ("", "", "") if error is None else (type(error).__name__, error.message, error.remedy)
        for error in errors
    ]
    return {name: np.array([row[place] for row in rows]) for place, name in enumerate(_COLUMNS)}


def raise_carried(batch: Mapping[str, np.ndarray]) -> None:
    """Raise the first error that a batch carries.

    Args:
        batch: Columns that hold those of `error_columns`.

    Raises:
        RwscError: As a worker raised it; of the same class.
    """
    for kind, message, remedy in zip(*(batch[name] for name in _COLUMNS), strict=True):
        if kind:
            raise getattr(rwsc.errors, str(kind), RwscError)(str(message), remedy=str(remedy))
