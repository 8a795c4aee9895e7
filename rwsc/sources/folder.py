"""Reader for a plain folder of harmless scans."""

from collections.abc import Iterable, Iterator

from rwsc.errors import SourceError
from rwsc.sources.coco import address_inside
from rwsc.sources.schema import SourceScan
from rwsc.sources.tree import IMAGE_SUFFIXES, is_image_key
from rwsc.storage.prefix import Prefix, absolute_uri


def read_folder(uri: str, *, keys: Iterable[str] | None = None) -> Iterator[SourceScan]:
    """List the images below a folder, sorted by key, all as harmless bags.

    Args:
        uri: The folder.
        keys: Its keys where they have been listed before.

    Returns:
        An iterator over the images; none has been read.

    Raises:
        SourceError: There is no image below the folder.
    """
    folder = Prefix(absolute_uri(uri))
    images = sorted(key for key in (folder.list_keys() if keys is None else keys) if is_image_key(key))
    if not images:
        raise SourceError(
            f"no images below {folder.uri}",
            remedy=f"images end in {', '.join(IMAGE_SUFFIXES)}; check the path",
        )
    return (_listed(folder, key) for key in images)


def _listed(folder: Prefix, key: str) -> SourceScan:
    uri = address_inside(folder, key)
    if uri is None:
        return SourceScan(uri=None, kind="benign", problem=f"the name {key!r} cannot be an address")
    return SourceScan(uri=uri, kind="benign")
