"""Reader for GDXray: baggage in numbered series, with boxes per series and classes by the series' number."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rwsc.errors import SourceError
from rwsc.sources.gdxray_boxes import (
    MAX_MAT_BYTES,
    MAX_TXT_BYTES,
    DamagedBoxes,
    SeriesBoxes,
    parse_mat,
    parse_txt,
)
from rwsc.sources.reader import Reader
from rwsc.sources.schema import BBox, Kind, SourceObject, SourceScan
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, join, stem_of

_CLASS_BY_SERIES = {
    7: "razor blade",
    8: "knife",
    49: "handgun",
    50: "shuriken",
    51: "razor blade",
    52: "shuriken",
    76: "knife",
    82: "other",
}
_ISOLATED_SERIES = (49, 50, 51, 52, 76)
_HARMLESS_SERIES = (82,)
"""Their objects are distractors."""

_UNKNOWN_CLASS = "object"
_OTHER_GROUPS = ("castings", "nature", "settings", "welds")
_SERIES = re.compile(r"B(\d{4})", re.IGNORECASE)
_IMAGE = re.compile(r"B\d{4}_(\d{1,8})", re.IGNORECASE)
_BOX_FILES: tuple[tuple[str, int, Callable[[bytes], SeriesBoxes]], ...] = (
    ("ground_truth.txt", MAX_TXT_BYTES, parse_txt),
    ("BoundingBox.mat", MAX_MAT_BYTES, parse_mat),
)
"""Box files in the order in which they are believed."""

_MAX_DIFFERENCE_PX = 1.0


@dataclass(kw_only=True, slots=True)
class _Series:
    """One series, and what its box files state."""

    folder: str
    number: int
    stated: list[SeriesBoxes] = field(default_factory=list)
    faults: list[SourceScan] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return "isolated" if self.number in _ISOLATED_SERIES else "threat"

    @property
    def group(self) -> str:
        return f"B{self.number:04d}"


def _recognise(tree: SourceTree) -> str | None:
    for folder in _series_folders(tree):
        name = next((name for name in tree.images(folder) if _IMAGE.fullmatch(stem_of(name))), None)
        if name is not None:
            return join(folder, name)
    return None


def _list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    folders = _series_folders(tree)
    if not folders:
        raise SourceError(
            f"no series of baggage in {tree.root.uri}",
            remedy="give the folder that holds Baggages/B0001, ...",
        )
    return _scans(tree, folders, dropped)


def _scans(tree: SourceTree, folders: list[str], dropped: Counter[str]) -> Iterator[SourceScan]:
    for folder in folders:
        series = _read_series(tree, folder, dropped)
        yield from series.faults
        for name in tree.images(folder):
            yield _scan(tree, series, name)
    for name in tree.folders():
        if name.lower() in _OTHER_GROUPS:
            num_images = sum(1 for _ in tree.walk(name, IMAGE_SUFFIXES))
            dropped.update({"image of a group that shows no baggage": num_images} if num_images else {})


def _series_folders(tree: SourceTree) -> list[str]:
    # Some unpack each group into a folder that they have called like it.
    bases = list(_groups_of_baggage(tree)) or [""]
    return [join(base, name) for base in bases for name in tree.folders(base) if _SERIES.fullmatch(name)]


def _groups_of_baggage(tree: SourceTree) -> Iterator[str]:
    base = tree.find_folder("Baggages")
    while base is not None:
        yield base
        base = tree.find_folder("Baggages", under=base)


def _read_series(tree: SourceTree, folder: str, dropped: Counter[str]) -> _Series:
    series = _Series(folder=folder, number=int(folder[-4:]))
    for name, max_bytes, parse in _BOX_FILES:
        key = tree.find_file(name, under=folder)
        if key is None:
            continue
        try:
            series.stated.append(parse(tree.head(key, num_bytes=max_bytes + 1)))
        except DamagedBoxes as error:
            problem = f"box file cannot be used: {error}"
            series.faults.append(
                SourceScan(
                    uri=tree.uri_of(key),
                    kind=series.kind,
                    problem=problem,
                    dataset="GDXray",
                    group=series.group,
                )
            )
    numbers = {_number_of(name) for name in tree.images(folder)}
    for boxes in series.stated[:1]:
        num_lost = sum(len(found) for k, found in boxes.by_number.items() if k not in numbers)
        dropped.update({"annotation of an unknown image": num_lost} if num_lost else {})
        dropped.update({"damaged row of a box file": boxes.num_lost} if boxes.num_lost else {})
    return series


def _number_of(name: str) -> int | None:
    found = _IMAGE.fullmatch(stem_of(name))
    return int(found[1]) if found else None


def _scan(tree: SourceTree, series: _Series, name: str) -> SourceScan:
    uri, number = tree.uri_of(join(series.folder, name)), _number_of(name)
    damage = [boxes.damaged[number] for boxes in series.stated[:1] if number in boxes.damaged]
    problem = f"damaged annotation: {damage[0]}" if damage else None
    if uri is None:
        problem = "its name cannot be an address"
    found = [boxes.by_number.get(number, []) if number is not None else [] for boxes in series.stated]
    boxes = next(filter(None, found), [])
    flags = []
    if len(found) > 1 and not _agree(*found):
        flags.append("boxes_disagree")
    if not boxes and series.kind != "isolated":
        flags.append("no_annotation")
    return SourceScan(
        uri=uri,
        problem=problem,
        kind=series.kind,
        dataset="GDXray",
        modality="gray",
        group=series.group,
        objects=_objects(series, boxes),
        flags=tuple(flags),
    )


def _agree(first: list[BBox], second: list[BBox]) -> bool:
    pairs = list(zip(sorted(first), sorted(second), strict=False))
    return len(first) == len(second) and all(
        abs(a - b) <= _MAX_DIFFERENCE_PX for one, other in pairs for a, b in zip(one, other, strict=True)
    )


def _objects(series: _Series, boxes: list[BBox]) -> tuple[SourceObject, ...]:
    label = _CLASS_BY_SERIES.get(series.number)
    flags = ["unknown_class"] * (label is None) + ["harmless"] * (series.number in _HARMLESS_SERIES)
    # An item alone on the belt needs no box: it is all there is.
    stated: Sequence[BBox | None] = boxes or ([None] if series.kind == "isolated" else [])
    return tuple(
        SourceObject(label=label or _UNKNOWN_CLASS, bbox_xywh=box, flags=tuple(flags)) for box in stated
    )


READER = Reader(layout="gdxray", recognise=_recognise, list_scans=_list_scans)
