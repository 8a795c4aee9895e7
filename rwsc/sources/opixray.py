"""Readers for OPIXray and HiXray, which share a tree: ``train/train_image``, ``train/train_annotation``."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.box_lines import FORM, parse_box_lines
from rwsc.sources.pairing import LISTED_MISSING, NO_IMAGE, Stems, annotated_first, listed_scan, read_first
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.splits import read_list, split_in_path, stems_in_list
from rwsc.sources.traces import find_trace
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, join, stem_of

_TXT = (".txt",)
_LEVELS = ("3", "2", "1")
_NUM_PROBED = 5


@dataclass(frozen=True, slots=True)
class _Family:
    """What tells the two datasets apart."""

    dataset: str
    list_name: str
    classes: frozenset[str]

    def recognise(self, tree: SourceTree) -> str | None:
        """Recognise the folders, and the dataset by its lists or by the classes in the first annotations.

        Without any of them ``train/train_image`` tells it, where nothing else annotates the images.
        """
        parts = _parts(tree)
        annotated = [part for part in parts if part.annotations]
        for part in annotated:
            if self.has_list(tree, part):
                return f"{part.images} and {part.name}_{self.list_name}.txt"
        if any(self._knows(tree, part) for part in annotated):
            return f"{annotated[0].images} and the classes of {self.dataset}"
        if parts and not annotated and _dataset_by_names(tree, parts) == self.dataset:
            return f"{parts[0].images}, without annotations"
        return None

    def has_list(self, tree: SourceTree, part: "_Part") -> bool:
        """Say whether the dataset's list of all images of a part is there."""
        return tree.find_file(f"{part.name}_{self.list_name}.txt", under=part.folder) is not None

    def list_scans(self, tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
        """List the images; each shows at least one item, also in a part without annotations.

        The levels of occlusion come from the lists.
        """
        for part in _parts(tree):
            yield from self._part(tree, part, dropped)

    def _part(self, tree: SourceTree, part: "_Part", dropped: Counter[str]) -> Iterator[SourceScan]:
        levels = self._levels(tree, part, dropped)
        for image, annotation in annotated_first(tree, part.images, part.annotations, _TXT):
            level = levels.get(stem_of(image))
            yield listed_scan(
                tree,
                image,
                annotation=annotation,
                form=FORM,
                options={"occlusion": level} if level else {},
                dataset=self.dataset,
                kind="threat",
                split=split_in_path(part.name),
                flags=() if annotation else ("no_annotation",),
            )
        self._count_strays(tree, part, levels, dropped)

    def _knows(self, tree: SourceTree, part: "_Part") -> bool:
        for data in read_first(tree, part.annotation_keys(tree)[:_NUM_PROBED]):
            try:
                objects = parse_box_lines(data, (1, 1), {}).objects
            except DamagedAnnotation:
                continue
            if any(thing.label.lower() in self.classes for thing in objects):
                return True
        return False

    def _levels(self, tree: SourceTree, part: "_Part", dropped: Counter[str]) -> dict[str, str]:
        """Give the level of occlusion of each listed stem, the worst where several lists hold it."""
        levels: dict[str, str] = {}
        for level in _LEVELS:
            for stem in self._listed(tree, part, f"-{level}", dropped):
                levels.setdefault(stem, level)
        return levels

    def _listed(self, tree: SourceTree, part: "_Part", ending: str, dropped: Counter[str]) -> list[str]:
        key = tree.find_file(f"{part.name}_{self.list_name}{ending}.txt", under=part.folder)
        return list(stems_in_list(read_list(tree, key, dropped).splitlines())) if key else []

    def _count_strays(
        self, tree: SourceTree, part: "_Part", levels: dict[str, str], dropped: Counter[str]
    ) -> None:
        images = Stems(tree, part.images, IMAGE_SUFFIXES)
        listed = {*self._listed(tree, part, "", dropped), *levels}
        counts = {
            NO_IMAGE: sum(not images.find(stem_of(key)) for key in part.annotation_keys(tree)),
            LISTED_MISSING: sum(not images.find(stem) for stem in listed),
        }
        dropped.update({reason: count for reason, count in counts.items() if count})


@dataclass(frozen=True, slots=True)
class _Part:
    """One split's folders."""

    name: str
    folder: str
    images: str
    annotations: str | None

    def annotation_keys(self, tree: SourceTree) -> list[str]:
        """Give the keys of the annotation files; none where they have no folder."""
        folder = self.annotations
        return [] if folder is None else [join(folder, name) for name in tree.files(folder, _TXT)]


def _parts(tree: SourceTree) -> list[_Part]:
    parts = []
    for folder in tree.folders():
        name = folder.lower()
        images = tree.find_folder(f"{name}_image", f"{name}_images", under=folder)
        annotations = tree.find_folder(f"{name}_annotation", f"{name}_annotations", under=folder)
        if images and tree.images(images):
            parts.append(_Part(name, folder, images, annotations))
    return parts


def _dataset_by_names(tree: SourceTree, parts: list[_Part]) -> str | None:
    """Tell the dataset of parts without annotations; None where it is neither, or something else may annotate them."""
    listed = [family for family in (_OPIXRAY, _HIXRAY) for part in parts if family.has_list(tree, part)]
    is_called_so = any(part.images.lower() in ("train/train_image", "test/test_image") for part in parts)
    if not (listed or is_called_so) or find_trace(tree) is not None:
        return None
    if listed:
        return listed[0].dataset
    # No other names tell them apart; their terms are alike.
    is_called_hixray = "hixray" in tree.root.uri.rpartition("/")[2].lower()
    has_tiff = any(tree.files(part.images, (".tif", ".tiff")) for part in parts)
    return (_HIXRAY if is_called_hixray or has_tiff else _OPIXRAY).dataset


_OPIXRAY = _Family(
    "OPIXray",
    "knife",
    frozenset({"folding_knife", "straight_knife", "scissor", "utility_knife", "multi-tool_knife"}),
)
_HIXRAY = _Family(
    "HiXray",
    "name",
    frozenset(
        {
            *("portable_charger_1", "portable_charger_2", "water", "laptop", "mobile_phone", "tablet"),
            *("cosmetic", "nonmetallic_lighter"),
        }
    ),
)

OPIXRAY = Reader("opixray", _OPIXRAY.recognise, _OPIXRAY.list_scans)
HIXRAY = Reader("hixray", _HIXRAY.recognise, _HIXRAY.list_scans)
