"""Index a source: every image it lists becomes exactly one row of the catalogue."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from rwsc.sources.catalogue import refuse_existing, write_catalogue
from rwsc.sources.examine import Defaults, examine
from rwsc.sources.layout import open_source
from rwsc.sources.licences import classify
from rwsc.sources.parallel import DEFAULT_WORKERS, map_in_order
from rwsc.sources.repeats import KeptScan, choose_kept, set_aside
from rwsc.sources.schema import Scan, SourceScan
from rwsc.sources.taxonomy import Taxonomy, load_taxonomy
from rwsc.storage.images import DEFAULT_LIMITS, ImageLimits
from rwsc.storage.prefix import absolute_uri

_MAX_PROBLEMS = 20


@dataclass(kw_only=True)
class IndexSummary:
    """What an index run found."""

    num_rows: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    """Rows per status."""

    by_kind: Counter[str] = field(default_factory=Counter)
    """Usable scans per kind."""

    by_modality: Counter[str] = field(default_factory=Counter)
    """Usable scans per modality: colour, gray, dual_energy."""

    by_class: Counter[str] = field(default_factory=Counter)
    """Objects of usable scans per class, those outside their picture left out."""

    masks_by_class: Counter[str] = field(default_factory=Counter)
    """The same, objects with a mask only."""

    by_flag: Counter[str] = field(default_factory=Counter)
    """Flags of usable scans and of their objects."""

    by_licence: Counter[str] = field(default_factory=Counter)
    """Usable scans per rank of licence."""

    by_split: Counter[str] = field(default_factory=Counter)
    """Usable scans per split; ``none`` where none is stated."""

    unknown_classes: Counter[str] = field(default_factory=Counter)
    """Objects of usable scans whose class name is not in the taxonomy, which keep it."""

    dropped: Counter[str] = field(default_factory=Counter)
    """What the source holds that belongs to no image, by reason."""

    problems: list[str] = field(default_factory=list)
    """The first few rows that are not usable, with their reasons."""

    def add(self, scan: Scan, taxonomy: Taxonomy) -> None:
        """Count one row.

        Args:
            scan: The row.
            taxonomy: The vocabulary that its labels were taken from.
        """
        self.num_rows += 1
        self.by_status[scan.status] += 1
        if scan.status != "ok":
            if len(self.problems) < _MAX_PROBLEMS:
                self.problems.append(f"{scan.uri or 'no address'}: {scan.reason}")
            return
        usable = [thing for thing in scan.objects if thing.is_usable]
        self.by_kind[scan.kind] += 1
        self.by_modality[str(scan.modality)] += 1
        self.by_split[scan.split or "none"] += 1
        self.by_licence[classify(scan.licence).name.lower()] += 1
        self.by_class.update(thing.label for thing in usable)
        self.masks_by_class.update(thing.label for thing in usable if thing.mask_rle)
        self.unknown_classes.update(
            thing.label for thing in usable if taxonomy.is_unknown(thing.source_label or "", scan.dataset)
        )
        self.by_flag.update([*scan.flags, *(flag for thing in scan.objects for flag in thing.flags)])

    def to_dict(self) -> dict[str, Any]:
        """Give the counts as plain values, ready for JSON."""
        counts = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in counts.items()}


class ScanStream(Iterator[Scan]):
    """Rows of an index run in the source's order; `summary` is complete once the last one was taken."""

    def __init__(self, scans: Iterator[Scan], summary: IndexSummary, taxonomy: Taxonomy) -> None:
        self._scans = scans
        self._taxonomy = taxonomy
        self.summary = summary

    def __next__(self) -> Scan:
        scan = next(self._scans)
        self.summary.add(scan, self._taxonomy)
        return scan


