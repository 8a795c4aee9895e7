"""Reader for YOLO, boxes and segments: a text file per image."""

from collections import Counter
from collections.abc import Iterator

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.class_names import NAME_FILES, DataYaml, read_data_yaml, read_names
from rwsc.sources.pairing import Convention, Pair, Pairing, listed_scan, read_first
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.splits import read_list, split_in_path, stems_in_list
from rwsc.sources.tree import SourceTree, stem_of
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


def recognise(tree: SourceTree) -> str | None:
    """Recognise images with text files of the same stem, one of which holds lines of YOLO's."""
    pairing = Pairing(tree, _CONVENTION)
    probed = pairing.annotations(_NUM_PROBED)
    described = read_data_yaml(tree, Counter()) is not None
    lines = [data for data in read_first(tree, probed) if data.strip()]
    # Of background images alone nothing but their description tells the layout.
    if not (any(map(_is_yolo, lines)) or (probed and described and not lines)):
        return None
    names = "data.yaml and " if described else ""
    return f"{names}YOLO's text files in {pairing.annotation_folders[0] or 'the folder itself'}"


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images, those with a text file first.

    The split comes from data.yaml, from train.txt, val.txt and test.txt, or from the names of the folders. An
    image without a text file is background, as YOLO has it, and flagged ``no_annotation_file``; a folder of
    images of which none has one is left out, since it may as well be a test set whose labels are kept back.

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
            # LabelImg writes the names beside the labels.
            names[folder] = described.names or read_names(tree, folder, dropped) or common
        yield _scan(tree, pair, names[folder], splits)


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
        self._by_stem: dict[str, str] = {}
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
        for key, split in sorted(lists, key=lambda found: (_RANK[found[1]], found[0])):
            for stem in stems_in_list(read_list(tree, key, dropped).splitlines()):
                self._by_stem.setdefault(stem, split)

    def of(self, image: str) -> str | None:
        """Give the split of an image, or None."""
        folder = _folder_of(image)
        stated = self._by_folder.get(folder) or self._by_folder.get(_folder_of(folder))
        return stated or self._by_stem.get(stem_of(image)) or split_in_path(folder)


_RANK = {"test": 0, "val": 1, "train": 2}


def _folder_of(key: str) -> str:
    return key.rpartition("/")[0]


def _is_yolo(data: bytes) -> bool:
    try:
        return bool(parse_yolo(data, (1, 1), {}).objects)
    except DamagedAnnotation:
        return False


READER = Reader("yolo", recognise, list_scans)
