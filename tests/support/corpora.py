import json

import numpy as np

from rwsc.corpus.settings import SynthConfig
from rwsc.items.build import build_items
from rwsc.sources.index import index_to_catalogue
from rwsc.sources.masks import encode_rle
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix

AIR = 245
LICENCE = "made up, CC0"


def bag_image(seed, hw=(120, 160)):
    """A box of cluttered attenuation on air."""
    rng = np.random.default_rng(seed)
    image = np.full((*hw, 3), AIR, np.uint8)
    clutter = rng.uniform(0.35, 0.8, (hw[0] // 8 - 2, hw[1] // 8 - 2, 3)).repeat(8, 0).repeat(8, 1)
    image[8 : 8 + clutter.shape[0], 8 : 8 + clutter.shape[1]] = (clutter * AIR).astype(np.uint8)
    return image


def item_image(seed, hw=(30, 44)):
    """A bar with a hole on air, and its mask."""
    mask_HW = np.zeros(hw, bool)
    mask_HW[8:22, 6:38] = True
    mask_HW[12:16, 12:18] = False
    return thing_on_air(seed, mask_HW), mask_HW


def thing_on_air(seed, mask_HW):
    """One even thing, alone on the belt."""
    rng = np.random.default_rng(seed)
    image = np.full((*mask_HW.shape, 3), AIR, np.uint8)
    image[mask_HW] = (AIR * rng.uniform(0.15, 0.6, 3)).astype(np.uint8)
    return image


class CocoScans:
    """A COCO tree of bags and things alone on the belt, filled piece by piece."""

    def __init__(self, folder: Prefix, labels) -> None:
        self._folder = folder
        self._labels = labels
        self._images, self._annotations = [], []

    def add_bag(self, key, image, **facts):
        """Write and list a harmless bag."""
        self._add(key, image, kind="benign", **facts)

    def add_thing(self, key, image, mask_HW, *, category, kind="isolated", **facts):
        """Write and list a thing alone on the belt, or of kind threat one in a bag; categories count from 0."""
        self._add(key, image, kind=kind, **facts)
        ys, xs = np.nonzero(mask_HW)
        box = [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
        self._annotations.append(
            {
                "id": len(self._annotations) + 1,
                "image_id": len(self._images),
                "category_id": category % len(self._labels) + 1,
                "bbox": [int(each) for each in box],
                "segmentation": {"size": list(mask_HW.shape), "counts": encode_rle(mask_HW)},
            }
        )

    def write(self):
        """Write what describes all that was added."""
        coco = {
            "images": self._images,
            "annotations": self._annotations,
            "categories": [{"id": number, "name": label} for number, label in enumerate(self._labels, 1)],
            "licenses": [{"id": 1, "name": LICENCE}],
        }
        self._folder.write("annotations.json", json.dumps(coco).encode())

    def _add(self, key, image, **facts):
        self._folder.write(key, encode_image(image))
        height, width = image.shape[:2]
        listed = {"id": len(self._images) + 1, "file_name": key, "width": width, "height": height}
        self._images.append({**listed, "license": 1, **facts})


def write_scans(folder: Prefix, *, num_bags=5, num_items=4, labels=("gun", "knife")):
    """A COCO tree of harmless bags and items alone on the belt."""
    scans = CocoScans(folder, labels)
    for number in range(num_bags):
        scans.add_bag(f"bags/bag {number}.png", bag_image(number))
    for number in range(num_items):
        scans.add_thing(f"items/{number}.png", *item_image(number), category=number)
    scans.write()


def make_inputs(root: str, **changes):
    """Write scans, catalogue and item bank under a folder; give the addresses of the last two."""
    folder = Prefix(root)
    write_scans(folder.child("scans"), **changes)
    return index_and_cut(folder)


def index_and_cut(folder: Prefix):
    """Make catalogue and item bank of the scans in a folder, and give their addresses."""
    catalogue, items = folder.uri_of("catalogue.parquet"), folder.uri_of("items")
    index_to_catalogue(folder.uri_of("scans"), catalogue)
    build_items(catalogue, items)
    return catalogue, items


def synth_config(root: str, **changes):
    folder = Prefix(root)
    defaults = {
        "items": folder.uri_of("items"),
        "bags": folder.uri_of("catalogue.parquet"),
        "output": folder.uri_of("corpus"),
        "engine": "tip",
        "num_images": 7,
        "shard_images": 3,
    }
    return SynthConfig(**{**defaults, **changes})
