"""What an annotation file of one image states, and how its parsers report damage."""

from collections.abc import Callable
from dataclasses import dataclass

from rwsc.sources.schema import SourceObject


class DamagedAnnotation(ValueError):  # noqa: N818 - names what is the matter
    """An annotation file does not hold what its form asks for; the message says what, on one line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """What an annotation file states about its image."""

    objects: tuple[SourceObject, ...] = ()
    stated_size_wh: tuple[float | None, float | None] = (None, None)
    flags: tuple[str, ...] = ()
    """Remarks about the scan, such as ``unknown_class``."""


SidecarParser = Callable[[bytes, tuple[int, int], dict[str, str]], Annotation]
"""Reads (bytes of the file, (width, height) of the image, options of the `Sidecar`).

Raises DamagedAnnotation and nothing else, whatever the bytes.
"""
