"""An index run on disk, cut into parts: what is to be looked at, and the rows of what was."""

import hashlib
import json
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from rwsc.errors import SourceError
from rwsc.sources.catalogue import iter_scans, read_catalogue, write_catalogue
from rwsc.sources.examine import Defaults
from rwsc.sources.index import examine_all
from rwsc.sources.listing import read_listing, write_listing
from rwsc.sources.repeats import KeptScan, choose_kept
from rwsc.sources.schema import Scan, SourceScan
from rwsc.storage.addresses import is_s3
from rwsc.storage.prefix import Prefix
from rwsc.storage.run_card import RUN_CARD_KEY

_LISTING = "listing"
_ROWS = "rows"
_RECORD_KEY = "listing.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """What a complete listing holds."""

    layout: str
    why: str
    """What gave the layout away."""

    sizes: list[int]
    """Images of each part."""

    digest: str
    """Of the images in their order and of what belongs to them, see `digest_of`."""

    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def num_scans(self) -> int:
        """Images of all parts."""
        return sum(self.sizes)


class IndexParts:
    """The parts of one run, in a folder of their own.

    Every file appears whole or not at all, and the record of the listing comes after its parts: whoever is
    killed, the next one goes on with what is there.
    """

    def __init__(self, folder: Prefix) -> None:
        self.folder = folder

    def listed(self) -> Listed | None:
        """Give what was listed; None where no listing was finished."""
        if not self.folder.exists(_RECORD_KEY):
            return None
        try:
            return Listed(**json.loads(self.folder.read(_RECORD_KEY)))
        except (ValueError, TypeError, RecursionError) as error:
            raise SourceError(
                f"{self.folder.uri_of(_RECORD_KEY)} is damaged: {error}", remedy=f"delete {self.folder.uri}"
            ) from None

    def list_all(
        self,
        scans: Iterable[SourceScan],
        dropped: Counter[str],
        *,
        part_images: int,
        layout: str,
        why: str,
        tell: Callable[[int], None] = lambda num_scans: None,
    ) -> Listed:
        """Write a listing as its images come; rows of an earlier one are removed before.

        Args:
            scans: The images of the source.
            dropped: What the reader counts while they are taken.
            part_images: Images per part.
            layout: Layout of the source.
            why: What gave it away.
            tell: Called with the number of images so far, after each part.

        Returns:
            What was listed.
        """
        for key in list(self.folder.list_keys(_ROWS)):
            self.folder.delete(key)
        digest, sizes = hashlib.sha256(), list[int]()
        source = _told(scans, digest.update)
        while part := list(islice(source, part_images)):
            sizes.append(write_listing(self._uri(_LISTING, len(sizes)), part))
            tell(sum(sizes))
        listed = Listed(layout=layout, why=why, sizes=sizes, digest=digest.hexdigest(), dropped=dict(dropped))
        self.folder.write(_RECORD_KEY, (json.dumps(asdict(listed)) + "\n").encode())
        return listed

    def missing(self, listed: Listed) -> list[int]:
        """Give the numbers of the parts that nobody has looked at, in order."""
        done = {key.rsplit("/", 1)[-1] for key in self.folder.list_keys(_ROWS)}
        return [number for number in range(len(listed.sizes)) if _name(number) not in done]

    def examine(self, number: int, defaults: Defaults, *, threads: int) -> int:
        """Look at the images of one part and write their rows.

        Args:
            number: The part.
            defaults: What holds for the whole source.
            threads: Threads that read images; the rows do not depend on it.

        Returns:
            Number of rows.
        """
        scans = examine_all(read_listing(self._uri(_LISTING, number)), defaults, max_workers=threads)
        return write_catalogue(self._uri(_ROWS, number), scans, overwrite=True)

    def rows(self, listed: Listed) -> Iterator[Scan]:
        """Give the rows of all parts in the source's order, one part in memory at a time."""
        for number in range(len(listed.sizes)):
            yield from iter_scans(read_catalogue(self._uri(_ROWS, number)))

    def repeated(self, listed: Listed) -> set[str]:
        """Give the ids of scans that occur more than once among the usable rows."""
        ids = array("Q")
        for number in range(len(listed.sizes)):
            table = read_catalogue(self._uri(_ROWS, number), columns=["scan_id", "status"])
            for scan_id, status in zip(
                table["scan_id"].to_pylist(), table["status"].to_pylist(), strict=True
            ):
                if status == "ok":
                    ids.append(int(scan_id, 16))
        values, counts = np.unique(np.array(ids, dtype=np.uint64), return_counts=True)
        return {f"{value:016x}" for value in values[counts > 1].tolist()}

    def kept(self, listed: Listed) -> dict[str, KeptScan]:
        """Give the rows that stay of those that occur more than once, by the SHA-256 of their bytes."""
        repeated = self.repeated(listed)
        return choose_kept(self._numbered(listed, repeated)) if repeated else {}

    def _numbered(self, listed: Listed, scan_ids: Container[str]) -> Iterator[tuple[int, Scan]]:
        """Give the rows of some scans with their places among all rows, one part in memory at a time."""
        first = 0
        for number in range(len(listed.sizes)):
            table = read_catalogue(self._uri(_ROWS, number))
            places = [
                place for place, scan_id in enumerate(table["scan_id"].to_pylist()) if scan_id in scan_ids
            ]
            if places:
                yield from zip(
                    (first + place for place in places), iter_scans(table.take(places)), strict=True
                )
            first += table.num_rows

    def remove(self) -> None:
        """Delete the run; without the record of its listing, which goes first, a rest of it is begun anew."""
        self.folder.delete(_RECORD_KEY)
        for part in (_LISTING, _ROWS):
            for key in list(self.folder.list_keys(part)):
                self.folder.delete(key)
        self.folder.delete(RUN_CARD_KEY)
        if not is_s3(self.folder.uri):
            root = Path(self.folder.uri)
            for part in (_LISTING, _ROWS):
                # With the hidden files that killed writers left behind.
                shutil.rmtree(root / part, ignore_errors=True)
            with suppress(OSError):
                root.rmdir()

    def _uri(self, folder: str, number: int) -> str:
        return self.folder.uri_of(f"{folder}/{_name(number)}")


def digest_of(scans: Iterable[SourceScan]) -> str:
    """Digest listed images, so that another listing of their source can be told from this one.

    What an annotation file of a single image says is not in it: such files are read with their images.

    Args:
        scans: The images as the source lists them; none is held in memory.

    Returns:
        64 hexadecimal digits; equal for equal images with equal annotations in the same order.
    """
    digest = hashlib.sha256()
    for _ in _told(scans, digest.update):
        pass
    return digest.hexdigest()


def _told(scans: Iterable[SourceScan], update: Callable[[bytes], None]) -> Iterator[SourceScan]:
    for scan in scans:
        update(f"{scan!r}\n".encode("utf-8", "backslashreplace"))
        yield scan


def _name(number: int) -> str:
    return f"{number:06d}.parquet"
