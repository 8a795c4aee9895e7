"""Cut items out of phantoms, whose truth is known, from their boxes alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from rwsc.evaluation.masks import iou
from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Cut, extract_item
from rwsc.items.in_box import SeesBoxes, mask_in_box
from rwsc.items.outliner_view import BBox
from rwsc.items.quality import gate
from rwsc.physics.phantom_scenes import Scene, draw_bags, draw_scene
from rwsc.physics.phantoms import render
from rwsc.physics.transmission import DEFAULT_FLOOR, from_attenuation, to_attenuation, to_transmission
from rwsc.training.outliner_samples import sloppy_box

_BAG_SEED = 20_261
_NUM_BAGS = 60
_SIZE_PX = (60.0, 170.0)
_AIR_LEVEL = 252.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PhantomCheck:
    """What became of one phantom item."""

    label: str
    density: float
    """Mean attenuation of what truly lies under the item, in nepers."""

    iou: float
    """Overlap of the mask that was found with the true one."""

    confidence: float
    reason: str | None
    """Why the gate rejects it, or None."""

    error_mixed: float
    """Mean error of the item's transmission when the bag is left in, over the true mask."""

    error_unmixed: float
    """The same when it is taken away."""


def check_phantoms(count: int, seed: int, config: ItemsConfig, outliner: SeesBoxes) -> Iterator[PhantomCheck]:
    """Draw scenes that no training saw, and cut their items out.

    Boxes are drawn as loosely as annotators draw them. Un-mixing is measured under the true mask, so that its
    error is not that of the outline.

    Args:
        count: Scenes.
        seed: Decides them; scene n does not depend on `count`.
        config: Settings of the item bank.
        outliner: What finds items in boxes.

    Yields:
        PhantomCheck: One per scene.
    """
    for number in range(count):
        yield _check(draw_boxed(np.random.default_rng([seed, number])), config, outliner)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoxedPhantom:
    """A phantom scene as it was scanned, with a loose box around its item."""

    scene: Scene
    attenuation_HWC: np.ndarray
    """What the scan shows, in nepers."""

    bbox_xywh: BBox
    true_HW: np.ndarray
    """True where the item covers more than half a pixel."""


def draw_boxed(rng: np.random.Generator) -> BoxedPhantom:
    """Draw a scene that no training saw; `rng` decides it."""
    scene = draw_scene(rng, _bags(), size_px=_SIZE_PX, vary_density=False)
    image = render(from_attenuation(scene.attenuation_HWC), rng, air_level=_AIR_LEVEL)
    return BoxedPhantom(
        scene=scene,
        attenuation_HWC=to_attenuation(to_transmission(image, _AIR_LEVEL)),
        bbox_xywh=sloppy_box(rng, scene.bbox_xywh),
        true_HW=scene.cover_HW > 0.5,
    )


@cache
def _bags() -> list[np.ndarray]:
    return draw_bags(_BAG_SEED, _NUM_BAGS)


def _check(phantom: BoxedPhantom, config: ItemsConfig, outliner: SeesBoxes) -> PhantomCheck:
    scene, attenuation_HWC, true_HW = phantom.scene, phantom.attenuation_HWC, phantom.true_HW
    found = mask_in_box(attenuation_HWC, phantom.bbox_xywh, outliner)
    reason: str | None = "no item seen in its box"
    if found.mask_HW.any():
        cut = Cut(
            mask_HW=found.mask_HW,
            method="box_unmixed",
            bbox_xywh=phantom.bbox_xywh,
            confidence=found.confidence,
        )
        reason = gate(extract_item(attenuation_HWC, cut, config).quality, config)
    mixed, unmixed = (
        transmission_error(scene, attenuation_HWC, Cut(mask_HW=true_HW, method=method), config)
        for method in ("given", "mask_unmixed")
    )
    return PhantomCheck(
        label=scene.label,
        density=float(scene.without_item_HWC[true_HW].mean()),
        iou=iou(found.mask_HW, true_HW),
        confidence=found.confidence,
        reason=reason,
        error_mixed=mixed,
        error_unmixed=unmixed,
    )


def transmission_error(scene: Scene, attenuation_HWC: np.ndarray, cut: Cut, config: ItemsConfig) -> float:
    """Measure how far the transmission of a cut-out is from the item's own.

    Args:
        scene: The truth.
        attenuation_HWC: The scene as it was scanned, in nepers.
        cut: Where the item lies, and whether the bag is to be taken away.
        config: Settings of the item bank.

    Returns:
        Mean absolute error over the mask and the channels.
    """
    candidate = extract_item(attenuation_HWC, cut, config)
    x, y, w, h = candidate.bbox_xywh
    place = slice(y, y + h), slice(x, x + w)
    true_HWC = from_attenuation(scene.attenuation_HWC - scene.without_item_HWC)[place]
    error_HWC = np.abs(candidate.transmission_HWC - np.maximum(true_HWC, DEFAULT_FLOOR))
    return float(error_HWC[cut.mask_HW[place]].mean())
