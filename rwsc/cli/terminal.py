"""What reaches a terminal drives none: control characters of labels, names and messages are shown as escapes."""

import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

# Besides the control characters proper, those that turn the direction of writing, which make a line read as
# another, and halves of surrogate pairs, which no terminal takes.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAK = re.compile(r"[\t\n]")


def escape_controls() -> None:
    """Show control characters as escapes in all that this process writes to stdout and stderr from now on.

    Text of a command comes from annotation files that anybody may have written, and by many ways: into tables,
    progress and errors, of rwsc and of libraries. What a program reads is not changed by it: JSON holds such
    characters as escapes, and addresses hold none.
    """
    sys.stdout, sys.stderr = _escaping(sys.stdout), _escaping(sys.stderr)


def escaped(text: str) -> str:
    r"""Write control characters as Python does; line breaks and tabs stay.

    Args:
        text: Any text.

    Returns:
        The text without anything that a terminal obeys.

    Example:
        >>> print(escaped("\x1b[31mgun"))
        \x1b[31mgun
    """
    return _CONTROL.sub(_escape, text)


def escaped_line(text: str) -> str:
    """Write line breaks and tabs as escapes too, so that a name cannot add lines to a table."""
    return _BREAK.sub(_escape, escaped(text))


def _escape(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _escaping(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, _Escaping) else cast(TextIO, _Escaping(stream))


class _Escaping:
    """A text stream that writes escapes; in all else the stream it stands before."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(escaped(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)
