"""Which files of a source are its COCO annotation files, by their names and first bytes."""

import posixpath
import re
from dataclasses import dataclass

from rwsc.sources.splits import split_in_path
from rwsc.sources.tree import SourceTree, join

ANNOTATION_FOLDERS = ("annotations", "annotation")
FOLDERS_ASIDE = (*ANNOTATION_FOLDERS, "labels", "label", "json", "jsons", "coco")
"""Folders of annotation files that lie beside those of the images."""

_ROBOFLOW = "_annotations.coco.json"
_ROOT_FILES = ("annotations.json", _ROBOFLOW)
_SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
_NUM_OPENED = 3
_MAX_UNNAMED = 30
"""JSON files that are opened to see whether they are COCO; of more of them, each is one image's."""

_COCO_KEYS = re.compile(rb'"(images|annotations|categories|info|licenses)"\s*:')
_IMAGES = re.compile(rb'"images"\s*:\s*\[|"file_name"\s*:')
_ANNOTATIONS = re.compile(rb'"(annotations|categories)"\s*:\s*\[|"(image_id|category_id)"\s*:')


@dataclass(frozen=True, kw_only=True, slots=True)
class CocoFile:
    """One annotation file of a source, and what its place in the layout says of all its images."""

    key: str
    """Its key below the source's folder."""

    dataset: str | None = None
    split: str | None = None
    """Split of images that state none."""

    subset: str | None = None
    image_folders: tuple[str, ...] = ()
    """Keys of the folders that its images lie in; looked in before the usual places."""

    has_clean_bags: bool = True
    """Whether an image without annotations is a harmless bag; otherwise its annotation is missing."""


def coco_keys(tree: SourceTree) -> list[str]:
    """Find the COCO files of a source.

    Looked for are, in this order and whatever their case: ``annotations.json`` or ``_annotations.coco.json``;
    the JSON files in ``annotations/``, of which only ``instances_*.json`` where there are such;
    ``_annotations.coco.json`` in train, valid and test; ``instances_*.json``.

    Args:
        tree: The source.

    Returns:
        Keys in a fixed order; empty where there are none.
    """
    for name in _ROOT_FILES:
        if key := tree.find_file(name):
            return [key]
    folder = tree.find_folder(*ANNOTATION_FOLDERS)
    inside = tree.files(folder, [".json"]) if folder else []
    if folder and inside and _some_look_like_coco(tree, folder, inside):
        # COCO's own download puts captions and key points beside the instances.
        return [join(folder, name) for name in _instances(inside) or inside]
    folders = [folder for name in _SPLITS if (folder := tree.find_folder(name))]
    roboflow = [key for folder in folders if (key := tree.find_file(_ROBOFLOW, under=folder))]
    return roboflow or _instances(tree.files("", [".json"]))


def coco_keys_by_content(tree: SourceTree) -> list[str]:
    """Find COCO files that are called as nobody expects, by their first and last bytes.

    Looked at are the JSON files of the root, of folders of annotations and of folders named after a split; where none
    of these is COCO, those of such folders inside one another.

    Args:
        tree: The source.

    Returns:
        Keys in a fixed order; empty where there are none, or so many that each may be one image's.
    """
    return _coco_in(tree, _likely_folders(tree)) or _coco_in(tree, _nested_folders(tree))


def _likely_folders(tree: SourceTree) -> list[str]:
    aside = [folder for name in FOLDERS_ASIDE if (folder := tree.find_folder(name))]
    splits = [folder for folder in tree.folders() if split_in_path(folder) is not None]
    return ["", *aside, *splits]


def _nested_folders(tree: SourceTree) -> list[str]:
    # A folder of any other name may hold a dataset of its own, with bags beside it that it does not list.
    folders = {posixpath.dirname(key) for key in tree.walk("", [".json"])}
    return sorted(folder for folder in folders if all(map(_is_expected, folder.split("/"))))


def _is_expected(name: str) -> bool:
    return name.lower() in FOLDERS_ASIDE or split_in_path(name) is not None


def _coco_in(tree: SourceTree, folders: list[str]) -> list[str]:
    by_folder = {folder: tree.files(folder, [".json"]) for folder in dict.fromkeys(folders)}
    if sum(map(len, by_folder.values())) > _MAX_UNNAMED:
        return []
    found = []
    for folder, names in by_folder.items():
        coco = [name for name in names if shows_coco(tree, join(folder, name))]
        found += [join(folder, name) for name in _instances(coco) or coco]
    return found


def shows_coco(tree: SourceTree, key: str) -> bool:
    """Say whether the first and the last bytes of a JSON file hold what COCO has for images and annotations."""
    ends = tree.head(key) + tree.head(key, from_end=True)
    return bool(_IMAGES.search(ends) and _ANNOTATIONS.search(ends))


def _instances(names: list[str]) -> list[str]:
    return [name for name in names if name.lower().startswith("instances_")]


def split_of(key: str) -> str | None:
    """Read a split out of an annotation file's name, or out of its folder's in Roboflow's layout.

    Args:
        key: Key or address of the JSON file.

    Returns:
        train, val or test; None where the name says nothing.

    Example:
        >>> split_of("/data/instances_train2017.json"), split_of("/data/valid/_annotations.coco.json")
        ('train', 'val')
    """
    folder, name = posixpath.split(key)
    if name.lower() == _ROBOFLOW:
        return _SPLITS.get(posixpath.basename(folder).lower())
    words = re.findall(r"[a-z]+", posixpath.splitext(name)[0].lower())
    return next((_SPLITS[word] for word in words if word in _SPLITS), None)


def json_files(tree: SourceTree, pattern: str) -> list[tuple[str, re.Match[str]]]:
    """Find JSON files by their names, in the folder of annotations or, where none is there, in the root.

    Args:
        tree: The source.
        pattern: Regular expression for the whole name without its ending, in any case.

    Returns:
        Keys and how their names match, sorted.
    """
    compiled = re.compile(rf"(?:{pattern})\.json", re.IGNORECASE)
    for folder in (tree.find_folder(*ANNOTATION_FOLDERS), ""):
        names = tree.files(folder, [".json"]) if folder is not None else []
        found = [(join(folder or "", name), match) for name in names if (match := compiled.fullmatch(name))]
        if found:
            return found
    return []


def image_folders(tree: SourceTree, *names: str) -> tuple[str, ...]:
    """Find folders of images by their names in any case, in the root, in ``images`` and in ``test``."""
    parents = ["", *(folder for name in ("images", "test") if (folder := tree.find_folder(name)))]
    found = (tree.find_folder(name, under=parent) for parent in parents for name in names)
    return tuple(dict.fromkeys(folder for folder in found if folder is not None))


def _some_look_like_coco(tree: SourceTree, folder: str, names: list[str]) -> bool:
    """Tell COCO files from a folder of one JSON per image; a damaged file is given the benefit of the doubt."""
    heads = [tree.head(join(folder, name)).lstrip(b"\xef\xbb\xbf \t\r\n") for name in names[:_NUM_OPENED]]
    return any(_COCO_KEYS.search(head) or not head.startswith((b"{", b"[")) for head in heads)
