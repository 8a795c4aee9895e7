"""Reader for YOLO, boxes and segments: a text file per image."""

import posixpath
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.class_names import NAME_FILES, DataYaml, read_data_yaml, read_names
from rwsc.sources.pairing import Convention, Pair, Pairing, listed_scan, read_first
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.splits import read_list, split_in_path
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, stem_of
from rwsc.sources.yolo_lines import FORM, parse_yolo

_LISTS = {"train.txt": "train", "val.txt": "val", "valid.txt": "val", "test.txt": "test"}
_CONVENTION = Convention(
    suffixes=(".txt",),
    annotation_folders=("labels", "label", "labels_txt", "annotations", "txt"),
    image_folders=("images", "image", "imgs", "img", "jpegimages"),
    ignored=frozenset({*NAME_FILES, *_LISTS, "trainval.txt", "notes.txt", "requirements.txt", "license.txt"})
    | {f"readme{end}.txt" for end in ("", ".dataset", ".roboflow")},
)
_NUM_PROBED = 5
_MAX_OPENED = 100
"""Text files that are opened where the first few are empty, as those of background images are."""


def recognise(tree: SourceTree) -> str | None:
    """Recognise images with text files of the same stem, one of which holds lines of YOLO's."""
    pairing = Pairing(tree, _CONVENTION)
    probed = pairing.annotations(_NUM_PROBED)
    described = read_data_yaml(tree, Counter()) is not None
    lines = _with_lines(tree, probed)
    if not lines and not described:
        lines = _with_lines(tree, pairing.spread_annotations(_MAX_OPENED))
    # Of background images alone nothing but their description tells the layout.
    if not (any(map(_is_yolo, lines)) or (probed and described and not lines)):
        return None
    names = "data.yaml and " if described else ""
    return f"{names}YOLO's text files in {pairing.annotation_folders[0] or 'the folder itself'}"


