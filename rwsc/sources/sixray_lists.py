"""SIXray's lists: which images belong to the subsets 10, 100 and 1000, and which of them show items."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rwsc.sources.pairing import LISTED_MISSING
from rwsc.sources.sidecar_text import number_of
from rwsc.sources.splits import read_list, split_in_path
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, stem_of

_SUBSETS = ("10", "100", "1000")
_SPLITS = ("train", "val", "test")
_NO_SPLIT = len(_SPLITS)
_POSITIVE, _CONFLICT, _SEEN = 1 << 4, 1 << 5, 1 << 6


@dataclass(frozen=True, slots=True)
class Membership:
    """What the lists say of one image."""

    subset: str
    """Smallest subset that lists it."""

    split: str | None
    is_positive: bool
    """Whether any list says that it shows an item."""

    has_conflict: bool
    """Whether lists disagree about its split; that of the smallest subset counts, and there test before train."""


class SixrayLists:
    """The lists of a tree, in about 130 bytes an image: a million images are listed."""

    def __init__(self, tree: SourceTree, dropped: Counter[str]) -> None:
        self._codes: dict[str, int] = {}
        for subset in _SUBSETS:
            for key in list_keys(tree, subset):
                self._add(tree, key, subset, dropped)

    def find(self, stem: str) -> Membership | None:
        """Say what the lists say of an image, and note that it is there; None for one that is in no list."""
        code = self._codes.get(stem)
        if code is None:
            return None
        self._codes[stem] = code | _SEEN
        split = (code >> 2) & 3
        return Membership(
            subset=_SUBSETS[code & 3],
            split=_SPLITS[split] if split != _NO_SPLIT else None,
            is_positive=bool(code & _POSITIVE),
            has_conflict=bool(code & _CONFLICT),
        )

    def count_missing(self, dropped: Counter[str]) -> None:
        """Count the listed images that nobody has asked for."""
        num_missing = sum(not code & _SEEN for code in self._codes.values())
        if num_missing:
            dropped[LISTED_MISSING] += num_missing

    def _add(self, tree: SourceTree, key: str, subset: str, dropped: Counter[str]) -> None:
        stated = split_in_path(stem_of(key))
        split = _NO_SPLIT if stated is None else _SPLITS.index(stated)
        fresh = _SUBSETS.index(subset) | split << 2
        for stem, is_positive in _rows(read_list(tree, key, dropped), dropped):
            old = self._codes.get(stem, fresh)
            # Test lists are read first, so the first to name an image is the one that counts.
            differs = _NO_SPLIT not in (split, (old >> 2) & 3) and (old >> 2) & 3 != split
            conflict = _CONFLICT if differs else 0
            self._codes[stem] = old | conflict | (_POSITIVE if is_positive else 0)


def list_keys(tree: SourceTree, subset: str | None = None) -> list[str]:
    """Find SIXray's lists.

    Args:
        tree: The source.
        subset: 10, 100 or 1000; None finds those of all.

    Returns:
        Keys of the CSV files in folders such as ``ImageSet/10`` or ``train_test_10-5``, those of tests first.
    """
    wanted = _SUBSETS if subset is None else (subset,)
    keys = [key for key in tree.walk("", (".csv",)) if _subset_of(key) in wanted]
    return sorted(keys, key=lambda key: (split_in_path(stem_of(key)) != "test", key))


def _subset_of(key: str) -> str | None:
    numbers = re.findall(r"\d+", key.rpartition("/")[0])
    return next((number for number in reversed(numbers) if number in _SUBSETS), None)


def _rows(text: str, dropped: Counter[str]) -> Iterator[tuple[str, bool]]:
    """Give the stem of each row and whether any class is present; more columns than classes do no harm."""
    try:
        for row in csv.reader(io.StringIO(text, newline="")):
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].lower() in ("name", "image", "filename"):
                continue
            numbers = [number_of(cell) for cell in cells[1:] if cell]
            if not cells[0] or None in numbers:
                dropped["unreadable row of a list of images"] += 1
                continue
            name = cells[0].replace("\\", "/")
            stem = stem_of(name) if name.lower().endswith(IMAGE_SUFFIXES) else name.rpartition("/")[2]
            yield stem, any(number is not None and number > 0 for number in numbers)
    except csv.Error:
        dropped["list of images that cannot be read"] += 1
