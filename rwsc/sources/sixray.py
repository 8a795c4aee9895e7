"""Reader for SIXray in all the layouts it is passed on in."""

import re
from collections import Counter
from collections.abc import Iterator

from rwsc.sources.pairing import NO_IMAGE, Stems, folders_below, listed_scan
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.sixray_lists import SixrayLists, list_keys
from rwsc.sources.splits import split_in_path
from rwsc.sources.traces import find_trace
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, join, stem_of
from rwsc.sources.voc_xml import FORM

_NAME = re.compile(r"[PN]\d{5,8}")
_XML = (".xml",)
_JSON = (".json",)
_OTHERS = (".txt", *_JSON)
_NUM_SAMPLED = 200
_UNKNOWN = "its name is neither a positive's (P00001) nor a negative's (N0000001), and it has no annotation"


def recognise(tree: SourceTree) -> str | None:
    """Recognise images called P00001.jpg or N0000001.jpg with SIXray's own annotations, or with none at all.

    Those who turn SIXray into another layout keep the names; such a copy is left to the reader of that layout.
    """
    folder = next((folder for folder in folders_below(tree) if _is_called_so(tree.images(folder))), None)
    if folder is None:
        return None
    if not _any_named(tree, _XML) and (_any_named(tree, _OTHERS) or _has_boxes_in_json(tree)):
        return None
    num_lists = len(list_keys(tree))
    lists = f" and {num_lists} lists" if num_lists else ""
    return f"images called as SIXray's in {folder or 'the folder itself'}{lists}"


def _is_called_so(names: list[str]) -> bool:
    # More than half of an even sample: people put pictures of their own beside those of SIXray.
    sampled = names[:: -(-len(names) // _NUM_SAMPLED) or 1]
    return 2 * sum(_NAME.fullmatch(stem_of(name)) is not None for name in sampled) > len(sampled)


def _any_named(tree: SourceTree, suffixes: tuple[str, ...]) -> bool:
    # Some tools write P00001.jpg.json.
    stems = (stem_of(key).partition(".")[0] for key in tree.walk("", suffixes))
    return any(map(_NAME.fullmatch, stems))


def _has_boxes_in_json(tree: SourceTree) -> bool:
    """Say whether any JSON file is COCO or looks otherwise like annotations; any other one tells nothing of them."""
    files = {folder: names for folder in folders_below(tree) if (names := tree.files(folder, _JSON))}
    return bool(files) and find_trace(SourceTree(tree.root, files, 0)) is not None


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images, those with an XML file first.

    Folders are not looked at, since they differ from copy to copy: ids are unique in all of SIXray. Positives
    are told by their XML file, their name or a list; negatives have no XML file by design.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Yields:
        The images.
    """
    lists = SixrayLists(tree, dropped)
    folders = list(folders_below(tree))
    annotations = [Stems(tree, folder, _XML) for folder in folders if tree.files(folder, _XML)]
    for wants_annotated in (True, False):
        for folder in folders:
            for name in tree.images(folder):
                annotation = _find(annotations, stem_of(name))
                if (annotation is not None) == wants_annotated:
                    yield _scan(tree, join(folder, name), annotation, lists)
    lists.count_missing(dropped)
    images = [Stems(tree, folder, IMAGE_SUFFIXES) for folder in folders if tree.images(folder)]
    for key in tree.walk("", _XML):
        if _find(images, stem_of(key)) is None:
            dropped[NO_IMAGE] += 1


def _find(places: list[Stems], stem: str) -> str | None:
    return next((key for place in places if (key := place.find(stem)) is not None), None)


def _scan(tree: SourceTree, image: str, annotation: str | None, lists: SixrayLists) -> SourceScan:
    stem = stem_of(image)
    listed = lists.find(stem)
    is_positive = stem.startswith("P") or (listed is not None and listed.is_positive)
    is_named = _NAME.fullmatch(stem) is not None or listed is not None
    flags = ["no_annotation"] if is_positive and annotation is None else []
    if listed is not None and listed.has_conflict:
        flags.append("split_conflict")
    return listed_scan(
        tree,
        image,
        annotation=annotation,
        form=FORM,
        dataset="SIXray",
        kind="threat" if is_positive else "benign",
        problem=None if is_named or annotation else f"{image!a}: {_UNKNOWN}",
        split=listed.split if listed is not None else split_in_path(image.rpartition("/")[0]),
        subset=listed.subset if listed is not None else None,
        flags=tuple(flags),
    )


READER = Reader("sixray", recognise, list_scans)
