"""Poisson blending: the item's edges on the bag's brightness, by OpenCV's seamless cloning."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.physics.transmission import DEFAULT_FLOOR

_GROWN_PX = 4
_MARGIN_PX = 2 * _GROWN_PX
_GROWTH = np.ones((2 * _GROWN_PX + 1, 2 * _GROWN_PX + 1), np.uint8)
_LEVELS = 255
_FLAGS = {"mixed": cv2.MIXED_CLONE, "normal": cv2.NORMAL_CLONE}


class PoissonEngine(ProductEngine):
    """Gradient-domain cloning (Perez et al., 2003) as OpenCV does it, in 8 bits.

    ``normal`` takes the item's gradients, so that the bag under it is lost; ``mixed`` the stronger of both, so
    that it shines through. This is no physics: an item may brighten the bag, and order matters. With ``mixed`` an
    item of air leaves the bag as it is to within 1/255; with ``normal`` it leaves a smooth patch in which the bag is
    lost, as it is under an item. What is changed changes by steps of 1/255 also in scans of 16 bits, whose own
    levels stay.
    """

    name = "poisson"
    reach_px = _MARGIN_PX

    def __init__(self, clone: Literal["mixed", "normal"]) -> None:
        """Choose which gradients are taken.

        Args:
            clone: ``mixed`` or ``normal``.
        """
        self._flag = _FLAGS[clone]

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Clone the item into the bag of each region; regions without an item come back as they are."""
        return [self._fuse(region) for region in regions]

    def _fuse(self, region: Region) -> np.ndarray:
        if not region.alpha_HW.any():
            return region.bag_HWC
        # OpenCV takes three pixels off the mask's rim (all of a thin blade), needs one more to see the step
        # there whole, and wants bag between mask and frame: all are given before, and taken away after.
        mask_HW = cv2.dilate(_padded((region.alpha_HW > 0).astype(np.uint8)), _GROWTH)
        mask_HW[[0, -1]] = 0
        mask_HW[:, [0, -1]] = 0
        bag, item = (_to_levels(_padded(side)) for side in (region.bag_HWC, region.item_HWC))
        cloned = cv2.seamlessClone(item, bag, mask_HW * np.uint8(255), _middle(mask_HW), self._flag)
        inside = slice(_MARGIN_PX, -_MARGIN_PX)
        change = cv2.subtract(cloned, bag, dtype=cv2.CV_32F)[inside, inside, : region.bag_HWC.shape[2]]
        fused_HWC = np.clip(region.bag_HWC + change / _LEVELS, np.float32(DEFAULT_FLOOR), 1)
        return np.where(region.alpha_HW[..., None] > 0, fused_HWC, region.bag_HWC)


def _padded(array: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(array, _MARGIN_PX, _MARGIN_PX, _MARGIN_PX, _MARGIN_PX, cv2.BORDER_REPLICATE)


def _to_levels(transmission_HWC: np.ndarray) -> np.ndarray:
    """Give three channels of 8 bits; gray thrice, of two energies the high one twice."""
    channels = transmission_HWC.reshape(*transmission_HWC.shape[:2], -1)
    chosen = channels[..., [min(channel, channels.shape[2] - 1) for channel in range(3)]]
    return np.rint(chosen * _LEVELS).astype(np.uint8)


def _middle(mask_HW: np.ndarray) -> tuple[int, int]:
    """Give the point onto which OpenCV must put the middle of the mask's box so that nothing moves."""
    x, y, width, height = cv2.boundingRect(mask_HW)
    return x + width // 2, y + height // 2
