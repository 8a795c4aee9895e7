"""Threat image projection in a colour space: luminance multiplies, colours mix by attenuation."""

from collections.abc import Sequence

import cv2
import numpy as np

from rwsc.fusion.channels import match_channels
from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.physics.transmission import DEFAULT_FLOOR, to_attenuation

_LEAST = np.float32(1e-6)


class TipHsvEngine(ProductEngine):
    r"""Projection in hue, saturation and value: matter keeps its hue however dense it is.

    Hue :math:`h` and saturation :math:`s` are means of both sides', weighted by what each attenuates, :math:`a`, of
    the mean of its channels; that of the hue is circular, and a side counts in it as far as it is saturated:

    .. math:: h = \arg(a_b s_b e^{ih_b} + a_f s_f e^{ih_f}), \qquad s = \frac{a_b s_b + a_f s_f}{a_b + a_f}

    The value is the one with which luminances multiply. (Values that multiply by themselves make a blue item in
    orange clothes shine, since the value of both is nearly that of air.) So luminance never brightens; a single
    channel may, as it does in true scans where metal turns orange into blue. The order of items does not matter to
    the luminance but where a channel would rise above air, and to the colour only about. Scans without colour
    are multiplied channel by channel. How colours mix is ours, not the paper's.
    """

    name = "tip_hsv"

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Fuse each region by itself."""
        return [_fuse(region.bag_HWC, region.item_HWC) for region in regions]


def _fuse(bag_HWC: np.ndarray, item_HWC: np.ndarray) -> np.ndarray:
    if bag_HWC.shape[2] != 3:
        return bag_HWC * item_HWC
    vector_HW2 = np.zeros((*bag_HWC.shape[:2], 2), dtype=np.float32)
    strength_HW, weight_HW = vector_HW2[..., 0], vector_HW2[..., 0] + _LEAST
    for side_HWC in (bag_HWC, item_HWC):
        hue_HW2, saturation_HW = _hue_and_saturation(side_HWC)
        nepers_HW = to_attenuation(side_HWC.mean(axis=2))
        weight_HW = weight_HW + nepers_HW
        strength_HW = strength_HW + nepers_HW * saturation_HW
        vector_HW2 = vector_HW2 + (nepers_HW * saturation_HW)[..., None] * hue_HW2
    colour_HWC = _brightest(vector_HW2, strength_HW / weight_HW)
    luminance_HW1 = match_channels(bag_HWC, 1) * match_channels(item_HWC, 1)
    fused_HWC = colour_HWC * (luminance_HW1 / match_channels(colour_HWC, 1))
    # Through hue and back costs the last bit, which matter that is not there must not cost.
    is_item_HW1 = (item_HWC < 1).any(axis=2, keepdims=True)
    return np.where(is_item_HW1, np.clip(fused_HWC, np.float32(DEFAULT_FLOOR), 1), bag_HWC)


def _hue_and_saturation(transmission_HWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give hue as a vector of length 1, (H, W, 2), and saturation, (H, W)."""
    hsv_HWC = cv2.cvtColor(np.ascontiguousarray(transmission_HWC), cv2.COLOR_RGB2HSV)
    angle_HW = np.deg2rad(hsv_HWC[..., 0])
    return np.dstack([np.cos(angle_HW), np.sin(angle_HW)]), hsv_HWC[..., 1]


def _brightest(hue_HW2: np.ndarray, saturation_HW: np.ndarray) -> np.ndarray:
    """Give the colour of value 1 of a hue, a vector of any length, and a saturation."""
    angle_HW = np.rad2deg(np.arctan2(hue_HW2[..., 1], hue_HW2[..., 0])) % 360
    hsv_HWC = np.dstack([angle_HW, saturation_HW, np.ones_like(saturation_HW)]).astype(np.float32)
    return cv2.cvtColor(hsv_HWC, cv2.COLOR_HSV2RGB)
