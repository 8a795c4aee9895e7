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
    rng = np.random.default_rng(seed)
    mask_HW = np.zeros(hw, bool)
    mask_HW[8:22, 6:38] = True
    mask_HW[12:16, 12:18] = False
    image = np.full((*hw, 3), AIR, np.uint8)
    image[mask_HW] = (AIR * rng.uniform(0.15, 0.6, 3)).astype(np.uint8)
    return image, mask_HW


def write_scans(folder: Prefix, *, num_bags=5, num_items=4, labels=("gun", "knife")):
    """A COCO tree of harmless bags and items alone on the belt."""
    images, annotations = [], []
    for number in range(num_bags):
        key = f"bags/bag {number}.png"
        folder.write(key, encode_image(bag_image(number)))
        images.append(
            {
                "id": len(images) + 1,
                "file_name": key,
                "kind": "benign",
                "width": 160,
                "height": 120,
                "license": 1,
            }
        )
    for number in range(num_items):
        image, mask_HW = item_image(number)
        key = f"items/{number}.png"
        folder.write(key, encode_image(image))
        images.append(
            {
                "id": len(images) + 1,
                "file_name": key,
                "kind": "isolated",
                "width": 44,
                "height": 30,
                "license": 1,
            }
        )
        annotations.append(
            {
                "id": number + 1,
                "image_id": len(images),
                "category_id": number % len(labels) + 1,
                "bbox": [6, 8, 32, 14],
                "segmentation": {"size": [30, 44], "counts": encode_rle(mask_HW)},
            }
        )
    coco = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": label} for number, label in enumerate(labels, start=1)],
        "licenses": [{"id": 1, "name": LICENCE}],
    }
    folder.write("annotations.json", json.dumps(coco).encode())


def make_inputs(root: str, **changes):
    """Write scans, catalogue and item bank under a folder; give the addresses of the last two."""
    folder = Prefix(root)
    write_scans(folder.child("scans"), **changes)
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
