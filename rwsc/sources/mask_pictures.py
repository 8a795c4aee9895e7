"""Pictures that are masks of other pictures, told by their names: such pictures are annotated, and no bags."""

import re
from collections.abc import Iterator
from functools import lru_cache

from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, on_one_line, stem_of

_MAX_KEPT = 100_000

_START, _END = r"(?:^|[^a-z])", r"(?:[^a-z]|$)"
_MASK_WORDS = r"masks?|segmentations?|segmentation(class|object|mask)s?|segs?|segmaps?|silhouettes?"
_FOLDER = re.compile(rf"{_START}({_MASK_WORDS}){_END}")
_MAX_FOLDER_WORDS = 3
_LETTERS = re.compile("[a-z]+")

_AFFIX = rf"({_MASK_WORDS}|gt|ground[ _-]?truths?|labels?|annotations?)"
_BEFORE = re.compile(rf"{_AFFIX}[ _.-]+(?P<stem>.+)", re.IGNORECASE | re.DOTALL)
_AFTER = re.compile(rf"(?P<stem>.+?)[ _.-]+{_AFFIX}([ _.-]*\d+)?", re.IGNORECASE | re.DOTALL)


def is_folder_of_masks(name: str) -> bool:
    """Say whether a folder is called as one of masks, and not by a sentence that has such a word in it.

    Args:
        name: The folder's own name.

    Returns:
        True for a short name with such a word.

    Example:
        >>> is_folder_of_masks("Masks"), is_folder_of_masks("train_masks_png"), is_folder_of_masks("damask")
        (True, True, False)
    """
    lowered = name.lower()
    return _FOLDER.search(lowered) is not None and len(_LETTERS.findall(lowered)) <= _MAX_FOLDER_WORDS


def find_mask_picture(tree: SourceTree) -> str | None:
    """Look for a picture that is, by its name, the mask of another.

    That is one in a folder called as one of masks, or one called as another picture with a word before or after it
    that masks have in their names, such as ``00001_mask.png`` beside ``00001.jpg``; where it lies does not matter.

    Args:
        tree: The source.

    Returns:
        One such picture and why it is taken for one, in words; None where there is none.
    """
    candidates: dict[str, str] = {}
    own = tree.root.uri.rpartition("/")[2]
    for key in tree.walk("", IMAGE_SUFFIXES):
        if _is_below_masks(f"{own}/{key}".rpartition("/")[0]):
            return f"{on_one_line(key)} (in a folder called as one of masks)"
        if len(candidates) < _MAX_KEPT:
            for stem in _stems_masked_by(stem_of(key)):
                candidates.setdefault(stem, key)
    return _first_of_a_picture(tree, candidates) if candidates else None


@lru_cache
def _is_below_masks(folder: str) -> bool:
    return any(map(is_folder_of_masks, folder.split("/")))


def _stems_masked_by(stem: str) -> Iterator[str]:
    """Give the stems of pictures that a picture of this stem may be the mask of."""
    for pattern in (_BEFORE, _AFTER):
        if found := pattern.fullmatch(stem):
            yield found["stem"]


def _first_of_a_picture(tree: SourceTree, candidates: dict[str, str]) -> str | None:
    for image in tree.walk("", IMAGE_SUFFIXES):
        mask = candidates.get(stem_of(image))
        if mask is not None and mask != image:
            return f"{on_one_line(mask)} (called as a mask of {on_one_line(image)})"
    return None
