"""Reader for a plain folder of harmless scans: what is read so when no other layout fits."""

from collections import Counter
from collections.abc import Iterator

from rwsc.errors import SourceError
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.traces import find_trace
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree


def _recognise(tree: SourceTree) -> str | None:
    first = next(tree.walk("", IMAGE_SUFFIXES), None)
    # Where something may annotate the images, nobody can say that they are harmless.
    return None if first is None or find_trace(tree) is not None else first


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
