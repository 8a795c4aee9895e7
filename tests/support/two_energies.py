"""A source of dual-energy phantoms whose truth is known: bags, items alone, and items in bags."""

import json

import numpy as np

from rwsc.physics.truth import Truth, draw_truth
from rwsc.sources.masks import encode_rle
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix

LICENCE = "made up, CC0"
LABELS = ("gun", "knife", "wrench")
HEIGHT_PX, WIDTH_PX = 280, 340


def draw_truths(num: int, *, clean: bool = False) -> list[Truth]:
    """Draw phantoms, the same for the same number."""
    return [
        draw_truth(
            np.random.default_rng(seed), height_px=HEIGHT_PX, width_px=WIDTH_PX, labels=LABELS, clean=clean
        )
        for seed in range(num)
    ]


def write_scan(folder: Prefix, stem: str, scan_HW2: np.ndarray, *, form: str) -> str:
    """Write a scan as one .npy file or as two PNG files; gives the name that an annotation would use."""
    if form == "npy":
        folder.write(f"{stem}.npy", encode_image(scan_HW2, codec="npy"))
        return f"{stem}.npy"
    for energy, word in enumerate(("low", "high")):
        folder.write(f"{stem}_{word}.png", encode_image(np.ascontiguousarray(scan_HW2[..., energy])))
    return f"{stem}_low.png"


def write_truths(folder: Prefix, truths: list[Truth], *, form: str, with_masks: bool = True) -> None:
    """Write a COCO tree of each phantom's bag, item alone on the belt, and item in the bag with its box.

    Args:
        folder: Where to.
        truths: The phantoms.
        form: ``npy`` or ``pairs``.
        with_masks: Whether items alone have a mask.
    """
    images, annotations = [], []
    for number, truth in enumerate(truths):
        height, width = truth.bag_HW2.shape[:2]
        kinds = {"benign": truth.bag_HW2, "isolated": truth.item_HW2, "threat": truth.both_HW2}
        for kind, scan_HW2 in kinds.items():
            name = write_scan(folder, f"{kind}/{number}", scan_HW2, form=form)
            image_id = len(images) + 1
            images.append(
                {
                    "id": image_id,
                    "file_name": name,
                    "kind": kind,
                    "width": width,
                    "height": height,
                    "license": 1,
                }
            )
            if kind == "benign":
                continue
            counts = encode_rle(truth.alpha_HW >= 0.5)
            has_mask = kind == "isolated" and with_masks
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": LABELS.index(truth.label) + 1,
                    "bbox": list(truth.bbox_xywh),
                    **({"segmentation": {"size": [height, width], "counts": counts}} if has_mask else {}),
                }
            )
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number + 1, "name": label} for number, label in enumerate(LABELS)],
        "licenses": [{"id": 1, "name": LICENCE}],
    }
    folder.write("annotations.json", json.dumps(document).encode())
