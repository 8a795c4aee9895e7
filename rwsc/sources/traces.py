"""Traces of annotations in a source whose layout nobody knows, so that it is not taken for harmless bags."""

import posixpath
import re
from collections.abc import Iterator
from itertools import islice

from rwsc.errors import AccessDenied, StorageError
from rwsc.sources.coco_files import shows_coco
from rwsc.sources.mask_pictures import is_folder_of_masks
from rwsc.sources.outages import is_outage
from rwsc.sources.splits import split_in_path
from rwsc.sources.trace_lines import PROSE, TABLES, images_named_in, names_told_of
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, is_litter, on_one_line, stem_of
from rwsc.storage.prefix import Prefix

_TEXTS = (".xml", ".json", ".jsonl", ".ndjson", *PROSE, *TABLES)
_SUFFIXES = (*_TEXTS, ".mat", ".geojson", ".yaml", ".yml", ".xlsx", ".pkl", ".npz", ".h5", ".hdf5")
"""Endings of files that annotate the image of their stem."""

_PROGRAMS = (".py", ".pyc", ".ipynb", ".sh", ".bat", ".m", ".r", ".c", ".cpp", ".h", ".java", ".js")
_ARRAY = ".npy"
_MAX_NAMES = 100_000
_NUM_OPENED = 20
_MAX_WORDS_BESIDE = 3
_NUM_LISTED = 1000
_HEAD_BYTES = 2**14

_CHECKSUMS = r"(manifest[ _-]?)?(md5|sha[ _-]?\d*|check|hash(es)?)[ _-]?(sums?)?"
_REMARK = re.compile(
    r"(read[ _-]?me|licen[cs]e|copying|notice|citation|changes?|changelog|about|notes?|requirements|terms|version"
    rf"|classes|class[ _-]?names|(?P<checksums>{_CHECKSUMS}))"
    r"([ _.()-]+(v?\d[\d.]*|[a-z]{2,3}|data(set)?|roboflow|apache|first|images?)?)*"
)
"""What the names of files that annotate nothing are, in lower case; a language, a number or the like may follow."""

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
_LETTERS = re.compile("[a-z]+")
_IMAGES = re.compile(r"(jpe?g|png|tiff?)?[ _-]?(images?|imgs?|pictures?|scans?)")
"""What folders are called that hold images split by split, in lower case."""

_HARMLESS = frozenset(["benign", "harmless", "negative", "negatives", "normal", "safe", "clean"])


def find_trace(tree: SourceTree) -> str | None:
    """Look for files that may annotate the images of a tree.

    These are files in a folder called as one of annotations, or themselves called so, whatever they hold; those of
    text or tables, or of text without an ending, that share their stem with an image anywhere; JSON and XML that hold
    boxes; and tables that name images and say more of them than a size, a date or a checksum. A program is none, nor
    an image, unless it is an array that is called so; nor a readme, a licence or a list of checksums, unless it tells
    of boxes all the same. At most some sixty files are opened, and about 100,000 names are kept.

    Args:
        tree: The source.

    Returns:
        One such file and why it is taken for one, in words; None where there is none.

    Raises:
        StorageError: A bucket failed.
    """
    return _Search(tree).trace()


def find_trace_beside(root: Prefix) -> str | None:
    """Look for what may annotate the images of a folder in the folder above, of which only that level is listed.

    Where the folder above is called as one of images or as a split (``images/train``, ``train/images``), annotations
    may lie beside that one, and the folder above it is looked into as well, unless the folder itself is called as
    harmless (``images/benign``).

    Args:
        root: The folder with the images.

    Returns:
        A folder called as one of annotations or of masks, or a file called so, and why it is taken for one, in words;
        None where there is none, where nothing is above the folder, and where what is above may not be listed.

    Raises:
        StorageError: A bucket failed.
    """
    found = _first_beside(root.uri)
    parent, _, own = root.uri.rpartition("/")
    if found is None and own.lower() not in _HARMLESS and _is_part_of_more(parent.rpartition("/")[2]):
        return _first_beside(parent)
    return found


def is_remark(key: str) -> bool:
    """Say by its name whether a file of text is a readme, a licence, a list of checksums or the like."""
    return _remark(key) is not None


def _remark(key: str) -> re.Match[str] | None:
    stem = stem_of(key).lower()
    return None if _NAME.search(stem) else _REMARK.fullmatch(stem)