def index_source(
    path: str,
    *,
    layout: str | None = None,
    dataset: str | None = None,
    licence: str | None = None,
    taxonomy: Taxonomy | None = None,
    max_workers: int = DEFAULT_WORKERS,
    limits: ImageLimits = DEFAULT_LIMITS,
) -> ScanStream:
    """Read a source's annotations and every image once, and give a row per listed image.

    Args:
        path: Folder, COCO JSON or Parquet file, local or s3://.
        layout: Take the source for this layout; None recognises it.
        dataset: Name of the dataset where images state none; None takes the folder's name.
        licence: Licence the user vouches for; where an image states one as well, the stricter is kept.
        taxonomy: Vocabulary of the labels; None takes the package's.
        max_workers: Threads that read images. The rows do not depend on it.
        limits: Largest image that is decoded; a larger one is a failed row.

    Returns:
        The rows with their `IndexSummary`. All images are looked at before the first row is given: a later one may
        be the same picture with its objects.

    Raises:
        SourceError: The annotations cannot be used as they are.
    """
    summary = IndexSummary()
    listed = open_source(path, layout=layout, dropped=summary.dropped)
    defaults = Defaults(
        dataset=dataset or name_of_source(path),
        licence=licence,
        taxonomy=load_taxonomy() if taxonomy is None else taxonomy,
        limits=limits,
    )
    return stream_scans(examine_all(listed, defaults, max_workers=max_workers), summary, defaults.taxonomy)


def index_to_catalogue(
    path: str,
    catalogue_uri: str,
    *,
    layout: str | None = None,
    dataset: str | None = None,
    licence: str | None = None,
    max_workers: int = DEFAULT_WORKERS,
    overwrite: bool = False,
) -> IndexSummary:
    """Index a source into a catalogue file, in this process.

    Args:
        path: See `index_source`.
        catalogue_uri: Parquet file to write, local or s3://; it appears whole or not at all.
        layout: See `index_source`.
        dataset: See `index_source`.
        licence: See `index_source`.
        max_workers: See `index_source`.
        overwrite: Replace a catalogue that is there.

    Returns:
        What was found.

    Raises:
        ObjectExists: Something is stored there and `overwrite` is not set.
        SourceError: The source cannot be used as it is.
    """
    if not overwrite:
        refuse_existing(catalogue_uri)
    stream = index_source(path, layout=layout, dataset=dataset, licence=licence, max_workers=max_workers)
    write_catalogue(catalogue_uri, stream, overwrite=overwrite)
    return stream.summary


def examine_all(listed: Iterable[SourceScan], defaults: Defaults, *, max_workers: int) -> Iterator[Scan]:
    """Look at listed images in threads, and give their rows in the same order.

    Args:
        listed: The images.
        defaults: What holds for the whole source.
        max_workers: Threads.

    Returns:
        A row per image.
    """
    return map_in_order(lambda scan: examine(scan, defaults), listed, max_workers=max_workers)


def stream_scans(
    scans: Iterator[Scan],
    summary: IndexSummary,
    taxonomy: Taxonomy,
    *,
    kept: Mapping[str, KeptScan] | None = None,
) -> ScanStream:
    """Reject repeated scans and count all.

    Args:
        scans: Rows as they were examined, in the source's order.
        summary: Counts, filled in.
        taxonomy: The vocabulary that their labels were taken from.
        kept: By content, the rows that stay of those that occur more than once, where it is known; None takes all
            rows first, and sets them aside on the disk where they are many.

    Returns:
        The rows of the catalogue.
    """
    rows = _settled(scans) if kept is None else _without_repeats(scans, kept)
    return ScanStream(rows, summary, taxonomy)


def name_of_source(path: str) -> str:
    """Give the name of a source's folder, which is that of its dataset where nothing else states one."""
    folder, name = posixpath.split(absolute_uri(path))
    return posixpath.basename(folder) if name.lower().endswith((".json", ".parquet")) else name


def _settled(scans: Iterator[Scan]) -> Iterator[Scan]:
    with set_aside(scans) as rows:
        yield from _without_repeats(rows(), choose_kept(enumerate(rows())))


def _without_repeats(scans: Iterable[Scan], kept: Mapping[str, KeptScan]) -> Iterator[Scan]:
    """Reject the scans whose bytes another one has that stays; they would otherwise count twice."""
    for number, scan in enumerate(scans):
        stays = kept.get(scan.sha256 or "") if scan.status == "ok" else None
        if stays is None or stays.number == number:
            yield scan
        else:
            lost = f"; its {len(scan.objects)} objects are not used" if scan.objects else ""
            yield replace(scan, status="rejected", reason=f"same content as {stays.uri}{lost}")
