"""What the lines of a file of text tell of images: labels and boxes, or merely names, sizes, dates and checksums."""

import re
from collections.abc import Iterator

from rwsc.sources.tree import IMAGE_SUFFIXES, stem_of

TABLES = (".csv", ".tsv")
PROSE = (".txt",)

_NUM_LINES = 50
_MIN_NUMBERS = 4
"""Of a box."""

_SMALLEST_SIZE = 10
"""Of a file in bytes or an image in pixels; a smaller number may be a class."""

_MAX_LABEL_WORDS = 2
_SEPARATORS = ",;\t|"

_DIGEST = re.compile(r"(0x)?(?=\D*\d)[0-9a-f]{8}|[0-9a-f]{32,128}", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?", re.IGNORECASE)
_DATE = re.compile(
    r"(?<![\d./-])(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3\d{4})(?![\d/-])"
    r"([T ]?\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?"
)
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MONTH_DATE = re.compile(rf"\b({_MONTHS})[a-z]* +\d{{1,2}}( +\d{{4}})?\b", re.IGNORECASE)
_TIME = re.compile(r"(?<![\d:.])([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(?![\d:])")
_PAIR = re.compile(r"\"([^\"]*)\"\s*:\s*(-?\d[\d.eE+-]*|null|\"\")(?=\s*[,}\]]|\s*$)")
_WORD = re.compile(r"[^\s,;:|\"'{}\[\]()=<>]+")
_BETWEEN_CELLS = re.compile(r"[,;:|\t\"'{}\[\]=<>]+")
_FOLDED_AWAY = re.compile(r"[^a-z0-9]")

_NEUTRAL_TEXT = """
path paths file files filename filenames filepath name names basename stem folder dir directory uri url key
image images img imagename imagepath imagefile preview thumbnail id ids index
size sizes bytes filesize length len byte kb mb kib mib px pixel pixels
md5 md5sum sha sha1 sha224 sha256 sha384 sha512 sha256sum blake2b blake3 xxhash crc crc32 hash hashes checksum
checksums digest etag
mtime ctime atime date datetime time timestamp created modified updated lastmodified
width height w h channels depth bits bitdepth mode dtype format ext extension suffix mime mimetype
png jpg jpeg tif tiff bmp webp npy imagepng imagejpeg imagetiff rgb rgba gray grey uint8 uint16 null none nan
"""
_NEUTRAL = frozenset(_NEUTRAL_TEXT.split())
"""Words that tell nothing of what an image shows, by their letters and digits alone, in lower case."""


def names_told_of(
    text: str, ending: str, *, is_remark: bool = False, has_digests: bool = False
) -> Iterator[str]:
    """Give what may be the names of images of which a text tells more than a name, a size, a date or a checksum.

    More is a word, which may be a label, or the four numbers of a box, or a number that is too small for a size. In
    prose only numbers count, as a sentence may name an image, but seldom with the corners of a box; in a readme even
    these must follow the name.

    Args:
        text: The beginning of the file; of a longer one without what is cut off.
        ending: Ending of the file's name, in lower case.
        is_remark: Whether it is called as a readme is.
        has_digests: Whether it is called as a list of checksums: there a line with a checksum tells nothing else.

    Yields:
        Names without folder and ending.
    """
    lines = text.splitlines()[:_NUM_LINES]
    columns = _columns(lines[0]) if lines and ending in TABLES else None
    for line in lines:
        names = _names(line, may_lack_ending=ending != ".json")
        if not names or (has_digests and any(map(_DIGEST.fullmatch, _WORD.findall(line)))):
            continue
        if ending in PROSE:
            tells = _begins_with_box(line) if is_remark else _num_numbers(_rest(line, names)) >= _MIN_NUMBERS
        else:
            row = _row(line, columns)
            tells = _row_tells(row, names) if row else _line_tells(line, names)
        if tells:
            yield from map(_plain, names)


def images_named_in(text: str) -> set[str]:
    """Give the words of a text that look like file names of images, without folder and ending."""
    return {_plain(word) for word in _WORD.findall(text) if _is_image(word)}


def _is_image(word: str) -> bool:
    return word.lower().endswith(IMAGE_SUFFIXES)


def _plain(name: str) -> str:
    base = name.replace("\\", "/").rpartition("/")[2]
    return stem_of(base) if _is_image(base) else base


def _names(line: str, *, may_lack_ending: bool) -> set[str]:
    words = _WORD.findall(line)
    cells = map(str.strip, _BETWEEN_CELLS.split(line))  # a name may hold spaces
    names = {cell for cell in (*words, *cells) if _is_image(cell)}
    return names or set(words[:may_lack_ending])


def _rest(line: str, names: set[str]) -> list[str]:
    """Give the words of a line that are neither one of these names, nor a digest, a date or anything neutral."""
    for name in sorted(names, key=len, reverse=True):
        # A name without an ending may be a number, which may well stand again for something else.
        line = line.replace(name, " ", -1 if _is_image(name) else 1)
    for pattern in (_DATE, _TIME, _MONTH_DATE):
        line = pattern.sub(" ", line)
    words = _WORD.findall(line)
    return [word for word in words if not (_DIGEST.fullmatch(word) or _is_neutral(word))]


def _is_neutral(word: str) -> bool:
    folded = _FOLDED_AWAY.sub("", word.lower())
    is_size = re.fullmatch(r"\d+x\d+(x\d+)?", word, re.IGNORECASE) is not None
    return folded in _NEUTRAL or is_size or not any(map(str.isalnum, word))


def _num_numbers(words: list[str]) -> int:
    return sum(_NUMBER.fullmatch(word) is not None for word in words)


def _begins_with_box(line: str) -> bool:
    words = _WORD.findall(line)
    if not words or not _is_image(words[0]):
        return False
    num_numbers = _num_numbers(words[1:])
    return num_numbers >= _MIN_NUMBERS and len(words) - 1 - num_numbers <= _MAX_LABEL_WORDS


def _line_tells(line: str, names: set[str]) -> bool:
    """Say whether a line without a header holds a word, the numbers of a box, or one that may be a class."""
    words = _rest(_PAIR.sub(_without_neutral, line), names)
    if _num_numbers(words) >= _MIN_NUMBERS or _num_numbers(words) < len(words):
        return True
    has_digest = any(map(_DIGEST.fullmatch, _WORD.findall(line)))
    return not has_digest and any(float(word) < _SMALLEST_SIZE for word in words)


def _without_neutral(pair: re.Match[str]) -> str:
    return "" if _is_neutral(pair.group(1)) else pair.group()


def _columns(line: str) -> list[str] | None:
    """Give the names of a table's columns; None where its first line does not look like a header."""
    cells = _cells(line, max(_SEPARATORS, key=line.count))
    is_header = not any(_is_image(cell) or _NUMBER.fullmatch(cell) for cell in cells)
    return cells if is_header and any(map(_is_named_neutral, cells)) else None


def _row(line: str, columns: list[str] | None) -> list[tuple[str, str]]:
    """Pair the cells of a line with their columns; nothing where they do not fit."""
    for separator in _SEPARATORS if columns else "":
        cells = _cells(line, separator)
        if columns and len(cells) == len(columns):
            return list(zip(columns, cells, strict=True))
    return []


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip(" \"'") for cell in line.split(separator)]


def _is_named_neutral(column: str) -> bool:
    return bool(column) and _is_neutral(column)


def _row_tells(row: list[tuple[str, str]], names: set[str]) -> bool:
    """Say whether a row has anything in a column that is not neutral, or a word in one that is."""
    for place, (column, cell) in enumerate(row):
        words = _rest(cell, names if place == 0 else set(filter(_is_image, names)))
        if words and ((column and not _is_neutral(column)) or _num_numbers(words) < len(words)):
            return True
    return False
