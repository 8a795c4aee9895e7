"""Train, val or test, as folders, file names and lists of images say it."""

import re
from collections import Counter
from collections.abc import Iterable

from rwsc.errors import AccessDenied, ObjectMissing
from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.sidecar_text import text_of
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, stem_of

_SPLITS = {
    "train": ("train", "training", "trainset", "trainval"),
    "val": ("val", "valid", "validation", "valset", "dev"),
    "test": ("test", "testing", "testset", "eval"),
}
_SPLIT_OF_WORD = {word: split for split, words in _SPLITS.items() for word in words}

MAX_LIST_BYTES = 256 << 20
"""Largest list of images; a million names take some 20 MB."""


def split_in_path(key: str) -> str | None:
    """Read a split out of a path, from its last segment to its first.

    Args:
        key: Folder or file; the ending of a file must have been taken off.

    Returns:
        train, val or test; None where no segment names one, or the last that does names two.

    Example:
        >>> split_in_path("valid/images"), split_in_path("Annotations/train2017"), split_in_path("scans")
        ('val', 'train', None)
    """
    for segment in reversed(key.split("/")):
        words = re.findall(r"[a-z]+", segment.lower())
        found = {_SPLIT_OF_WORD[word] for word in words if word in _SPLIT_OF_WORD}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def read_list(tree: SourceTree, key: str, dropped: Counter[str]) -> str:
    """Read a list of images; one that cannot be read is counted and gives the empty text."""
    try:
        return text_of(tree.read(key), max_bytes=MAX_LIST_BYTES)
    except (DamagedAnnotation, AccessDenied, ObjectMissing):
        dropped["list of images that cannot be read"] += 1
        return ""


def stems_in_list(lines: Iterable[str]) -> Iterable[str]:
    """Give the stem of each image in a list: one a line, with or without a path and an ending."""
    for line in lines:
        name = line.strip().replace("\\", "/")
        if name:
            yield stem_of(name) if name.lower().endswith(IMAGE_SUFFIXES) else name.rsplit("/", 1)[-1]
