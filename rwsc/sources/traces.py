"""Traces of annotations in a source whose layout nobody knows, so that it is not taken for harmless bags."""

import re
from collections.abc import Iterator

from rwsc.sources.coco_files import shows_coco
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, stem_of

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
_TEXTS = (".xml", ".txt", ".json", *_TABLES)
_SUFFIXES = (*_TEXTS, ".mat", ".geojson", ".yaml", ".yml", ".xlsx", ".pkl", ".npz", ".h5", ".hdf5")
_MAX_NAMES = 100_000
_NUM_OPENED = 20
_NUM_LINES = 50
_MIN_NUMBERS = 4
_HEAD_BYTES = 2**14

_REMARK = re.compile(
    r"(read[ _-]?me|licen[cs]e|copying|notice|citation|changes?|changelog|about|notes?|requirements|terms|version"
    r"|classes|class[ _-]?names|(manifest[ _-]?)?(md5|sha[ _-]?\d*|check|hash(es)?)[ _-]?(sums?)?)(?![a-z0-9])"
)
"""What the names of files that annotate nothing begin with, in lower case."""

_START, _END = r"(?:^|[^a-z])", r"(?:[^a-z]|$)"
_FOLDER = re.compile(
    rf"{_START}(annotations?|annots?|anns?|labels?|labeltxt|txts?|xmls?|jsons?|csvs?|mat|bbox(es)?|boxes|gt"
    rf"|ground[ _-]?truths?){_END}"
)
_NAME = re.compile(
    rf"{_START}(annotations?|annots?|labels?|bbox(es)?|(bounding[ _-]?)?boxe?s?|instances|gt|ground[ _-]?truths?"
    rf"|via_(region_data|export\w*)){_END}"
)
_XML = re.compile(rb"<(annotations?|objects?|bndbox|box|polygon)[\s>]", re.IGNORECASE)
_JSON = re.compile(
    rb'"(shapes|annotations|bbox|bndbox|boxes|regions|polygon|segmentation|image_id|category_id|rectanglelabels)"\s*:'
)
_DIGEST = re.compile(r"[0-9a-f]{32,128}", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(\.\d*)?(e-?\d+)?", re.IGNORECASE)
_WORD = re.compile(r"[^\s,;:|\"'{}\[\]()=<>]+")
_BETWEEN_CELLS = re.compile(r"[,;:|\t\"'{}\[\]=<>]+")


def find_trace(tree: SourceTree) -> str | None:
    """Look for files that may annotate the images of a tree.

    These are files of text or tables in a folder called as one of annotations, or themselves called so; those
    that share their stem with an image anywhere; JSON and XML that hold boxes; and tables that name images and say
    more of them than a checksum. A readme, a licence or a list of checksums is none. At most twenty files are
    opened, and about 100,000 names are kept.

    Args:
        tree: The source.

    Returns:
        One such file and why it is taken for one, in words; None where there is none.
    """
    key_by_name: dict[str, str] = {}
    for number, key in enumerate(_files_of_text(tree)):
        why = _named_so(key)
        if why is None and number < _NUM_OPENED:
            why = _holds_boxes(tree, key)
            key_by_name.update(dict.fromkeys(_images_told_of(tree, key), key))
        if why is None and len(key_by_name) >= _MAX_NAMES:
            why = f"one of more than {_MAX_NAMES:,} files of text"
        if why is not None:
            return f"{_on_one_line(key)} ({why})"
        key_by_name.setdefault(stem_of(key), key)
    return _first_of_an_image(tree, key_by_name) if key_by_name else None


def _files_of_text(tree: SourceTree) -> Iterator[str]:
    return (key for key in tree.walk("", _SUFFIXES) if not is_remark(key))


def is_remark(key: str) -> bool:
    """Say by its name whether a file of text is a readme, a licence, a list of checksums or the like."""
    return _REMARK.match(stem_of(key).lower()) is not None


def _named_so(key: str) -> str | None:
    folder, _, name = key.rpartition("/")
    if _FOLDER.search(folder.rpartition("/")[2].lower()):
        return "in a folder called as one of annotations"
    return "called as annotations are" if _NAME.search(stem_of(name).lower()) else None


def _holds_boxes(tree: SourceTree, key: str) -> str | None:
    lowered = key.lower()
    if lowered.endswith(".xml"):
        return "XML of annotations" if _XML.search(tree.head(key, num_bytes=_HEAD_BYTES)) else None
    if lowered.endswith(".json"):
        if shows_coco(tree, key):
            return "COCO"
        return "JSON of annotations" if _JSON.search(tree.head(key, num_bytes=_HEAD_BYTES)) else None
    return None


def _images_told_of(tree: SourceTree, key: str) -> Iterator[str]:
    """Give the words in the first lines of a file that may name the image that the line tells something of."""
    lowered = key.lower()
    if lowered.endswith(".xml") or not lowered.endswith(_TEXTS):
        return
    text = tree.head(key, num_bytes=_HEAD_BYTES).decode("utf-8-sig", "replace")
    for line in text.splitlines()[:_NUM_LINES]:
        words = _WORD.findall(line)
        cells = map(str.strip, _BETWEEN_CELLS.split(line))  # a name may hold spaces
        names = {cell for cell in (*words, *cells) if cell.lower().endswith(IMAGE_SUFFIXES)}
        if not names and not lowered.endswith(".json"):
            names = set(words[:1])
        in_names = {word for name in names for word in name.split()}
        if _tells_something(
            [word for word in words if word not in in_names], is_prose=lowered.endswith(".txt")
        ):
            yield from (_plain(name) for name in names)


def _tells_something(words: list[str], *, is_prose: bool) -> bool:
    """Say whether a line holds more of an image than its checksum and its size."""
    others = [word for word in words if not _DIGEST.fullmatch(word)]
    if is_prose:
        # A sentence may name an image, but seldom with the corners of a box.
        return sum(_NUMBER.fullmatch(word) is not None for word in others) >= _MIN_NUMBERS
    return len(others) > (len(others) < len(words))


def _plain(name: str) -> str:
    base = name.replace("\\", "/").rpartition("/")[2]
    return stem_of(base) if base.lower().endswith(IMAGE_SUFFIXES) else base


def _first_of_an_image(tree: SourceTree, key_by_name: dict[str, str]) -> str | None:
    for image in tree.walk("", IMAGE_SUFFIXES):
        # Some tools write 1.jpg.json.
        for name in (stem_of(image), image.rpartition("/")[2]):
            if key := key_by_name.get(name):
                is_called_so = stem_of(key) == name
                why = "it has the name of an image" if is_called_so else f"it tells of {_on_one_line(image)}"
                return f"{_on_one_line(key)} ({why})"
    return None


def _on_one_line(key: str) -> str:
    return key if key.isprintable() else ascii(key)
