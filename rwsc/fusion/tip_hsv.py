"""Threat image projection in a colour space: brightness multiplies, colours mix by attenuation."""

from collections.abc import Sequence

import cv2
import numpy as np

from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.physics.transmission import to_attenuation

_MAX_SATURATION = 0.999
"""At 1 a channel would be black, and transmission is above 0."""


class TipHsvEngine(ProductEngine):
    r"""Projection in hue, saturation and value: matter keeps its hue however dense it is.

    Values (the largest channel) multiply. The colour, a vector as long as the saturation and at the angle of
    the hue, is the mean of both sides' weighted by their attenuation :math:`a`:

    .. math:: v = v_b v_f, \qquad s e^{ih} = \frac{a_b s_b e^{ih_b} + a_f s_f e^{ih_f}}{a_b + a_f}

    so that the hue is a circular mean and opposite colours become gray. Attenuation is that of the mean of the
    channels. The value never brightens; a single channel may, as it does in true scans where metal turns orange
    into blue. The order of items does not matter to the value, and to the colour only about. Scans without colour
    are multiplied channel by channel. How colours mix is ours, not the paper's.
    """

    name = "tip_hsv"

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Fuse each region by itself."""
        return [_fuse(region.bag_HWC, region.item_HWC) for region in regions]


def _fuse(bag_HWC: np.ndarray, item_HWC: np.ndarray) -> np.ndarray:
    if bag_HWC.shape[2] != 3:
        return bag_HWC * item_HWC
    (bag_colour_HW2, bag_value_HW), (item_colour_HW2, item_value_HW) = map(_split, (bag_HWC, item_HWC))
    bag_weight_HW1, item_weight_HW1 = (
        to_attenuation(side.mean(axis=2, keepdims=True)) for side in (bag_HWC, item_HWC)
    )
    total_HW1 = np.maximum(bag_weight_HW1 + item_weight_HW1, np.finfo(np.float32).tiny)
    colour_HW2 = (bag_weight_HW1 * bag_colour_HW2 + item_weight_HW1 * item_colour_HW2) / total_HW1
    fused_HWC = _join(colour_HW2, bag_value_HW * item_value_HW)
    # Through hue and back costs the last bit, which matter that is not there must not cost.
    return np.where((item_HWC < 1).any(axis=2, keepdims=True), fused_HWC, bag_HWC)


def _split(transmission_HWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give colour as a vector (saturation at the angle of hue), (H, W, 2), and value, (H, W)."""
    hsv_HWC = cv2.cvtColor(np.ascontiguousarray(transmission_HWC), cv2.COLOR_RGB2HSV)
    angle_HW = np.deg2rad(hsv_HWC[..., 0])
    saturation_HW1 = hsv_HWC[..., 1:2]
    return saturation_HW1 * np.dstack([np.cos(angle_HW), np.sin(angle_HW)]), hsv_HWC[..., 2]


def _join(colour_HW2: np.ndarray, value_HW: np.ndarray) -> np.ndarray:
    hue_HW = np.rad2deg(np.arctan2(colour_HW2[..., 1], colour_HW2[..., 0])) % 360
    saturation_HW = np.minimum(np.hypot(colour_HW2[..., 0], colour_HW2[..., 1]), _MAX_SATURATION)
    hsv_HWC = np.dstack([hue_HW, saturation_HW, value_HW]).astype(np.float32)
    return cv2.cvtColor(hsv_HWC, cv2.COLOR_HSV2RGB)
