"""Threat image projection: the product of transmissions, the field's reference."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from rwsc.fusion.engine import Region
from rwsc.physics.transmission import tip


class TipEngine:
    """Threat image projection per channel (equation 4 of the slides); needs no weights."""

    name = "tip"
    weights_sha256 = ""
    licences: list[str] = []  # noqa: RUF012 - empty for good
    blend: Literal["support", "alpha"] = "support"

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Multiply the transmissions of bag and item in each region."""
        return [tip(region.bag_HWC, region.item_HWC) for region in regions]
