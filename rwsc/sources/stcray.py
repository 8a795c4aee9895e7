"""Reader for STCray: LabelMe's JSON, a folder per class."""

import re
from collections import Counter
from collections.abc import Iterator

from rwsc.sources.labelme_json import FORM
from rwsc.sources.pairing import annotated_first, count_strays, folders_below, listed_scan
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceScan
from rwsc.sources.splits import split_in_path
from rwsc.sources.traces import find_trace
from rwsc.sources.tree import SourceTree, join

_CLASS = re.compile(r"class[ _-]*\d+[ _-]*(?P<name>.*)", re.IGNORECASE)
_JSON = (".json",)


def recognise(tree: SourceTree) -> str | None:
    """Recognise ``Images`` beside ``Json_BB``, at the top or in ``STCray_TrainSet`` and ``STCray_TestSet``.

    Without any ``Json_BB`` the names of the folders tell it, where nothing else annotates the images.
    """
    parts = _parts(tree)
    for images, texts, _ in parts:
        if texts is not None:
            return f"{images} and {texts}"
    alone = [images for images, _, _ in parts if "stcray" in f"{_root_name(tree)}/{images}".lower()]
    return f"{alone[0]}, without annotations" if alone and find_trace(tree) is None else None


def list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    """List the images; those of "Non Threat" are harmless, all others show an item of their folder's class.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Yields:
        The images, those with an annotation first in each folder.
    """
    for images, texts, split in _parts(tree):
        for folder in folders_below(tree, images):
            yield from _class_folder(tree, folder, _counterpart(tree, images, texts, folder), split)
        if texts is None:
            continue
        for folder in folders_below(tree, texts):
            count_strays(tree, _counterpart(tree, texts, images, folder), folder, _JSON, dropped)


def _class_folder(
    tree: SourceTree, folder: str, texts: str | None, split: str | None
) -> Iterator[SourceScan]:
    label = class_of(folder)
    is_benign = label is None
    for image, annotation in annotated_first(tree, folder, texts, _JSON):
        yield listed_scan(
            tree,
            image,
            annotation=annotation,
            form=FORM,
            options={} if label is None else {"label": label},
            dataset="STCray",
            kind="benign" if is_benign else "threat",
            split=split,
            flags=() if is_benign or annotation else ("no_annotation",),
        )


def class_of(folder: str) -> str | None:
    """Read the class out of the name of a folder.

    Args:
        folder: Key of the folder.

    Returns:
        The class, None for harmless bags.

    Example:
        >>> class_of("Images/Class 07_Hammer"), class_of("Images/Class 22_Non Threat")
        ('Hammer', None)
    """
    name = folder.rpartition("/")[2].strip()
    found = _CLASS.fullmatch(name)
    label = (found["name"] if found else name).strip() or name
    return None if re.sub(r"[^a-z]", "", label.lower()) in ("nonthreat", "nonthreats") else label


def _counterpart(tree: SourceTree, here: str, there: str | None, folder: str) -> str | None:
    """Give the folder below `there` that lies as `folder` does below `here`, whatever its case."""
    found = there
    for segment in folder[len(here) + 1 :].split("/") if folder != here else []:
        found = None if found is None else tree.find_folder(segment, under=found)
    return found


def _parts(tree: SourceTree) -> list[tuple[str, str | None, str | None]]:
    """Give the folder of images, that of annotations, if there is one, and the split of each part."""
    found = []
    for folder in ("", *tree.folders()):
        images = tree.find_folder("Images", under=folder)
        texts = tree.find_folder("Json_BB", under=folder)
        if images is not None and (texts is not None or _has_classes(tree, images)):
            found.append((images, texts, split_in_path(_part_of(tree, images))))
    return found


def _has_classes(tree: SourceTree, images: str) -> bool:
    return any(_CLASS.fullmatch(name) and tree.images(join(images, name)) for name in tree.folders(images))


def _part_of(tree: SourceTree, images: str) -> str:
    """Give the name of the folder that holds a folder of images."""
    return images.rpartition("/")[0] or _root_name(tree)


def _root_name(tree: SourceTree) -> str:
    return tree.root.uri.rpartition("/")[2]


READER = Reader("stcray", recognise, list_scans)
