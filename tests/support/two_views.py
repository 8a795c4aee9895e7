"""Inputs of a scanner with two views: bags and things from above and from the side."""

import json

import numpy as np

from rwsc.items.build import build_items
from rwsc.sources.index import index_to_catalogue
from rwsc.sources.masks import encode_rle
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix
from support.corpora import AIR, LICENCE, bag_image, synth_config

VIEWS = {"OL": "x", "SD": "x"}
"""Both views, whose belt runs along x."""

BAG_HW = {"OL": (120, 160), "SD": (104, 160)}
LABELS = ("gun", "knife")


def thing_image(seed, hw):
    """A bar that fills most of the belt's length on air, and its mask."""
    rng = np.random.default_rng(seed)
    mask_HW = np.zeros(hw, bool)
    mask_HW[6:-6, 6:-6] = True
    mask_HW[9:-9, 10:16] = False
    image = np.full((*hw, 3), AIR, np.uint8)
    image[mask_HW] = (AIR * rng.uniform(0.15, 0.6, 3)).astype(np.uint8)
    return image, mask_HW


def write_two_views(folder: Prefix, *, num_bags=3, num_things=4):
    """A COCO tree of bags and things alone on the belt, each in two views, and a bag and a thing in one."""
    images, annotations = [], []

    def add(key, picture, kind, group, view):
        folder.write(key, encode_image(picture))
        height, width = picture.shape[:2]
        facts = {"file_name": key, "kind": kind, "width": width, "height": height, "group": group}
        images.append(
            {"id": len(images) + 1, "license": 1, "view": view, "origin_dataset": "made up"} | facts
        )
        return len(images)

    for number in range(num_bags + 1):
        for turn, (view, hw) in enumerate(BAG_HW.items()):
            if number < num_bags or turn == 0:
                picture = bag_image(2 * number + turn, hw)
                add(f"bags/{number}_{view}.png", picture, "benign", f"bag {number}", view)
    for number in range(num_things + 1):
        for turn, view in enumerate(VIEWS):
            if number < num_things or turn == 0:
                picture, mask_HW = thing_image(2 * number + turn, (28 - 4 * turn, 46 + number))
                scan = add(f"things/{number}_{view}.png", picture, "isolated", f"thing {number}", view)
                segmentation = {"size": list(mask_HW.shape), "counts": encode_rle(mask_HW)}
                box = [6, 6, picture.shape[1] - 12, picture.shape[0] - 12]
                facts = {"id": scan, "image_id": scan, "category_id": number % len(LABELS) + 1}
                annotations.append({**facts, "bbox": box, "segmentation": segmentation})
    coco = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": label} for number, label in enumerate(LABELS, start=1)],
        "licenses": [{"id": 1, "name": LICENCE}],
    }
    folder.write("annotations.json", json.dumps(coco).encode())


def make_two_views(root: str):
    """Write scans, catalogue and item bank under a folder."""
    folder = Prefix(root)
    write_two_views(folder.child("scans"))
    catalogue = folder.uri_of("catalogue.parquet")
    index_to_catalogue(folder.uri_of("scans"), catalogue)
    build_items(catalogue, folder.uri_of("items"))


def paired_config(root: str, **changes):
    """Settings of a corpus of both views."""
    return synth_config(root, **{"paired_views": VIEWS, "num_images": 8, "shard_images": 4, **changes})
