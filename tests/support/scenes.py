"""Phantom scenes as a scanner shows them, with the truth about their items."""

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from rwsc.physics.phantom_scenes import draw_bags, draw_scene
from rwsc.physics.phantoms import render
from rwsc.physics.transmission import from_attenuation, to_attenuation, to_transmission
from rwsc.sources.masks import encode_rle
from rwsc.storage.images import encode_image

AIR = 250.0


@dataclass(frozen=True, eq=False)
class SeenScene:
    """An item in a bag, seen through photon noise and 8 bits."""

    image: np.ndarray
    attenuation_HWC: np.ndarray
    truth_HW: np.ndarray
    bbox_xywh: tuple[float, float, float, float]


@cache
def some_bags() -> list[np.ndarray]:
    return draw_bags(11, 6)


def seen_scene(number: int) -> SeenScene:
    """Draw a scene and scan it; all of it depends on the number alone."""
    rng = np.random.default_rng([5, number])
    scene = draw_scene(rng, some_bags())
    image = render(from_attenuation(scene.attenuation_HWC), rng, air_level=AIR)
    x, y, w, h = map(float, scene.bbox_xywh)
    return SeenScene(image, to_attenuation(to_transmission(image, AIR)), scene.cover_HW >= 0.5, (x, y, w, h))


def write_masked_bags(folder, groups):
    """Write a COCO tree of phantom bags with a masked item each; the groups say how many."""
    images, annotations = [], []
    for number, group in enumerate(groups):
        scene = seen_scene(number)
        folder.write(f"{number}.png", encode_image(scene.image))
        height, width = scene.truth_HW.shape
        images.append(
            {"id": number + 1, "file_name": f"{number}.png", "width": width, "height": height, "group": group}
        )
        annotations.append(
            {
                "id": number + 1,
                "image_id": number + 1,
                "category_id": 1,
                "bbox": list(scene.bbox_xywh),
                "segmentation": {"size": [height, width], "counts": encode_rle(scene.truth_HW)},
            }
        )
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "gun"}]}
    folder.write("annotations.json", json.dumps(document).encode())


def overlap(one_HW: np.ndarray, other_HW: np.ndarray) -> float:
    """Intersection over union; 0 where both are empty."""
    return (one_HW & other_HW).sum() / max(1, (one_HW | other_HW).sum())
