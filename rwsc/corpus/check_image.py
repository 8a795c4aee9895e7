"""Check the file of one image of a corpus against its row, and its pixels against its bag."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rwsc.corpus.check_row import Fault, Promised
from rwsc.corpus.containers import ImageReader
from rwsc.corpus.mark import is_marked
from rwsc.corpus.pixel_check import count_outside, is_lossless
from rwsc.corpus.plan import PlannedImage
from rwsc.errors import AccessDenied, ObjectMissing, RwscError, UnreadableImage
from rwsc.sources.outages import is_outage
from rwsc.sources.reread import read_indexed
from rwsc.sources.transparency import on_air
from rwsc.storage.addresses import bucket_and_path
from rwsc.storage.images import ImageLimits, decode_image


class BagReader:
    """Reads bags again, as they were planned; threads may share one.

    A bucket that fails is not asked again: its faults are waited out for minutes, and each image would wait anew.
    """

    def __init__(self, max_pixels: int) -> None:
        """Make a reader.

        Args:
            max_pixels: Width times height from which on a bag is refused.
        """
        self._limits = ImageLimits(max_pixels=max_pixels)
        self._failing: set[str] = set()

    def read(self, planned: PlannedImage) -> np.ndarray | None:
        """Read the bag of an image.

        Args:
            planned: The plan's row.

        Returns:
            Its pixels as they go into the image; None where it is gone, out of reach or another one now.
        """
        uri = planned.scan_uri
        if any(uri.startswith(bucket) for bucket in self._failing):
            return None
        try:
            scan = read_indexed(uri, planned.scan_sha256, limits=self._limits)
            return on_air(scan, planned.air_level)
        except (RwscError, ValueError) as error:  # of a damaged plan, the level of air of another scan
            if is_outage(error, uri) and not isinstance(error, ObjectMissing):
                self._failing.add(f"s3://{bucket_and_path(uri)[0]}/")
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageCheck:
    """Checks the images of one shard."""

    images: ImageReader
    bags: BagReader
    promised: Promised
    numbers: Counter[str]
    """Counts the images that are `read`, those `compared` with their bags, and those `without_bag`, which cannot be."""

    def faults(self, row: Mapping[str, Any], planned: PlannedImage, *, knows_items: bool) -> list[Fault]:
        """Read the file of an image, and hold it against its row and its bag.

        Args:
            row: A row of status made, whose `uri` is that of its own file.
            planned: The plan's row of the same image.
            knows_items: Whether the row is without a fault, so that it tells where items lie.

        Returns:
            What is wrong.
        """
        self.numbers["read"] += 1
        faults, image = self._check_file(row)
        # A lossy format promises nothing.
        if image is None or not knows_items or not is_lossless(row):
            return faults
        return self._check_against_bag(row, planned, image)

    def _check_file(self, row: Mapping[str, Any]) -> tuple[list[Fault], np.ndarray | None]:
        limits = ImageLimits(max_pixels=self.promised.max_pixels)
        try:
            data = self.images.read(row["uri"], max_bytes=limits.max_bytes)
            if hashlib.sha256(data).hexdigest() != row["sha256"]:
                return [("image", "the file is not the one that was made: its hash differs")], None
            image = decode_image(data, limits=limits)
        except UnreadableImage as error:
            return [("image", f"the file cannot be decoded: {error.message}")], None
        except (ObjectMissing, AccessDenied) as error:
            return [("image", error.message)], None
        channels = 1 if image.ndim == 2 else image.shape[2]
        found = (image.shape[1], image.shape[0], image.dtype.itemsize * 8, channels)
        stated = tuple(row[name] for name in ("width", "height", "bit_depth", "channels"))
        if found != stated:
            return [("image", f"width, height, bits and channels are {found}, its row says {stated}")], None
        is_array = row["uri"].endswith(".npy")
        if self.promised.is_marked and not is_array and not is_marked(data, row["image_id"]):
            return [("mark", "the file does not say that it is synthetic and this image")], None
        return [], image

    def _check_against_bag(
        self, row: Mapping[str, Any], planned: PlannedImage, image: np.ndarray
    ) -> list[Fault]:
        scan = self.bags.read(planned)
        if scan is None:
            self.numbers["without_bag"] += 1
            return []
        self.numbers["compared"] += 1
        if image.shape != scan.shape or image.dtype != scan.dtype:
            return [("outside", f"the image is {_form(image)}, its bag {_form(scan)}")]
        number = count_outside(row, image, scan)
        return (
            [("outside", f"{number:,} pixels outside what was fused are not those of its bag")]
            if number
            else []
        )


def _form(image: np.ndarray) -> str:
    return f"{' x '.join(map(str, image.shape))} of {image.dtype.itemsize * 8} bits"