class _Search:
    """One look through a tree, and what of it is kept meanwhile."""

    def __init__(self, tree: SourceTree) -> None:
        self._tree = tree
        self._key_by_name: dict[str, str] = {}
        self._without_ending: dict[str, str] = {}
        self._num_opened = {True: 0, False: 0}
        self._num_looked_at = 0

    def trace(self) -> str | None:
        for key in self._tree.walk():
            why = self._why(key)
            if why is not None:
                return f"{on_one_line(key)} ({why})"
        return self._first_of_an_image() if self._key_by_name or self._without_ending else None

    def _why(self, key: str) -> str | None:
        """Say why a file is a trace by itself; otherwise keep the names of the images that it may annotate."""
        remark, lowered = _remark(key), key.lower()
        is_remark = remark is not None
        if not is_remark and (why := _named_so(key)):
            return why
        if lowered.endswith(_TEXTS) and self._num_opened[is_remark] < _NUM_OPENED:
            # Counted apart, so that many remarks do not hide the one file that is none.
            self._num_opened[is_remark] += 1
            if why := self._content(key, remark):
                return why
        if not is_remark and (lowered.endswith(_SUFFIXES) or not _ending_of(key)):
            if len(self._key_by_name) + len(self._without_ending) >= _MAX_NAMES:
                return f"one of more than {_MAX_NAMES:,} files of text"
            kept = self._key_by_name if _ending_of(key) else self._without_ending
            kept.setdefault(stem_of(key), key)
        return None

    def _content(self, key: str, remark: re.Match[str] | None) -> str | None:
        """Say why a file is a trace by what it holds; otherwise keep the images that it tells something of."""
        ending, head = _ending_of(key), self._tree.head(key, num_bytes=_HEAD_BYTES)
        if ending == ".xml":
            if not _XML.search(head):
                return None
            if remark is None:
                return "XML of annotations"
            self._keep(images_named_in(_text_of(head)), key)
            return None
        if ending == ".json":
            if shows_coco(self._tree, key):
                return "COCO"
            if _JSON.search(head):
                return "JSON of annotations"
        has_digests = remark is not None and remark["checksums"] is not None
        told = names_told_of(_text_of(head), ending, is_remark=remark is not None, has_digests=has_digests)
        self._keep(told, key)
        return None

    def _keep(self, names: Iterator[str] | set[str], key: str) -> None:
        self._key_by_name.update(dict.fromkeys(names, key))

    def _first_of_an_image(self) -> str | None:
        for image in self._tree.walk("", IMAGE_SUFFIXES):
            # Some tools write 1.jpg.json.
            for name in (stem_of(image), image.rpartition("/")[2]):
                if key := self._key_by_name.get(name):
                    is_called_so = stem_of(key) == name
                    why = (
                        "it has the name of an image" if is_called_so else f"it tells of {on_one_line(image)}"
                    )
                    return f"{on_one_line(key)} ({why})"
            if key := self._text_without_ending(stem_of(image)):
                return f"{on_one_line(key)} (it has the name of an image)"
        return None

    def _text_without_ending(self, stem: str) -> str | None:
        """Give the file of this name if it is text: files of DICOM have no ending either."""
        key = self._without_ending.pop(stem, None)
        if key is None or self._num_looked_at >= _NUM_OPENED:
            return None
        self._num_looked_at += 1
        return key if _is_text(self._tree.head(key, num_bytes=_HEAD_BYTES)) else None


def _named_so(key: str) -> str | None:
    """Say why a file is a trace by its name and its folder's."""
    folder, _, name = key.rpartition("/")
    is_other = not name.lower().endswith((*IMAGE_SUFFIXES, *_PROGRAMS))
    if is_other and _FOLDER.search(folder.rpartition("/")[2].lower()):
        return "in a folder called as one of annotations"
    return "called as annotations are" if _is_called_as_annotations(name) else None


def _is_called_as_annotations(name: str) -> bool:
    lowered = name.lower()
    if lowered.endswith(_PROGRAMS) or (lowered.endswith(IMAGE_SUFFIXES) and not lowered.endswith(_ARRAY)):
        return False
    return _NAME.search(lowered) is not None


def _kind_of(folder: str) -> str | None:
    """Say what a folder by its name holds of images, unless that is a sentence that has such a word in it."""
    if is_folder_of_masks(folder):
        return "masks"
    lowered = folder.lower()
    is_short = len(_LETTERS.findall(lowered)) <= _MAX_WORDS_BESIDE
    return "annotations" if is_short and _FOLDER.search(lowered) else None


def _is_part_of_more(name: str) -> bool:
    return _IMAGES.fullmatch(name.lower()) is not None or split_in_path(name) is not None


def _first_beside(uri: str) -> str | None:
    parent, _, own = uri.rpartition("/")
    if not own or parent == "s3:/":
        return None
    try:
        return _first_in(Prefix(parent or "/"), own)
    except StorageError as error:
        if is_outage(error, uri):
            raise
        return None


def _first_in(above: Prefix, own: str) -> str | None:
    inside = above.look_into()
    for folder in inside.folders:
        what = _kind_of(folder)
        if what and folder != own and not is_litter(folder) and not _is_source_of_its_own(above, folder):
            return f"{on_one_line(folder)}, which lies beside {on_one_line(own)} (a folder called as one of {what})"
    for name in inside.objects:
        if not is_litter(name) and not is_remark(name) and _is_called_as_annotations(name):
            return f"{on_one_line(name)}, which lies beside {on_one_line(own)} (called as annotations are)"
    return None


def _is_source_of_its_own(above: Prefix, folder: str) -> bool:
    """Say whether a folder holds images of its own with something beside them; images alone may be masks of others."""
    try:
        keys = [key for key in islice(above.list_keys(folder), _NUM_LISTED) if not is_litter(key)]
    except AccessDenied:
        return False
    others = [
        key
        for key in keys
        if not key.lower().endswith(IMAGE_SUFFIXES) or _is_called_as_annotations(key.rpartition("/")[2])
    ]
    return 0 < len(others) <= len(keys) - len(others)


def _ending_of(key: str) -> str:
    return posixpath.splitext(key)[1].lower()


def _text_of(head: bytes) -> str:
    """Read the beginning of a file as text, without the record that it cuts off."""
    text = head.decode("utf-8-sig", "replace")
    end = max(text.rfind("\n"), text.rfind("}")) + 1
    return text[:end] if end and len(head) >= _HEAD_BYTES else text


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 and len(head) >= _HEAD_BYTES  # a character that is cut off
    return b"\0" not in head
