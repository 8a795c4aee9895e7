"""Threat image projection in a colour space: luminance multiplies, colours mix by attenuation."""

from collections.abc import Sequence

import cv2
import numpy as np

from rwsc.fusion.channels import match_channels
from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.physics.transmission import DEFAULT_FLOOR, to_attenuation

_LEAST = np.float32(1e-6)
_MAGENTA_DEG = 300.0


class TipHsvEngine(ProductEngine):
    r"""Projection in hue, saturation and value: matter keeps its hue however dense it is.

    Hue :math:`h` and saturation :math:`s` are means of both sides', weighted by what each attenuates, :math:`a`, of
    the mean of its channels; a side counts in the hue as far as it is saturated:

    .. math:: h = \frac{a_b s_b h_b + a_f s_f h_f}{a_b s_b + a_f s_f}, \qquad s = \frac{a_b s_b + a_f s_f}{a_b + a_f}

    Hues run from magenta over red, orange, green and blue to magenta, and the mean never goes the short way across
    it: between organic orange and metallic blue lies inorganic green, as in true scans, which know no magenta.
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
    turned_HW, strength_HW, weight_HW = np.zeros((3, *bag_HWC.shape[:2]), dtype=np.float32)
    for side_HWC in (bag_HWC, item_HWC):
        hsv_HWC = cv2.cvtColor(np.ascontiguousarray(side_HWC), cv2.COLOR_RGB2HSV)
        nepers_HW = to_attenuation(side_HWC.mean(axis=2))
        weight_HW += nepers_HW
        strength_HW += nepers_HW * hsv_HWC[..., 1]
        turned_HW += nepers_HW * hsv_HWC[..., 1] * ((hsv_HWC[..., 0] - _MAGENTA_DEG) % 360)
    hue_HW = (turned_HW / np.maximum(strength_HW, _LEAST) + _MAGENTA_DEG) % 360
    saturation_HW = strength_HW / np.maximum(weight_HW, _LEAST)
    brightest_HWC = np.dstack([hue_HW, saturation_HW, np.ones_like(hue_HW)])
    colour_HWC = cv2.cvtColor(brightest_HWC, cv2.COLOR_HSV2RGB)
    luminance_HW1 = match_channels(bag_HWC, 1) * match_channels(item_HWC, 1)
    fused_HWC = colour_HWC * (luminance_HW1 / match_channels(colour_HWC, 1))
    # Through hue and back costs the last bit, which matter that is not there must not cost.
    is_item_HW1 = (item_HWC < 1).any(axis=2, keepdims=True)
    return np.where(is_item_HW1, np.clip(fused_HWC, np.float32(DEFAULT_FLOOR), 1), bag_HWC)
