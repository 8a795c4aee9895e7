"""Scans of phantoms for the probe: bags with an item, of known masks and sessions, and harmless bags."""

import json

from rwsc.evaluation.truth_phantoms import draw_case
from rwsc.items.build import build_items
from rwsc.sources.index import index_to_catalogue
from rwsc.sources.masks import encode_rle
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix


def write_probe_scans(root: str, *, num_threats=12, num_benign=8, num_sessions=4):
    """Write scans, catalogue and bank under a folder; give the addresses of the last two."""
    folder = Prefix(root)
    images, annotations = [], []
    for number in range(num_threats + num_benign):
        case, is_threat = draw_case(number), number < num_threats
        picture = case.true.rgb_HWC if is_threat else case.bag_HWC
        folder.write(f"scans/{number}.png", encode_image(picture))
        height, width = picture.shape[:2]
        kind = "threat" if is_threat else "benign"
        images.append(
            {
                "id": number,
                "file_name": f"{number}.png",
                "kind": kind,
                "width": width,
                "height": height,
                "group": f"{kind} {number % num_sessions}",
            }
        )
        if is_threat:
            mask_HW = case.truth.alpha_HW >= 0.5
            annotations.append(
                {
                    "id": number,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [float(side) for side in case.truth.bbox_xywh],
                    "segmentation": {"size": [height, width], "counts": encode_rle(mask_HW)},
                }
            )
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "gun"}]}
    folder.write("scans/annotations.json", json.dumps(document).encode())
    catalogue, items = folder.uri_of("catalogue.parquet"), folder.uri_of("items")
    index_to_catalogue(folder.uri_of("scans"), catalogue)
    build_items(catalogue, items)
    return catalogue, items
