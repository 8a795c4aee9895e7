"""Scans whose two energies lie in two files, joined to one scan whatever lists them."""

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from rwsc.errors import StorageError
from rwsc.sources.json_fields import one_line
from rwsc.sources.licences import stricter_of
from rwsc.sources.schema import Kind, Sidecar, SourceObject, SourceScan
from rwsc.storage.embedded import is_embedded
from rwsc.storage.energy_pairs import HALF_SUFFIXES, is_pair, pair_uri

LISTED_AGAIN = "image of one energy listed twice"
"""What is counted where a source lists one file of a scan again; what it says of it is joined with the rest."""

_OTHER = {"low": "high", "high": "low", "le": "he", "he": "le"}
_LOW = ("low", "le")
_KIND_PRIORITY: tuple[Kind, ...] = ("threat", "isolated", "benign")
_OTHER_SIDECAR = "annotation of the other energy"
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

    A scan comes where the first of its files comes, with the objects that either of them is annotated with; what is
    listed between the two waits. A file that is one energy by its name, but whose other energy is not there, is no
    gray scan: it becomes a problem.

    Args:
        scans: Images as a reader lists them.
        exists: Says whether there is a file at an address.
        has_folder: Says whether there is a folder at an address.
        dropped: Counts of what is not used, filled in.

    Yields:
        The images, those of two files under one address.
    """
    waiting: deque[_Place] = deque()
    by_pair: dict[str, _Place] = {}
    for scan in scans:
        half = _half_of_scan(scan)
        other = None if half is None else next(filter(exists, half.others), None)
        if half is None:
            waiting.append(_Place(scan))
        elif other is None:
            is_lone = half.folder_beside is None or has_folder(half.folder_beside)
            waiting.append(_Place(_lone(scan, half) if is_lone and scan.problem is None else scan))
        else:
            _take_half(scan, half, other, waiting, by_pair, dropped)
        while waiting and waiting[0].missing is None:
            yield waiting.popleft().scan
    yield from (place.scan for place in waiting)


@dataclass(slots=True)
class _Place:
    """A place in the listing that is to come."""

    scan: SourceScan
    missing: str | None = None
    """Address of the half that is still to come, None once nothing is waited for."""


def _take_half(
    scan: SourceScan,
    half: Half,
    other: str,
    waiting: deque[_Place],
    by_pair: dict[str, _Place],
    dropped: Counter[str],
) -> None:
    """Put one energy of a scan where the first of the two came."""
    own = str(scan.uri)
    try:
        uri = pair_uri(own, other) if half.is_low else pair_uri(other, own)
    except StorageError as error:
        waiting.append(_Place(replace(scan, problem=scan.problem or one_line(error))))
        return
    place = by_pair.get(uri)
    if place is None:
        # What the source says of the other energy is needed to tell a harmless bag.
        place = by_pair[uri] = _Place(replace(scan, uri=uri, modality="dual_energy"), missing=other)
        waiting.append(place)
        return
    place.scan = _joined(place.scan, scan)
    if place.missing == own:
        place.missing = None
        del by_pair[uri]
    else:
        dropped[LISTED_AGAIN] += 1


def _joined(first: SourceScan, second: SourceScan) -> SourceScan:
    """Join what is said of both energies; where one is damaged, nobody knows what the scan shows."""
    if first.problem or second.problem:
        return replace(first, problem=first.problem or second.problem)
    # Of a half without annotations nothing is known but that the other one has some.
    speaking = [half for half in (first, second) if half.objects or half.sidecar] or [first, second]
    flags = [flag for half in speaking for flag in half.flags]
    if first.split and second.split and first.split != second.split:
        flags.append("in_several_splits")
    either = {
        name: getattr(first, name) or getattr(second, name)
        for name in ("dataset", "scanner_id", "split", "subset", "group", "view")
    }
    return replace(
        first,
        kind=min(first.kind, second.kind, key=_KIND_PRIORITY.index),
        objects=without_doubles(first.objects, second.objects),
        sidecar=_both(first.sidecar, second.sidecar),
        licence=stricter_of(first.licence, second.licence),
        stated_size_wh=first.stated_size_wh if any(first.stated_size_wh) else second.stated_size_wh,
        flags=tuple(dict.fromkeys(flags)),
        **either,
    )


def without_doubles(
    first: tuple[SourceObject, ...], second: tuple[SourceObject, ...]
) -> tuple[SourceObject, ...]:
    """Join the objects of both energies; one that both state alike is one object."""
    seen = set(map(repr, first))
    return (*first, *(thing for thing in second if repr(thing) not in seen))


def sidecars_of(sidecar: Sidecar) -> list[Sidecar]:
    """Give the annotation files of a scan: two where each energy has one.

    Args:
        sidecar: What `join_energies` gave.

    Returns:
        One or two files of one energy each.
    """
    stated = sidecar.options.get(_OTHER_SIDECAR)
    if stated is None:
        return [sidecar]
    options = {name: value for name, value in sidecar.options.items() if name != _OTHER_SIDECAR}
    return [replace(sidecar, options=options), Sidecar(**json.loads(stated))]


def _both(first: Sidecar | None, second: Sidecar | None) -> Sidecar | None:
    if first is None or second is None:
        return first or second
    if second in sidecars_of(first):
        return first
    # Listings hold one file a scan: the other one goes with what its parser must know.
    return replace(first, options=first.options | {_OTHER_SIDECAR: json.dumps(asdict(second))})


def _half_of_scan(scan: SourceScan) -> Half | None:
    if scan.uri is None or is_embedded(scan.uri) or is_pair(scan.uri):
        return None
    return half_of(scan.uri)


def _lone(scan: SourceScan, half: Half) -> SourceScan:
    own, other = ("low", "high") if half.is_low else ("high", "low")
    name = half.others[0].rpartition("/")[2]
    problem = f"by its name it is the {own} energy of a scan, and the {other} one, {name}, is missing"
    return replace(scan, problem=problem)


def _swapped(word: str) -> str:
    """Give the word for the other energy in the same case."""
    other = _OTHER[word.lower()]
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other
