"""Threat image projection: the product of transmissions, the field's reference."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from rwsc.fusion.channels import match_channels
from rwsc.fusion.engine import Region
from rwsc.physics.transmission import tip


class ProductEngine:
    """What the engines share that need no weights, and leave the bag alone where the item covers nothing.

    Those that darken the bag give it back, to the bit, wherever the item is air; those that paint (alpha, poisson) say
    what they do there.
    """

    weights_sha256 = ""
    licences: list[str] = []  # noqa: RUF012 - empty for good
    blend: Literal["support", "alpha"] = "support"
    reach_px: int | None = 0


class TipEngine(ProductEngine):
    """Threat image projection per channel (equation 4 of the slides).

    An item never brightens a channel, and the order of items does not matter.
    """

    name = "tip"

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Multiply the transmissions of bag and item in each region."""
        return [tip(region.bag_HWC, region.item_HWC) for region in regions]


class TipGrayEngine(ProductEngine):
    """Threat image projection by luminance: the item darkens all channels of the bag alike and adds no colour.

    The item's luminance is that of `match_channels`. An item never brightens a channel, the order of items
    does not matter, and the ratios between the bag's channels stay as they are.
    """

    name = "tip_gray"

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Multiply every channel of the bag with the item's luminance."""
        return [tip(region.bag_HWC, match_channels(region.item_HWC, 1)) for region in regions]
