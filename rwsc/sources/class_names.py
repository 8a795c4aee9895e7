"""What a class may be called, and YOLO's files of class names and splits: data.yaml, classes.txt, obj.names."""

import posixpath
from collections import Counter
from dataclasses import dataclass, field

import yaml

from rwsc.errors import AccessDenied, ObjectMissing
from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.json_fields import Json
from rwsc.sources.sidecar_text import label_of, text_of
from rwsc.sources.tree import SourceTree

_YAML = (".yaml", ".yml")
_USUAL_YAML = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
NAME_FILES = ("classes.txt", "obj.names", "classes.names", "predefined_classes.txt", "labels.txt")

_MAX_YAML_BYTES = 256 << 10
_MAX_CLASSES = 2000
"""Every image carries the names to its worker, and no scanner knows more."""

_YAML_ERRORS = (
    yaml.YAMLError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class DataYaml:
    """What a data.yaml states."""

    names: dict[str, str] = field(default_factory=dict)
    """Class names by their number, which is text."""

    places: dict[str, list[str]] = field(default_factory=dict)
    """Possible keys of a split's folders or lists, by train, val and test."""


def read_data_yaml(tree: SourceTree, dropped: Counter[str]) -> DataYaml | None:
    """Read the file that describes a YOLO source.

    Args:
        tree: The source.
        dropped: Counts, filled in.

    Returns:
        What it states; None where no YAML file at the top holds class names.
    """
    usual = [name for name in (tree.find_file(name) for name in _USUAL_YAML) if name is not None]
    others = [name for name in tree.files("", _YAML) if name not in usual]
    for name in [*usual, *others]:
        document = _parse(tree, name, dropped)
        names = _names(document.get("names"))
        if names:
            places = {split: _places(document, split) for split in ("train", "val", "test")}
            return DataYaml(names, places)
    return None


def read_names(tree: SourceTree, folder: str, dropped: Counter[str]) -> dict[str, str]:
    """Read class names, one a line, from a file that is called as usual.

    Args:
        tree: The source.
        folder: Where the file may lie.
        dropped: Counts, filled in.

    Returns:
        Names by their number; empty where there is no such file.
    """
    key = tree.find_file(*NAME_FILES, under=folder)
    if key is None:
        return {}
    try:
        return _names(text_of(tree.read(key)).splitlines())
    except (DamagedAnnotation, AccessDenied, ObjectMissing):
        dropped["file of class names that cannot be read"] += 1
        return {}


def usable_name(value: object) -> str | None:
    """Give a class name without surrounding space.

    Args:
        value: What a source states.

    Returns:
        The name; None for what is no text, or none that a class can be called: empty, far too long, of several lines
        or with characters that no name has.
    """
    try:
        label = label_of(value)
    except DamagedAnnotation:
        return None
    return label if label is not None and len(label.splitlines()) == 1 else None


def _parse(tree: SourceTree, key: str, dropped: Counter[str]) -> dict[str, Json]:
    try:
        text = text_of(tree.read(key), max_bytes=_MAX_YAML_BYTES)
        # Less than yaml.safe_load: texts, lists and mappings only, so that a class may be called "no".
        document = yaml.load(text, Loader=yaml.BaseLoader)
    except (AccessDenied, ObjectMissing, *_YAML_ERRORS):
        dropped["file of class names that cannot be read"] += 1
        return {}
    return document if isinstance(document, dict) else {}


def _names(value: Json) -> dict[str, str]:
    """Give names by number out of a list or a mapping; what is no name is left out."""
    if isinstance(value, list):
        value = {str(number): name for number, name in enumerate(value)}
    if not isinstance(value, dict) or len(value) > _MAX_CLASSES:
        return {}
    names: dict[str, str] = {}
    for number, name in value.items():
        if not isinstance(number, str) or not number.isascii() or not number.isdigit():
            continue
        label = usable_name(name)
        if label is not None:
            names[number.lstrip("0") or "0"] = label
    return names


def _places(document: dict[str, Json], split: str) -> list[str]:
    stated = document.get(split, document.get("valid") if split == "val" else None)
    stated = stated if isinstance(stated, list) else [stated]
    base = document.get("path")
    bases = ["", base] if isinstance(base, str) else [""]
    places = [place for place in stated if isinstance(place, str) and place and not _is_absolute(place)]
    return [key for place in places for base in bases if (key := _key_of(base, place)) is not None]


def _is_absolute(place: str) -> bool:
    return place.startswith(("/", "\\")) or place[1:2] == ":" or "://" in place


def _key_of(base: str, place: str) -> str | None:
    """Give the key a path may mean: it counts from the folder or, as Roboflow writes it, from one beside it."""
    path = posixpath.normpath(posixpath.join("" if _is_absolute(base) else base, place).replace("\\", "/"))
    while path.startswith("../"):
        path = path[3:]
    return None if path in ("", ".", "..") else path
