"""Makes COCO trees of made-up scans, with whatever is wrong with them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest


def scan_pixels(seed: int, *, height: int = 40, width: int = 60, dtype: type = np.uint8, gray: bool = False):
    """A light belt, a bag and a few darker boxes in it, different for every seed."""
    rng = np.random.default_rng(seed)
    scale = np.iinfo(dtype).max / 255
    image = np.full((height, width, 3), 240.0)
    image[3:-3, 3:-3] *= 0.9
    for _ in range(4):
        y, x = rng.integers(4, height - 12), rng.integers(4, width - 12)
        image[y : y + 8, x : x + 8] *= rng.uniform(0.2, 0.8, 3)
    image = np.rint(image * scale).astype(dtype)
    return np.ascontiguousarray(image[..., 0]) if gray else image


def png(image: np.ndarray) -> bytes:
    """Encode without rwsc, RGB order."""
    return cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)[1].tobytes()


class CocoTree:
    """A folder with images and one COCO file, filled piece by piece."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.document: dict = {"images": [], "annotations": [], "categories": [], "licenses": []}
        self.category("gun")
        self.category("knife")

    def category(self, name: str) -> int:
        self.document["categories"].append({"id": len(self.document["categories"]) + 1, "name": name})
        return self.document["categories"][-1]["id"]

    def licence(self, name: str) -> int:
        self.document["licenses"].append({"id": len(self.document["licenses"]) + 1, "name": name})
        return self.document["licenses"][-1]["id"]

    def image(self, name: str, content: bytes | np.ndarray | None = None, **fields) -> int:
        """List an image; arrays are written as PNG, bytes as they are, None leaves no file."""
        image_id = len(self.document["images"]) + 1
        self.document["images"].append({"id": image_id, "file_name": name, **fields})
        if content is not None:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else png(content))
        return image_id

    def annotation(self, image_id: int, *, bbox=None, category_id: int = 1, **fields) -> dict:
        record = {
            "id": len(self.document["annotations"]) + 1,
            "image_id": image_id,
            "category_id": category_id,
        }
        if bbox is not None:
            record["bbox"] = bbox
        self.document["annotations"].append(record | fields)
        return self.document["annotations"][-1]

    def mask(self, name: str, mask_HW: np.ndarray) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            cv2.imencode(".png", mask_HW.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1]
        )
        return name

    def write(self, name: str = "annotations.json") -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.document))
        return str(path)


@pytest.fixture
def tree(tmp_path: Path) -> CocoTree:
    return CocoTree(tmp_path / "source")


@pytest.fixture
def pixels():
    return scan_pixels


@pytest.fixture
def as_png():
    return png
