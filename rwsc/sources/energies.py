"""Scans whose two energies lie in two files, joined to one scan whatever lists them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from rwsc.sources.schema import SourceObject, SourceScan
from rwsc.storage.embedded import is_embedded
from rwsc.storage.energy_pairs import HALF_SUFFIXES, is_pair, pair_uri

OTHER_ENERGY = "annotation of the other energy of a listed scan"
"""What is counted where both files of a scan are annotated, and differently."""

_OTHER = {"low": "high", "high": "low", "le": "he", "he": "le"}
_LOW = ("low", "le")
_NAME = re.compile(
    rf"(?P<before>.*[_-])(?P<word>{'|'.join(_OTHER)})(?P<after>{'|'.join(map(re.escape, HALF_SUFFIXES))})",
    re.IGNORECASE | re.DOTALL,
)


class Half(NamedTuple):
    """One energy of a scan, by its name."""

    is_low: bool
    others: tuple[str, ...]
    """Addresses where the other energy may lie, the likeliest first."""

    folder_beside: str | None
    """Address of the folder that holds the other energies, where the file's own name says nothing: if there is no
    such folder, the name of its own one means something else."""


def half_of(uri: str) -> Half | None:
    """Tell by its name whether a file is one energy of a scan.

    Known are ``x_low.png`` beside ``x_high.png`` and ``x_le.png`` beside ``x_he.png``, with ``_`` or ``-``, in any
    case; and files of one name in folders named so that lie side by side. Formats that lose values are no halves.

    Args:
        uri: Address of an image.

    Returns:
        Which half it is and where the other may lie; None where the name says nothing.
    """
    if not uri.lower().endswith(HALF_SUFFIXES):
        return None
    folder, _, name = uri.rpartition("/")
    parent, _, folder_word = folder.rpartition("/")
    named = _NAME.fullmatch(name)
    sibling = f"{parent}/{_swapped(folder_word)}" if folder_word.lower() in _OTHER else None
    if named is None and sibling is None:
        return None
    names, word = [name], folder_word
    if named is not None:
        word = named["word"]
        names.insert(0, f"{named['before']}{_swapped(word)}{named['after']}")
    folders = [folder] * (named is not None) + [sibling] * (sibling is not None)
    places = [f"{place}/{other}" for place in folders for other in names]
    return Half(
        is_low=word.lower() in _LOW,
        others=tuple(place for place in places if place != uri),
        folder_beside=sibling if named is None else None,
    )


def join_energies(
    scans: Iterable[SourceScan],
    *,
    exists: Callable[[str], bool],
    has_folder: Callable[[str], bool],
    dropped: Counter[str],
) -> Iterator[SourceScan]:
    """Join the files that are two energies of one scan.

    A scan comes where the first of its files comes. A file that is one energy by its name, but whose other energy is
    not there, is no gray scan: it becomes a problem.

    Args:
        scans: Images as a reader lists them.
        exists: Says whether there is a file at an address.
        has_folder: Says whether there is a folder at an address.
        dropped: Counts of what is not used, filled in.

    Yields:
        The images, those of two files under one address.
    """
    seen: dict[str, tuple[SourceObject, ...]] = {}
    for scan in scans:
        half = _half_of_scan(scan)
        if half is None or scan.uri is None:
            yield scan
            continue
        other = next(filter(exists, half.others), None)
        if other is not None:
            uri = pair_uri(scan.uri, other) if half.is_low else pair_uri(other, scan.uri)
            if uri not in seen:
                seen[uri] = scan.objects
                yield replace(scan, uri=uri, modality="dual_energy")
            elif scan.objects and scan.objects != seen[uri]:
                dropped[OTHER_ENERGY] += len(scan.objects)
        elif half.folder_beside is None or has_folder(half.folder_beside):
            yield replace(scan, problem=_lone(scan.uri, half))
        else:
            yield scan


def _half_of_scan(scan: SourceScan) -> Half | None:
    if scan.uri is None or scan.problem is not None or is_embedded(scan.uri) or is_pair(scan.uri):
        return None
    return half_of(scan.uri)


def _lone(uri: str, half: Half) -> str:
    own, other = ("low", "high") if half.is_low else ("high", "low")
    name = half.others[0].rpartition("/")[2]
    return f"by its name it is the {own} energy of a scan, and the {other} one, {name}, is missing"


def _swapped(word: str) -> str:
    """Give the word for the other energy in the same case."""
    other = _OTHER[word.lower()]
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
