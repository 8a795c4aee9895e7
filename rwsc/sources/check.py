"""Look a source over without reading its pixels: what it is, what it lacks, what is odd about it."""

from collections import Counter
from collections.abc import Iterator

from rwsc.sources.index import name_of_source
from rwsc.sources.layout import recognise
from rwsc.sources.look import look_at
from rwsc.sources.parallel import DEFAULT_WORKERS, map_in_order
from rwsc.sources.schema import SourceScan
from rwsc.sources.survey import SourceReport, Survey
from rwsc.sources.taxonomy import Taxonomy, load_taxonomy

NUM_HEADERS = 200
"""Images whose headers are read at least, where there are so many; at most twice as many are kept."""


def check_source(
    path: str,
    *,
    layout: str | None = None,
    dataset: str | None = None,
    taxonomy: Taxonomy | None = None,
    max_workers: int = DEFAULT_WORKERS,
    num_headers: int = NUM_HEADERS,
) -> SourceReport:
    """Look a source over: all its annotations, and the headers of an even sample of its images.

    Args:
        path: See `rwsc.sources.index.index_source`.
        layout: See there.
        dataset: See there.
        taxonomy: See there.
        max_workers: Threads that read.
        num_headers: Images whose headers are read at least.

    Returns:
        What was found; whatever is wrong with single files is counted in it.

    Raises:
        SourceError: No layout is recognised, or nothing at all can be listed.
        StorageError: There is nothing at the address, or the bucket is down.
    """
    source, dropped = recognise(path, layout), Counter[str]()
    name = dataset or name_of_source(path)
    survey = Survey(source, name, load_taxonomy() if taxonomy is None else taxonomy)
    sample = _EvenSample(num_headers)
    looks = map_in_order(
        lambda chosen: look_at(*chosen, source),
        sample.choose(source.list_scans(dropped)),
        max_workers=max_workers,
    )
    for look in looks:
        survey.add(look)
    return survey.finish(dropped, header_stride=sample.stride)


class _EvenSample:
    """Chooses an even sample of a stream whose length nobody knows: every n-th, n doubling as it grows."""

    def __init__(self, least: int) -> None:
        self._most = 2 * least
        self.stride = 1

    def choose(self, scans: Iterator[SourceScan]) -> Iterator[tuple[SourceScan, int, bool]]:
        for number, scan in enumerate(scans):
            if number >= self._most * self.stride:
                self.stride *= 2
            yield scan, number, number % self.stride == 0
