"""The classes of an export: a fixed order, so that a number means the same class in every export."""

import json
from collections.abc import Iterable

from rwsc.corpus.coco import COCO_KEY
from rwsc.errors import SourceError
from rwsc.storage.files import open_read
from rwsc.storage.prefix import Prefix, absolute_uri, read_uri
from rwsc.storage.run_card import RUN_CARD_KEY

_MAX_BYTES = 16 * 2**20
_BLOCK_BYTES = 1 << 16
_END_OF_HEAD = b'"images": ['


def corpus_classes(corpus: Prefix) -> list[str]:
    """Read the classes of a finished corpus, those of its item bank that no image shows included.

    Args:
        corpus: The corpus.

    Returns:
        Names, sorted; numbers follow this order.

    Raises:
        SourceError: Its COCO file is damaged.
    """
    try:
        names = [category["name"] for category in json.loads(_coco_head(corpus))["categories"]]
        if not all(isinstance(name, str) for name in names):
            raise TypeError("a name that is no text")
        return sorted(names)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SourceError(
            f"{corpus.uri_of(COCO_KEY)} does not begin with the classes of a corpus",
            remedy="delete it and run the same rwsc synth again, which writes it anew",
        ) from None


def read_classes(address: str) -> list[str]:
    """Read a list of classes that a user or an earlier export has fixed.

    Args:
        address: An export's folder, a ``.txt`` file with a name a line, or a JSON file: a list of names, or an
            object that has such a list as ``classes``.

    Returns:
        Names in the order of their numbers.

    Raises:
        SourceError: It is no list of different names.
        ObjectMissing: There is nothing.
    """
    uri = absolute_uri(address)
    folder = Prefix(uri)
    if not uri.endswith((".txt", ".json")) and folder.exists(RUN_CARD_KEY):
        uri = folder.uri_of(RUN_CARD_KEY)
    names = _names(read_uri(uri, max_bytes=_MAX_BYTES), is_text=uri.endswith(".txt"))
    if not names or len(set(names)) < len(names):
        raise SourceError(
            f"{uri} is no list of different class names",
            remedy='give an export\'s folder, a .txt file with a name a line, or a .json file: ["gun", "knife"]',
        )
    return names


def check_known(labels: Iterable[str], classes: list[str]) -> None:
    """Refuse labels that a list of classes does not number.

    Args:
        labels: Classes that images show.
        classes: The list.

    Raises:
        SourceError: One is missing.
    """
    unknown = sorted(set(labels) - set(classes))
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise SourceError(
            f"the corpus shows the class {unknown[0]!r}{more}, which the list of {len(classes)} classes lacks",
            remedy="add it at the end of the list, so that the others keep their numbers",
        )


def _coco_head(corpus: Prefix) -> bytes:
    # The file may be larger than memory; classes stand before the images.
    head = b""
    with open_read(corpus.uri_of(COCO_KEY)) as file:
        while _END_OF_HEAD not in head and len(head) < _MAX_BYTES and (block := file.read(_BLOCK_BYTES)):
            head += block
    return head.partition(_END_OF_HEAD)[0] + _END_OF_HEAD + b"]}"


def _names(data: bytes, *, is_text: bool) -> list[str]:
    try:
        text = data.decode("utf-8-sig")
        found = [line.strip() for line in text.splitlines()] if is_text else json.loads(text)
    except (ValueError, RecursionError):
        return []
    names = found.get("classes") if isinstance(found, dict) else found
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        return []
    return names
