"""Baselines that need no training: the average and the minimum of both sources, channel by channel."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from rwsc.fusion.engine import Region


class AverageEngine:
    """The mean of bag and item. The bag is washed out wherever the item is air: no physics, a yardstick."""

    name = "average"
    weights_sha256 = ""
    licences: list[str] = []  # noqa: RUF012 - empty for good
    blend: Literal["support", "alpha"] = "support"
    reach_px: int | None = 0

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Average the transmissions of bag and item in each region."""
        return [np.float32(0.5) * (region.bag_HWC + region.item_HWC) for region in regions]


class MinimumEngine:
    """The darker of bag and item: where both lie the lighter one vanishes."""

    name = "minimum"
    weights_sha256 = ""
    licences: list[str] = []  # noqa: RUF012 - empty for good
    blend: Literal["support", "alpha"] = "support"
    reach_px: int | None = 0

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Take the smaller transmission of bag and item in each region."""
        return [np.minimum(region.bag_HWC, region.item_HWC) for region in regions]
