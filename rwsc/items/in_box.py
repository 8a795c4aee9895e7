"""Find an item inside a bag from its box alone: the outliner's guess, settled pixel by pixel by a graph cut."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from rwsc.items.extract import clean_mask
from rwsc.items.outliner_view import Outline
from rwsc.sources.schema import BBox

_CUT_SWEEPS = 2
_CUT_MAX_ATTENUATION = 3.0
_MIN_PART_SHARE = 0.15
_FEWEST_PX = 20


class SeesBoxes(Protocol):
    """Marks the item in a box; see `rwsc.items.outliner.Outliner`."""

    def outline(self, attenuation_HWC: np.ndarray, bbox_xywh: BBox) -> Outline:
        """Mark it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settling:
    """Probabilities of the outliner between which the graph cut has the last word."""

    bag: float
    """Pixels below it are bag."""

    likely: float
    """Pixels above it are item before the cut."""

    item: float
    """Pixels above it are item."""


SETTLING = Settling(bag=0.1, likely=0.3, item=0.7)
"""Of those that do best on phantoms, the one that does best on masks of real scans (decision 0006);
`jobs/settle_outliner.py` compares."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BoxMask:
    """A mask found inside a box."""

    mask_HW: np.ndarray
    """True on the item, of the scan's size; nothing where no item was seen."""

    confidence: float
    """From 0 to 1, higher for masks that are more likely good; see `settle`."""

    agreement: float
    """Overlap of the mask with what was item before the cut, 0 to 1."""


def mask_in_box(
    attenuation_HWC: np.ndarray, bbox_xywh: BBox, outliner: SeesBoxes, settling: Settling = SETTLING
) -> BoxMask:
    """Outline the item in a box, and settle the outline; see `settle`.

    Args:
        attenuation_HWC: Attenuation of the scan in nepers, float32, one or three channels.
        bbox_xywh: Box around the item, some of it in the picture.
        outliner: What marks the item.
        settling: What is left to the cut.

    Returns:
        The mask and how far it can be trusted.
    """
    return settle(attenuation_HWC, outliner.outline(attenuation_HWC, bbox_xywh), settling)


def settle(attenuation_HWC: np.ndarray, outline: Outline, settling: Settling = SETTLING) -> BoxMask:
    """Make a mask at the scan's own scale of what the outliner says.

    The outliner gives each pixel a probability at a coarse scale. Pixels it is sure of are settled; a graph
    cut on the scan's attenuation (GrabCut: Rother, Kolmogorov and Blake, 2004) settles the rest at the scan's own
    scale. Parts far smaller than the largest are dropped; holes are kept. The confidence is the probability that
    the mask overlaps the truth by 0.8 or more, as a logistic function of three things that was fitted on phantoms: the
    overlap that the outliner expects, how soft its answer is, and its overlap with the settled mask.

    Args:
        attenuation_HWC: Attenuation of the scan in nepers, float32, one or three channels.
        outline: The outliner's answer for a box, some of it in the picture.
        settling: What is left to the cut.

    Returns:
        The mask and how far it can be trusted.
    """
    rows, columns = outline.window.inside(attenuation_HWC.shape)
    top, left = rows.start - outline.window.top, columns.start - outline.window.left
    likely_HW = outline.probability_HW[
        top : top + rows.stop - rows.start, left : left + columns.stop - columns.start
    ]
    guess_HW = likely_HW > settling.likely
    mask_HW = np.zeros(attenuation_HWC.shape[:2], dtype=bool)
    if np.count_nonzero(guess_HW) < _FEWEST_PX:
        return BoxMask(mask_HW=mask_HW, confidence=0.0, agreement=0.0)
    settled_HW = clean_mask(
        _cut(attenuation_HWC[rows, columns], likely_HW, settling),
        min_part_share=_MIN_PART_SHARE,
        fill_holes_px=0,
    )
    if np.count_nonzero(settled_HW) < _FEWEST_PX:
        # The scan bears nothing of the guess out.
        return BoxMask(mask_HW=mask_HW, confidence=0.0, agreement=0.0)
    mask_HW[rows, columns] = settled_HW
    agreement = float(np.count_nonzero(guess_HW & settled_HW) / np.count_nonzero(guess_HW | settled_HW))
    return BoxMask(mask_HW=mask_HW, confidence=_confidence(outline, agreement), agreement=agreement)


def _confidence(outline: Outline, agreement: float) -> float:
    """Fitted on 500 phantom scenes of their own seed by `jobs/settle_outliner.py`."""
    evidence = 3.5 * outline.expected_iou - 18.1 * outline.softness + 1.9 * agreement - 0.2
    return float(1 / (1 + np.exp(-evidence)))


def _cut(attenuation_HWC: np.ndarray, likely_HW: np.ndarray, settling: Settling) -> np.ndarray:
    """Settle the pixels that the outliner is not sure of; its guess where a cut has nothing to go by."""
    guess_HW = likely_HW > settling.likely
    label_HW = np.where(guess_HW, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    label_HW[likely_HW > settling.item] = cv2.GC_FGD
    label_HW[likely_HW < settling.bag] = cv2.GC_BGD
    seen_HWC = np.clip(attenuation_HWC * (255 / _CUT_MAX_ATTENUATION), 0, 255).astype(np.uint8)
    seen_HWC = np.ascontiguousarray(np.broadcast_to(seen_HWC, (*seen_HWC.shape[:2], 3)))
    cv2.setRNGSeed(0)  # the cut starts from clusters drawn at random
    try:
        cv2.grabCut(
            seen_HWC,
            label_HW,
            None,
            np.zeros((1, 65)),
            np.zeros((1, 65)),
            _CUT_SWEEPS,
            cv2.GC_INIT_WITH_MASK,
        )
    except cv2.error:
        return guess_HW  # all of it is item, or none of it
    return (label_HW == cv2.GC_FGD) | (label_HW == cv2.GC_PR_FGD)
