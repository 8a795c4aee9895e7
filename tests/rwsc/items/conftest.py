"""Makes bags with known items in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from rwsc.physics.transmission import to_attenuation, to_transmission
from rwsc.sources.catalogue import write_catalogue
from rwsc.sources.index import index_source
from rwsc.sources.masks import encode_rle
from rwsc.sources.schema import Scan, ScanObject

AIR = 240.0


@dataclass
class MadeUpScan:
    """A scan of a bag with one item, and the truth about it."""

    image: np.ndarray
    mask_HW: np.ndarray
    item_HWC: np.ndarray
    """The item's own attenuation."""

    bag_HWC: np.ndarray
    """The bag's own attenuation."""

    @property
    def attenuation_HWC(self) -> np.ndarray:
        """What the image says of both."""
        return to_attenuation(to_transmission(self.image, AIR))


def item_mask(height: int, width: int) -> np.ndarray:
    """A pistol-like shape with a hole."""
    mask_HW = np.zeros((height, width), np.uint8)
    cv2.rectangle(mask_HW, (30, 40), (90, 58), 1, -1)
    cv2.rectangle(mask_HW, (72, 58), (90, 90), 1, -1)
    cv2.circle(mask_HW, (62, 66), 10, 1, 3)
    return mask_HW > 0


def make_scan(seed: int, *, height: int = 130, width: int = 130, bag: bool = True) -> MadeUpScan:
    """A smooth bag with a few blocks and an item of known attenuation, with a scanner's blur and noise."""
    rng = np.random.default_rng(seed)
    colour_C = np.array([0.5, 0.8, 1.3])
    bag_HWC = np.zeros((height, width, 3))
    if bag:
        smooth_HW = cv2.GaussianBlur(rng.random((height, width)), (0, 0), 20)
        smooth_HW = 0.15 + 0.6 * (smooth_HW - smooth_HW.min()) / np.ptp(smooth_HW)
        bag_HWC = smooth_HW[..., None] * colour_C
        x = rng.integers(20, 80)
        bag_HWC[:, x : x + 30] += 0.25
        bag_HWC[:8], bag_HWC[-8:], bag_HWC[:, :8], bag_HWC[:, -8:] = 0, 0, 0, 0
    mask_HW = item_mask(height, width)
    thickness_HW = 1 + 0.3 * np.sin(np.arange(width) / 9)[None]
    item_HWC = (
        mask_HW[..., None] * thickness_HW[..., None] * np.array([1.4, 1.0, 0.7]) * rng.uniform(0.7, 1.3)
    )
    grey = AIR * np.exp(-(bag_HWC + cv2.GaussianBlur(item_HWC, (0, 0), 0.6)))
    image = np.clip(np.rint(grey + rng.normal(0, 1.0, grey.shape)), 0, 255).astype(np.uint8)
    return MadeUpScan(image, mask_HW, item_HWC, bag_HWC)


class BankMaker:
    """A folder of made-up scans and their catalogue."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.catalogue_uri = str(root / "catalogue.parquet")
        self.scans: list[Scan] = []

    def add(self, image: np.ndarray, objects: list[ScanObject], **fields) -> Scan:
        folder = self.root / f"scan{len(self.scans)}"
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(
            cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)[1]
        )
        (seen,) = index_source(str(folder))
        row = seen.to_row() | {
            "objects": objects,
            "kind": "threat",
            "air_level": [AIR] * len(seen.air_level or []),
        }
        self.scans.append(Scan(**row | fields))
        return self.scans[-1]

    def write(self) -> str:
        write_catalogue(self.catalogue_uri, self.scans, overwrite=True)
        return self.catalogue_uri


def an_object(
    mask_HW: np.ndarray | None, *, label: str = "gun", bbox=(30.0, 40.0, 61.0, 51.0), flags=()
) -> ScanObject:
    return ScanObject(
        label=label,
        bbox_xywh=list(bbox),
        mask_rle=None if mask_HW is None else encode_rle(mask_HW),
        flags=list(flags),
    )


@pytest.fixture
def maker(tmp_path: Path) -> BankMaker:
    return BankMaker(tmp_path)


@pytest.fixture
def made_up():
    return make_scan


@pytest.fixture
def masked():
    return an_object


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """As in a build: threads of torch's own would wait for each other on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