def _with_lines(tree: SourceTree, keys: list[str]) -> list[bytes]:
    """Give the contents of the first few files that are not empty."""
    return list(islice(filter(bytes.strip, read_first(tree, keys)), _NUM_PROBED))


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images, those with a text file first.

    The split comes from data.yaml, from train.txt, val.txt and test.txt, or from the names of the folders; a line
    of a list means the image whose path ends most like it, and none where several do. An image without a text file
    is background, as YOLO has it, and flagged ``no_annotation_file``; a folder of images of which none has one is
    left out, since it may as well be a test set whose labels are kept back.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Yields:
        The images.
    """
    described = read_data_yaml(tree, dropped) or DataYaml()
    splits = _Splits(tree, described, dropped)
    common = described.names or read_names(tree, "", dropped)
    names: dict[str, dict[str, str]] = {"": common}
    for pair in Pairing(tree, _CONVENTION).pairs(dropped):
        folder = _folder_of(pair.annotation or "")
        if folder not in names:
            names[folder] = described.names or _names_above(tree, folder, names, dropped)
        yield _scan(tree, pair, names[folder], splits)


def _names_above(
    tree: SourceTree, folder: str, known: dict[str, dict[str, str]], dropped: Counter[str]
) -> dict[str, str]:
    """Give the names beside the labels, where LabelImg writes them, or in the nearest folder above them.

    What is found is kept in `known` for each folder on the way, so that no file is read, or counted, twice.
    """
    passed = []
    while folder not in known:
        passed.append(folder)
        if found := read_names(tree, folder, dropped):
            known[folder] = found
            break
        folder = _folder_of(folder)
    for below in passed:
        known[below] = known[folder]
    return known[folder]


def _scan(tree: SourceTree, pair: Pair, names: dict[str, str], splits: "_Splits") -> SourceScan:
    return listed_scan(
        tree,
        pair.image,
        annotation=pair.annotation,
        form=FORM,
        options=names,
        problem=pair.problem,
        split=splits.of(pair.image),
        flags=() if pair.annotation else ("no_annotation_file",),
    )


class _Splits:
    """The split of each image, by the folders and lists that a source names."""

    def __init__(self, tree: SourceTree, described: DataYaml, dropped: Counter[str]) -> None:
        self._by_folder: dict[str, str | None] = {}
        self._by_line: dict[str, str] = {}
        self._by_part_of_line: dict[str, str] = {}
        lists = [(key, split) for name, split in _LISTS.items() if (key := tree.find_file(name)) is not None]
        for split, places in described.places.items():
            for place in places:
                if tree.has_folder(place):
                    # One folder for two splits, as many write it, tells nothing.
                    clash = self._by_folder.get(place, split) != split
                    self._by_folder[place] = None if clash else split
                elif place.lower().endswith(".txt") and tree.has(place) and (place, split) not in lists:
                    lists.append((place, split))
        # The first list to name an image counts: that of the test, so that no test image is trained on.
        lists.sort(key=lambda found: (_RANK[found[1]], found[0]))
        split_by_path: dict[str, str] = {}
        for key, split in lists:
            for line in read_list(tree, key, dropped).splitlines():
                split_by_path.setdefault(_path_in(line.strip()), split)
        split_by_path.pop("", None)  # empty lines
        self._match(tree, split_by_path)

    def _match(self, tree: SourceTree, split_by_path: dict[str, str]) -> None:
        """Find the image that each line of a list means."""
        keys: dict[str, list[str]] = {_stem_in_list(path): [] for path in split_by_path}
        for key in tree.walk("", IMAGE_SUFFIXES) if keys else ():
            if stem_of(key) in keys:
                keys[stem_of(key)].append(key)
        for path, split in split_by_path.items():
            image, is_whole = _meant(path, keys[_stem_in_list(path)])
            if image is not None:
                (self._by_line if is_whole else self._by_part_of_line).setdefault(image, split)

    def of(self, image: str) -> str | None:
        """Give the split of an image, or None."""
        folder = _folder_of(image)
        stated = self._by_folder.get(folder) or self._by_folder.get(_folder_of(folder))
        # Where line and path part ways the line may mean an image that is not here, so the folder's name goes first.
        return stated or self._by_line.get(image) or split_in_path(folder) or self._by_part_of_line.get(image)


_RANK = {"test": 0, "val": 1, "train": 2}


def _folder_of(key: str) -> str:
    return key.rpartition("/")[0]


def _path_in(line: str) -> str:
    """Give the path that a line of a list states, without what leads to the folder it counts from."""
    segments = posixpath.normpath(line.replace("\\", "/")).split("/")
    return "/".join(segment for segment in segments if segment not in ("", ".", ".."))


def _stem_in_list(path: str) -> str:
    """Give an image's stem; lists may leave its ending out, and names may hold dots."""
    return stem_of(path) if path.lower().endswith(IMAGE_SUFFIXES) else path.rpartition("/")[2]


def _meant(path: str, keys: list[str]) -> tuple[str | None, bool]:
    """Choose the image that a listed path means.

    Args:
        path: As the list states it.
        keys: The images of its stem.

    Returns:
        The key that ends most like the path, None where there is none or several are equally like it; and whether all
        of the path, or of the key, was found in the other.
    """
    stated = [*path.split("/")[:-1], _stem_in_list(path)]
    found: list[tuple[int, bool, str]] = []
    for key in keys:
        own = [*key.split("/")[:-1], stem_of(key)]
        found.append((_num_common(stated, own), key.endswith(path.rpartition("/")[2]), key))
    best = max(found, default=None)
    if best is None or [both[:2] for both in found].count(best[:2]) > 1:
        return None, False
    return best[2], best[0] in (len(stated), best[2].count("/") + 1)


def _num_common(first: list[str], second: list[str]) -> int:
    """Count the segments at the end that two paths share."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    return next(
        (number for number, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second))
    )


def _is_yolo(data: bytes) -> bool:
    try:
        return bool(parse_yolo(data, (1, 1), {}).objects)
    except DamagedAnnotation:
        return False


READER = Reader("yolo", recognise, list_scans)
