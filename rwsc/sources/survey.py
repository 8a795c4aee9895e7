"""Add up what is seen of the images of a source."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rwsc.sources.examine import fit_box
from rwsc.sources.known import KnownDataset, find_dataset
from rwsc.sources.layout import Recognised
from rwsc.sources.licences import settle_licence
from rwsc.sources.look import Look
from rwsc.sources.taxonomy import Taxonomy, fold_name
from rwsc.storage.energy_pairs import is_pair
from rwsc.storage.images import ImageInfo

_CHANNELS = {1: "gray", 2: "two energies"}
_QUANTILES = (0, 10, 50, 90, 100)
_MAX_NAMED = 5


@dataclass(kw_only=True)
class SourceReport:
    """What a look at a source found."""

    layout: str
    why: str
    folder: str
    dataset: str | None
    licence: str | None
    num_images: int = 0
    num_annotated: int = 0
    """Images with at least one object."""

    num_objects: int = 0
    by_split: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    by_source_class: Counter[str] = field(default_factory=Counter)
    by_class: Counter[str] = field(default_factory=Counter)
    """Objects by the taxonomy's class."""

    unknown_classes: Counter[str] = field(default_factory=Counter)
    by_flag: Counter[str] = field(default_factory=Counter)
    object_px: dict[str, list[float]] = field(default_factory=dict)
    """Quantiles 0, 10, 50, 90, 100 % of boxes' width, height and share of the image."""

    num_measured_objects: int = 0
    image_px: dict[str, list[float]] = field(default_factory=dict)
    """The same of images' width and height, from `num_headers` headers."""

    num_headers: int = 0
    by_channels: Counter[str] = field(default_factory=Counter)
    """The same images by what a pixel holds: gray, two energies, colour."""

    num_pairs: int = 0
    """Scans whose two energies lie in two files."""

    missing: dict[str, int] = field(default_factory=dict)
    surprising: dict[str, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    """The first few images that cannot be used, with the reason."""

    published: list[dict[str, Any]] = field(default_factory=list)
    """Published counts beside those found: ``what``, ``published``, ``found``."""

    notes: tuple[str, ...] = ()
    """What is known of the dataset's oddities."""

    def to_dict(self) -> dict[str, Any]:
        """Give all as plain values, ready for JSON."""
        return {
            name: dict(value.most_common()) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }


class Survey:
    """Adds up what is seen, image by image."""

    def __init__(self, source: Recognised, dataset: str, taxonomy: Taxonomy) -> None:
        """Begin with nothing.

        Args:
            source: The source.
            dataset: Name of images that state none.
            taxonomy: Tells the classes of objects.
        """
        self._source = source
        self._dataset = dataset
        self._taxonomy = taxonomy
        self._datasets = Counter[str]()
        self._licences = Counter[str | None]()
        self._sizes: dict[str, array[float]] = {name: array("f") for name in ("width", "height", "share")}
        self._headers: list[tuple[int, ImageInfo]] = []
        self._absent = 0
        self._report = SourceReport(
            layout=source.reader.layout,
            why=source.why,
            folder=source.tree.root.uri,
            dataset=None,
            licence=None,
        )

    def add(self, look: Look) -> None:
        """Count one image."""
        report, scan = self._report, look.scan
        dataset = scan.dataset or self._dataset
        report.num_images += 1
        report.by_split[scan.split or "none"] += 1
        report.by_kind[scan.kind] += 1
        report.by_flag.update(scan.flags)
        self._datasets[dataset] += 1
        self._licences[settle_licence(scan.licence, None, dataset)] += 1
        report.num_pairs += scan.uri is not None and is_pair(scan.uri)
        if look.header is not None:
            self._headers.append((look.number, look.header))
        if look.is_absent:
            self._absent += 1
        if look.fault is not None:
            report.by_flag["images or annotations that cannot be used"] += 1
            if len(report.damaged) < _MAX_NAMED:
                report.damaged.append(f"{scan.uri or 'no address'}: {look.fault}")
            return
        report.num_annotated += bool(scan.objects)
        for thing in scan.objects:
            report.num_objects += 1
            report.by_source_class[thing.label] += 1
            label = self._taxonomy.find(thing.label, dataset)
            report.by_class[label or thing.label] += 1
            if self._taxonomy.is_unknown(thing.label, dataset):
                report.unknown_classes[thing.label] += 1
            self._add_box(thing.bbox_xywh, thing.flags, look.size_wh)

    def finish(self, dropped: Counter[str], *, header_stride: int) -> SourceReport:
        """Sum up, once all images are counted.

        Args:
            dropped: What the listing left out, by what is the matter with it.
            header_stride: Distance, in the listing, of the images whose headers count.

        Returns:
            The report.
        """
        report = self._report
        report.dataset = ", ".join(name for name, _ in self._datasets.most_common(_MAX_NAMED)) or None
        report.licence = (
            "; ".join(str(text or "none stated") for text, _ in self._licences.most_common(3)) or None
        )
        self._measure([header for number, header in self._headers if number % header_stride == 0])
        report.missing = {name: number for name, number in sorted(dropped.items()) if number}
        if self._absent:
            report.missing["images that are listed but not there"] = self._absent
        report.surprising = self._surprises()
        found = {known.name if (known := find_dataset(name)) else None for name in self._datasets}
        # Of a mixture no published count can be expected.
        known = find_dataset(found.pop()) if len(found) == 1 else None
        if known is not None:
            report.notes = known.notes
            _compare(report, known)
        return report

    def _add_box(
        self,
        bbox_xywh: tuple[float, float, float, float] | None,
        flags: tuple[str, ...],
        size_wh: tuple[int, int] | None,
    ) -> None:
        found = list(flags)
        if bbox_xywh is None:
            found.append("no_box")
        elif size_wh is None:
            found += ["swapped"] * (bbox_xywh[2] < 0 or bbox_xywh[3] < 0)
            found += ["empty"] * (bbox_xywh[2] == 0 or bbox_xywh[3] == 0)
        else:
            width, height = size_wh
            (_, _, box_width, box_height), box_flags = fit_box(bbox_xywh, width=width, height=height)
            found += box_flags
            if "outside" not in box_flags:
                self._sizes["width"].append(box_width)
                self._sizes["height"].append(box_height)
                self._sizes["share"].append(box_width * box_height / (width * height))
        self._report.by_flag.update(set(found))

    def _measure(self, headers: list[ImageInfo]) -> None:
        report = self._report
        report.num_headers = len(headers)
        report.image_px = {
            name: _quantiles([getattr(header, name) for header in headers]) for name in ("width", "height")
        }
        report.by_channels = Counter(_CHANNELS.get(header.channels, "colour") for header in headers)
        report.num_measured_objects = len(self._sizes["width"])
        report.object_px = {name: _quantiles(values) for name, values in self._sizes.items()}

    def _surprises(self) -> dict[str, int]:
        found = dict(sorted(self._report.by_flag.items()))
        found["class names not in the taxonomy"] = len(self._report.unknown_classes)
        found["files that operating systems left behind"] = self._source.tree.num_litter
        return {name: number for name, number in found.items() if number}


def _quantiles(values: "array[float] | list[int]") -> list[float]:
    if not len(values):
        return []
    return [
        float(f"{value:.4g}") for value in np.percentile(np.asarray(values, dtype=np.float64), _QUANTILES)
    ]


def _compare(report: SourceReport, known: KnownDataset) -> None:
    """Set the published counts beside those found, and name published splits that are not there at all."""
    edition = known.nearest_edition(report.num_images)
    if edition is None:
        return
    named = f" ({edition.name})" if edition.name else ""
    by_name = {fold_name(name): number for name, number in report.by_source_class.items()}
    pairs: list[tuple[str, int | None, int]] = [
        (f"images{named}", edition.images, report.num_images),
        ("images with items", edition.threat_images, report.by_kind["threat"]),
        ("objects", edition.num_objects, report.num_objects),
        *((f"images of {split}", number, report.by_split[split]) for split, number in edition.splits.items()),
        *(
            (f"objects of {name}", number, by_name.get(fold_name(name), 0))
            for name, number in edition.objects.items()
        ),
    ]
    report.published = [
        {"what": what, "published": number, "found": found}
        for what, number, found in pairs
        if number is not None
    ]
    for split, number in edition.splits.items():
        if not report.by_split[split]:
            report.missing[f"images of the published split {split}"] = number
