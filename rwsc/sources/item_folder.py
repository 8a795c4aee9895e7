"""Reader for a library of items alone, as threat image projection keeps it: ``<class>/<item>_<orientation>.png``.

Only such a name says which pictures show one thing; of pictures that are merely numbered their likeness has to tell.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np

from rwsc.errors import AccessDenied, SourceError, StorageError, UnreadableImage
from rwsc.sources.reader import Reader
from rwsc.sources.schema import SourceObject, SourceScan
from rwsc.sources.tree import IMAGE_SUFFIXES, SourceTree, join, stem_of
from rwsc.storage.addresses import is_s3
from rwsc.storage.images import decode_image

_NUM_OPENED = 4
_OPAQUE_SHARE = 0.99
"""A cut-out leaves more of its picture empty than the rest of this."""


def _recognise(tree: SourceTree) -> str | None:
    # A folder of folders of images is mostly one of harmless bags, so only cut-outs are taken for items unasked.
    classes = [name for name in tree.folders() if tree.images(name)]
    if not classes or tree.images() or any(tree.folders(name) for name in classes):
        return None
    first = list(islice((join(name, tree.images(name)[0]) for name in classes), _NUM_OPENED))
    second = [join(name, image) for name in classes[:_NUM_OPENED] for image in tree.images(name)[1:2]]
    opened = [*first, *second][:_NUM_OPENED]
    return f"cut-outs such as {opened[0]}" if all(_is_cut_out(tree, key) for key in opened) else None


def _is_cut_out(tree: SourceTree, key: str) -> bool:
    uri = tree.uri_of(key)
    if uri is None or not key.lower().endswith((".png", ".tif", ".tiff", ".webp")):
        return False
    try:
        image = decode_image(tree.read(key))
    except UnreadableImage:
        return False
    except StorageError as error:
        if is_s3(uri) and not isinstance(error, AccessDenied):
            raise
        return False
    if image.ndim != 3 or image.shape[2] != 4:
        return False
    share = np.mean(image[..., 3] > 0)
    return bool(0 < share < _OPAQUE_SHARE)


def _list_scans(tree: SourceTree, dropped: Counter[str]) -> Iterator[SourceScan]:
    if next(tree.walk("", IMAGE_SUFFIXES), None) is None:
        raise SourceError(
            f"no images below {tree.root.uri}", remedy="give the folder that holds one folder per class"
        )
    return (_listed(tree, key) for key in tree.walk("", IMAGE_SUFFIXES))


def _listed(tree: SourceTree, key: str) -> SourceScan:
    uri = tree.uri_of(key)
    folder, _, rest = key.partition("/")
    if uri is None:
        return SourceScan(uri=None, kind="isolated", problem=f"the name {key!r} cannot be an address")
    if not rest or not folder.strip():
        return SourceScan(uri=uri, kind="isolated", problem="it lies in no folder that names its class")
    return SourceScan(
        uri=uri,
        kind="isolated",
        group=_item_of(key),
        objects=(SourceObject(label=folder.strip()),),
    )


def _item_of(key: str) -> str | None:
    """Give an item's name, with its folders, since items of two classes may bear the same; None where none is told."""
    item, _, orientation = stem_of(key).rpartition("_")
    folder = key.rpartition("/")[0]
    return f"{folder}/{item}" if item.strip("_") and orientation else None


READER = Reader(layout="items", recognise=_recognise, list_scans=_list_scans)
