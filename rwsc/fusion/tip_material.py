"""Threat image projection of colour scans in the two energies that their colours stand for."""

from collections.abc import Sequence

import numpy as np

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.fusion.tip_dual import project_energies
from rwsc.physics.pseudo_colour import colourise, from_colour
from rwsc.physics.transmission import DEFAULT_FLOOR


class TipMaterialEngine(ProductEngine):
    """Colours are turned back into two energies, these projected, and the result coloured again.

    The bag is multiplied with the ratio of the colours with and without the item, so that what the rough way back
    from colour loses of the bag is not lost. It knows one map of colours, that of `rwsc.physics.pseudo_colour`;
    scans of a console with another map get wrong materials. A single channel may brighten, as it does in true
    scans; the order of items matters by about the rounding of colours. Refused for scans without colour.
    """

    name = "tip_material"

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Project each region in its energies; raise `ConfigError` for regions without colour."""
        for region in regions:
            channels = region.bag_HWC.shape[2]
            if channels != 3:
                raise ConfigError(
                    f"engine tip_material fuses colour scans, this one has {channels} channel(s)",
                    remedy="use tip_dual for scans of two energies, tip for gray ones",
                )
        return [_fuse(region) for region in regions]


def _fuse(region: Region) -> np.ndarray:
    bag_HW2, item_HW2 = from_colour(region.bag_HWC), from_colour(region.item_HWC)
    change_HWC = colourise(project_energies(bag_HW2, item_HW2)) / colourise(bag_HW2)
    fused_HWC = np.clip(region.bag_HWC * change_HWC, np.float32(DEFAULT_FLOOR), 1)
    return np.where((region.item_HWC < 1).any(axis=2, keepdims=True), fused_HWC, region.bag_HWC)
