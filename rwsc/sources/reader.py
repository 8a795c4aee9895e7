"""What every reader of a dataset layout offers."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rwsc.sources.schema import SourceScan
from rwsc.sources.tree import SourceTree


@dataclass(frozen=True, slots=True)
class Reader:
    """One layout that rwsc can read."""

    layout: str
    """Its name, as ``--layout`` takes it."""

    recognise: Callable[[SourceTree], str | None]
    """Says by what the layout is recognised (files and folders that are there), or None where it is another.

    Looks at names, and at the first bytes of at most a few files.
    """

    list_scans: Callable[[SourceTree, Counter[str]], Iterator[SourceScan]]
    """Lists the images, one after the other, in an order that depends on the names alone.

    Counts in the counter what belongs to no image, a short reason each, such as ``annotation without an
    image``. Raises SourceError only where nothing at all can be listed; whatever is wrong with one image or
    its annotation becomes a SourceScan with a `problem`, a flag, or a count.
    """
