"""Look at one listed image without decoding it: its annotation, whether it is there, and its header where wanted."""

from dataclasses import dataclass

from rwsc.errors import ObjectMissing, StorageError, UnreadableImage
from rwsc.sources.examine import with_annotation
from rwsc.sources.layout import Recognised
from rwsc.sources.outages import is_outage
from rwsc.sources.schema import SourceScan
from rwsc.sources.sidecars import DamagedAnnotation
from rwsc.storage.embedded import is_embedded
from rwsc.storage.energy_pairs import halves_of, is_pair, probe_pair
from rwsc.storage.files import open_read
from rwsc.storage.images import ImageInfo, probe_image
from rwsc.storage.prefix import read_uri

_HEAD_BYTES = 64 * 2**10
_NOMINAL_SIZE_WH = (1000, 1000)
"""Stands for the size of an image that nothing states: shares of it stay right, pixels do not count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One listed image, its annotation read."""

    scan: SourceScan
    number: int
    """Its place in the listing."""

    size_wh: tuple[int, int] | None
    """Size of the image by its header or, without one, as stated; None where neither says."""

    header: ImageInfo | None = None
    fault: str | None = None
    """Why the image or its annotation cannot be used."""

    is_absent: bool = False


def look_at(scan: SourceScan, number: int, wants_header: bool, source: Recognised) -> Look:
    """Look at one listed image.

    Args:
        scan: The image as its reader lists it.
        number: Its place in the listing.
        wants_header: Whether its header is read.
        source: The source that lists it.

    Returns:
        What was seen; whatever is wrong with the image is its fault.

    Raises:
        StorageError: The bucket is down.
    """
    stated = _whole_size(scan)
    if scan.uri is None or scan.problem is not None:
        return Look(scan=scan, number=number, size_wh=stated, fault=scan.problem or "no address")
    if _is_absent(scan.uri, source):
        return Look(scan=scan, number=number, size_wh=stated, fault="no such file", is_absent=True)
    header, fault = _header_of(scan.uri) if wants_header else (None, None)
    if fault is not None:
        return Look(scan=scan, number=number, size_wh=stated, fault=fault, is_absent=fault == "no such file")
    size_wh = (header.width, header.height) if header else stated
    try:
        scan = with_annotation(scan, size_wh or _NOMINAL_SIZE_WH)
    except DamagedAnnotation as error:
        return Look(scan=scan, number=number, size_wh=size_wh, header=header, fault=str(error))
    return Look(scan=scan, number=number, size_wh=size_wh or _whole_size(scan), header=header)


def _whole_size(scan: SourceScan) -> tuple[int, int] | None:
    width, height = scan.stated_size_wh
    return (int(width), int(height)) if width and height and width > 0 and height > 0 else None


def _is_absent(uri: str, source: Recognised) -> bool:
    """Say whether the listing of the source lacks an image; what lies outside it is not known to lack."""
    if is_pair(uri):
        return any(_is_absent(half_uri, source) for half_uri in halves_of(uri))
    head = f"{source.tree.root.uri}/"
    is_listed = not source.is_file and uri.startswith(head) and not is_embedded(uri)
    return is_listed and not source.tree.has(uri[len(head) :])


def _header_of(uri: str) -> tuple[ImageInfo | None, str | None]:
    """Read an image's header from its first bytes, or from the whole file where those do not reach."""
    try:
        return _probe(uri), None
    except ObjectMissing:
        return None, "no such file"
    except UnreadableImage as error:
        return None, error.message
    except StorageError as error:
        if is_outage(error, uri):
            raise
        return None, error.message


def _probe(uri: str) -> ImageInfo:
    if is_pair(uri):
        return probe_pair(uri, _probe)
    if not is_embedded(uri):
        try:
            with open_read(uri) as file:
                return probe_image(file.read(_HEAD_BYTES))
        except UnreadableImage:
            pass  # some headers lie further behind
    return probe_image(read_uri(uri))
