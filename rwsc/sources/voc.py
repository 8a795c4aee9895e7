"""Reader for Pascal VOC: an XML file per image."""

from collections import Counter
from collections.abc import Iterator

from rwsc.sources.pairing import (
    LISTED_MISSING,
    Convention,
    Pairing,
    folders_below,
    listed_scan,
    read_first,
)
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.sixray import READER as SIXRAY
from rwsc.sources.splits import read_list, split_in_path, stems_in_list
from rwsc.sources.tree import SourceTree, stem_of
from rwsc.sources.voc_xml import FORM

_CONVENTION = Convention(
    suffixes=(".xml",),
    annotation_folders=("annotations", "annotation", "xml", "xmls", "annotations_xml", "labels"),
    image_folders=("jpegimages", "images", "jpegimage", "image", "imgs", "img"),
)
_SETS = (("test", "test"), ("val", "val"), ("train", "train"), ("trainval", "train"))
"""Lists and the splits they stand for, the one that counts most first."""

_NUM_PROBED = 5


def recognise(tree: SourceTree) -> str | None:
    """Recognise images with XML annotations of the same stem."""
    if SIXRAY.recognise(tree):
        return None
    pairing = Pairing(tree, _CONVENTION)
    probed = read_first(tree, pairing.annotations(_NUM_PROBED))
    if not any(b"<annotation" in data[:1000].lower() for data in probed):
        return None
    return f"VOC's XML in {pairing.annotation_folders[0] or 'the folder itself'}"


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images, those with an XML file first.

    Lists in ``ImageSets/Main`` give the split, else the names of the folders. An image without an XML file
    was not annotated: it is listed as harmless, with the flag ``no_annotation_file``.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Yields:
        The images.
    """
    splits = _listed_splits(tree, dropped)
    missing = {root: set(stems) for root, stems in splits.items()}
    for pair in Pairing(tree, _CONVENTION).pairs(dropped):
        stem = stem_of(pair.image)
        roots = [root for root in splits if not root or pair.image.startswith(f"{root}/")]
        listed = [splits[root][stem] for root in roots if stem in splits[root]]
        for root in roots:
            missing[root].discard(stem)
        yield listed_scan(
            tree,
            pair.image,
            annotation=pair.annotation,
            form=FORM,
            problem=pair.problem,
            split=listed[0] if listed else split_in_path(pair.image.rpartition("/")[0]),
            flags=() if pair.annotation else ("no_annotation_file",),
        )
    num_missing = sum(len(stems) for stems in missing.values())
    if num_missing:
        dropped[LISTED_MISSING] += num_missing


def _listed_splits(tree: SourceTree, dropped: Counter[str]) -> dict[str, dict[str, str]]:
    """Give the split of each listed stem, by the folder that the lists hold for: VOC's years lie side by side."""
    by_root: dict[str, dict[str, str]] = {}
    for sets in folders_below(tree):
        root, _, name = sets.rpartition("/")
        if name.lower() not in ("imagesets", "imageset"):
            continue
        folder = tree.find_folder("Main", under=sets) or sets
        splits = by_root.setdefault(root, {})
        for list_name, split in _SETS:
            key = tree.find_file(f"{list_name}.txt", under=folder)
            lines = read_list(tree, key, dropped).splitlines() if key else []
            for stem in stems_in_list(lines):
                splits.setdefault(stem, split)
    return by_root


READER = Reader("voc", recognise, list_scans)
