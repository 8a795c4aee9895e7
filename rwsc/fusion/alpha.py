"""Alpha blending: the item laid over the bag like paint, as many data sets of composites were made."""

from collections.abc import Sequence

import numpy as np

from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.physics.transmission import DEFAULT_FLOOR


class AlphaEngine(ProductEngine):
    r"""A mean of bag and item, weighted by cover and opacity.

    .. math:: t_{fb} = (1 - o \alpha)\, t_b + o \alpha\, t_f

    This is no physics: an item brighter than the bag brightens it, an item of air does so wherever it covers,
    and the item on top depends on the order.
    """

    name = "alpha"

    def __init__(self, opacity: float) -> None:
        """Bind the opacity.

        Args:
            opacity: Weight of the item where it covers a pixel wholly, in [0, 1].
        """
        self._opacity = np.float32(opacity)

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Mix bag and item in each region."""
        return [self._fuse(region) for region in regions]

    def _fuse(self, region: Region) -> np.ndarray:
        alpha_HW1 = region.alpha_HW[..., None]
        # The item on its canvas is mixed with air by its cover already; here only its own matter counts.
        own_HWC = region.item_HWC - (1 - alpha_HW1)
        fused_HWC = region.bag_HWC * (1 - self._opacity * alpha_HW1) + self._opacity * own_HWC
        return np.clip(fused_HWC, np.float32(DEFAULT_FLOOR), 1)
