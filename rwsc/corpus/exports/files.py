"""The bytes of an exported image: as the corpus has them, and of its bag without what was put in."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from rwsc.corpus.containers import ImageReader
from rwsc.corpus.exports.pictures import Picture
from rwsc.corpus.plan_store import StoredPlan
from rwsc.errors import ObjectMissing, SourceError, UnreadableImage
from rwsc.sources.transparency import on_air, where_there
from rwsc.storage.images import Codec, ImageLimits, decode_image, encode_image
from rwsc.storage.prefix import Prefix, read_uri

_CODECS: dict[str, Codec] = {".png": "png", ".jpg": "jpeg", ".npy": "npy"}


@dataclass(frozen=True, slots=True)
class Files:
    """What is written of one image."""

    image: bytes
    clean: bytes | None = None
    """The bag without what was put in; None where it was not asked for."""


class FileReader:
    """Reads images of a corpus, checked against their hashes; threads may share one."""

    def __init__(self, corpus: Prefix, settings: dict[str, Any], *, clean_twin: bool) -> None:
        """Bind what all images share.

        Args:
            corpus: The corpus.
            settings: Settings on its run card.
            clean_twin: Whether the bag is made again too.

        Raises:
            SourceError: The card states something else than a number.
        """
        self._corpus = corpus
        self._images = ImageReader(corpus)
        self._clean_twin = clean_twin
        self._jpeg_quality = _whole(settings, "jpeg_quality", 95)
        self._air_levels: dict[str, list[float]] = {}
        self._lock = Lock()
        self._limits = ImageLimits(max_pixels=_whole(settings, "max_pixels", ImageLimits().max_pixels))

    def __call__(self, picture: Picture) -> Files:
        """Read one image.

        Args:
            picture: The image.

        Returns:
            Its bytes.

        Raises:
            SourceError: The image or its bag is missing, has changed, or the bag is no longer taken.
            StorageError: A store refused, failed or could not be reached.
        """
        row = picture.row
        image = _checked(
            lambda: self._images.read(row["uri"]),
            f"{self._corpus.uri}/{row['uri']}",
            row["sha256"],
            what="the image",
            remedy="make it again: delete its shard's marker, run rwsc synth",
        )
        return Files(image, self._clean(picture) if self._clean_twin else None)

    def _clean(self, picture: Picture) -> bytes:
        row = picture.row
        data = _checked(
            lambda: read_uri(row["scan_uri"]),
            row["scan_uri"],
            row["scan_sha256"],
            what="the bag",
            remedy="restore the scans, or leave out --clean-twin",
        )
        try:
            image = decode_image(data, limits=self._limits)
        except UnreadableImage as error:
            raise SourceError(f"the bag {row['scan_uri']} cannot be used: {error.message}") from None
        air_level = [] if where_there(image) is None else self._air_level(row["scan_sha256"])
        scan = on_air(image, air_level)
        return encode_image(scan, codec=_CODECS[picture.suffix], jpeg_quality=self._jpeg_quality)

    def _air_level(self, scan_sha256: str) -> list[float]:
        """Look a bag's level of air up in the plan, which is read once, and only where a bag needs it."""
        with self._lock:
            if not self._air_levels:
                for part in StoredPlan(self._corpus).parts(["scan_sha256", "air_level"]):
                    levels = part["air_level"].to_pylist()
                    self._air_levels |= zip(part["scan_sha256"].to_pylist(), levels, strict=True)
            found = self._air_levels.get(scan_sha256)
        if found is None:
            raise SourceError(
                f"the plan of {self._corpus.uri} has no bag {scan_sha256}",
                remedy="rwsc verify tells what else is wrong with the corpus",
            )
        return found


def _whole(settings: dict[str, Any], name: str, fallback: int) -> int:
    value = settings.get(name, fallback) if isinstance(settings, dict) else None
    if type(value) is not int or value < 1:
        raise SourceError(f"the card of the corpus states {name} = {value!r}", remedy="make the corpus again")
    return value


def _checked(read: Callable[[], bytes], uri: str, sha256: str, *, what: str, remedy: str) -> bytes:
    try:
        data = read()
    except ObjectMissing:
        raise SourceError(f"{what} {uri} is missing", remedy=remedy) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SourceError(f"{what} {uri} has changed since the corpus was made", remedy=remedy)
    return data
