"""Reader for a plain folder of harmless scans: what is read so when no other layout fits."""

import posixpath
from collections import Counter
from collections.abc import Iterator

from rwsc.errors import SourceError
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, join, stem_of

_ANNOTATION_SUFFIXES = (".xml", ".json", ".txt", ".mat")


def _recognise(tree: SourceTree) -> str | None:
    first = None
    for folder in dict.fromkeys(posixpath.dirname(key) for key in tree.walk("", IMAGE_SUFFIXES)):
        # Images with files of the same names beside them are annotated in a way that nobody knows here.
        if _names_in_common(tree, folder):
            return None
        first = first or join(folder, tree.images(folder)[0])
    return first


def _names_in_common(tree: SourceTree, folder: str) -> bool:
    others = tree.files(folder, _ANNOTATION_SUFFIXES)
    return bool(others) and not {stem_of(name) for name in others}.isdisjoint(
        map(stem_of, tree.images(folder))
    )


def _list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    scans = (_listed(tree, key) for key in tree.walk("", IMAGE_SUFFIXES))
    first = next(scans, None)
    if first is None:
        raise SourceError(
            f"no images below {tree.root.uri}",
            remedy=f"images end in {', '.join(IMAGE_SUFFIXES)}; check the path",
        )
    return _chained(first, scans)


def _chained(first: SourceScan, others: Iterator[SourceScan]) -> Iterator[SourceScan]:
    yield first
    yield from others


def _listed(tree: SourceTree, key: str) -> SourceScan:
    uri = tree.uri_of(key)
    problem = f"the name {key!r} cannot be an address" if uri is None else None
    return SourceScan(uri=uri, kind="benign", problem=problem)


READER = Reader(layout="folder", recognise=_recognise, list_scans=_list_scans)
