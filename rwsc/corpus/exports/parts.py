"""An export in parts: each is written whole or not at all, and is found again when the export goes on."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from rwsc.corpus.exports.files import Files
from rwsc.corpus.exports.pictures import Picture
from rwsc.corpus.exports.survey import Survey
from rwsc.sources.parallel import map_in_order
from rwsc.storage.prefix import Prefix

PART_RAW_BYTES = 2 * 2**30
"""Pixels of a part before encoding, where its images are so large that fewer of them make one."""

Read = Callable[[Picture], Files]


@dataclass(kw_only=True)
class Part:
    """Some images of one split."""

    split: str
    number: int
    """Place among the parts of its split, from 0."""

    pictures: list[Picture] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Split and number, as in the names of files."""
        return f"{self.split}-{self.number:06d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """What the files around the images need to know of a whole export."""

    classes: list[str]
    splits: tuple[str, ...]
    """Those that hold images, in the order of train, val, test."""

    survey: Survey
    clean_twin: bool
    pictures: Callable[[], Iterator[Picture]]
    """Opens a new pass over all images, in their order."""


class Format(Protocol):
    """How a corpus is written for others."""

    def check(self, survey: Survey, classes: list[str]) -> None:
        """Refuse what the format cannot hold, before anything is written."""

    def part_key(self, part: Part) -> str:
        """Name what is there when, and only when, a part is whole."""

    def write_part(self, out: Prefix, part: Part, read: Read, *, threads: int) -> None:
        """Write the images of a part."""

    def finish(self, out: Prefix, export: Export) -> None:
        """Write what stands beside the images."""


def parts_of(pictures: Iterable[Picture], *, part_images: int) -> Iterator[Part]:
    """Gather images into parts, split by split.

    What goes into a part depends on nothing but the rows before it, so that an export which is taken up again
    finds the parts it has.

    Args:
        pictures: Images in their order.
        part_images: Most images of a part.

    Yields:
        Parts as they fill; no more than one per split is held.
    """
    open_parts: dict[str, Part] = {}
    raw_bytes: dict[str, int] = {}
    for picture in pictures:
        part = open_parts.setdefault(picture.split, Part(split=picture.split, number=0))
        size = raw_bytes.get(picture.split, 0) + picture.num_raw_bytes
        if part.pictures and (len(part.pictures) == part_images or size > PART_RAW_BYTES):
            yield part
            part = open_parts[picture.split] = Part(split=picture.split, number=part.number + 1)
            size = picture.num_raw_bytes
        part.pictures.append(picture)
        raw_bytes[picture.split] = size
    yield from open_parts.values()


def marker_key(part: Part) -> str:
    """Name the marker of a part whose images are files of their own."""
    return f".rwsc/{part.name}"


def write_folder_part(
    out: Prefix, part: Part, write_picture: Callable[[Picture], None], *, threads: int
) -> None:
    """Write the images of a part as files of their own, and then its marker.

    Args:
        out: The export.
        part: The part.
        write_picture: Writes one image and what belongs to it.
        threads: Threads that write.
    """
    for _ in map_in_order(write_picture, part.pictures, max_workers=threads):
        pass
    out.write(marker_key(part), f"{len(part.pictures)}\n".encode())
