"""Typed access to the fields of a JSON file that anybody may have written."""

import json
import math
from typing import Any

from rwsc.errors import SourceError

Json = Any
"""Whatever `json.loads` may give."""

MAX_SHOWN_CHARS = 60
_MAX_DIGITS = 400


def parse_json(data: bytes, uri: str) -> dict[str, Json]:
    """Read a JSON object.

    Args:
        data: The file's bytes, UTF-8 with or without a byte-order mark.
        uri: Where they come from; for the message.

    Returns:
        The object at the top. It may hold NaN and infinity, as many tools write them, and so does a number of
        hundreds of digits become; `is_finite` tells them.

    Raises:
        SourceError: The bytes are no JSON object, or are nested too deeply.
    """
    try:
        # A name in another encoding damages its own record, not the file.
        text = data.decode("utf-8-sig", errors="surrogateescape")
        try:
            document = json.loads(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of more digits than Python takes; the detour costs time
            document = json.loads(text, parse_int=_any_integer)
    except RecursionError:
        raise SourceError(f"{uri} is nested too deeply to be an annotation file") from None
    except ValueError as error:
        raise SourceError(f"{uri} is not JSON: {one_line(error)}") from None
    if not isinstance(document, dict):
        raise SourceError(f"{uri} is not COCO: its top level is {kind_of(document)}, not an object")
    return document


def records_of(document: dict[str, Json], name: str, uri: str) -> list[Json]:
    """Take a list out of a document.

    Args:
        document: What `parse_json` gave.
        name: The list's key; a missing one counts as an empty list.
        uri: For the message.

    Returns:
        The list; what is in it has not been looked at.

    Raises:
        SourceError: The value is no list.
    """
    records = document.get(name, [])
    if not isinstance(records, list):
        raise SourceError(f"{uri} is not COCO: {name!r} is {kind_of(records)}, not a list")
    return records


class Fields:
    """One object of a JSON file, whose fields are checked as they are taken."""

    def __init__(self, record: dict[str, Json], *, where: str) -> None:
        self._record = record
        self._where = where

    def identity(self, name: str) -> str | int:
        """Take an id, a number or a text that must be there.

        Args:
            name: The field.

        Returns:
            The id.

        Raises:
            SourceError: It is missing or of another type.
        """
        value = self._record.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self._mismatch(name, value, "a number or text")
        return self._clean(name, value) if isinstance(value, str) else value

    def text(self, name: str) -> str | None:
        """Take a text; null, nothing, NaN and the empty text are None; a number is written out.

        Args:
            name: The field.

        Returns:
            The text without surrounding space, or None.

        Raises:
            SourceError: It is of another type, or no valid Unicode.
        """
        value = self._record.get(name)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if type(value) not in (int, float, str):
            raise self._mismatch(name, value, "text")
        return self._clean(name, str(value)).strip() or None

    def required_text(self, name: str) -> str:
        """Take a text that must be there and not be empty.

        Args:
            name: The field.

        Returns:
            The text.

        Raises:
            SourceError: There is none.
        """
        value = self._record.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self._mismatch(name, value, "text")
        return self._clean(name, value)

    def number(self, name: str) -> float | None:
        """Take a finite number; null and nothing are None.

        Args:
            name: The field.

        Returns:
            The number or None.

        Raises:
            SourceError: It is something else.
        """
        value = self._record.get(name)
        if value is None:
            return None
        if not is_finite(value):
            raise self._mismatch(name, value, "a finite number")
        return float(value)

    def numbers(self, name: str, count: int) -> tuple[float, ...] | None:
        """Take a list of finite numbers; null, nothing and an empty list are None.

        Args:
            name: The field.
            count: How many there must be.

        Returns:
            The numbers or None.

        Raises:
            SourceError: It is something else.
        """
        value = self._record.get(name)
        if value is None or value == []:
            return None
        if not isinstance(value, list) or len(value) != count or not all(map(is_finite, value)):
            raise self._mismatch(name, value, f"{count} finite numbers")
        return tuple(map(float, value))

    def raw(self, name: str) -> Json:
        """Take a field as it is; None where it is missing."""
        return self._record.get(name)

    def _clean(self, name: str, text: str) -> str:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise self._mismatch(name, text, "valid Unicode") from None
        return text

    def _mismatch(self, name: str, value: Json, wanted: str) -> SourceError:
        return SourceError(f"{self._where}: {name!r} should be {wanted}, not {shown(value)}")


def is_finite(value: Json) -> bool:
    """Say whether a value is a number that arithmetic can take (below 2**53); true and false are none."""
    return type(value) in (int, float) and abs(value) < 2**53


def kind_of(value: Json) -> str:
    """Name the JSON type of a value, for messages."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def shown(value: Json) -> str:
    """Quote a value in a message, shortened and in ASCII."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):
        text = kind_of(value)  # integers of more digits than Python writes out, or deep nesting
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 3] + "..."


def one_line(error: object, *, max_chars: int = 300) -> str:
    """Give an error's text on one line."""
    return " ".join(str(error).split())[:max_chars]


def _any_integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _MAX_DIGITS else float(digits)
