"""Threat image projection of scans of two energies: matter is added, material and colour come last."""

from collections.abc import Sequence

import numpy as np

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.physics.basis import to_amounts, to_nepers

_FLOOR = np.float32(1e-4)


class TipDualEngine(ProductEngine):
    """Projection of both energies at once, with the hardening of the beam; see `project_energies`.

    The plain product, which is the engine tip on such scans, takes every photon for one of the same energy, and
    so makes dense parts too dark and, at low more than at high, of too heavy a material. It is refused for
    colour and gray: a colour of a display is no measurement (tip_material guesses it back), and one energy
    tells no material. An item never brightens. The order of items does not matter where scans are such as matter
    makes.
    """

    name = "tip_dual"

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Project both energies; raise `ConfigError` for regions without two energies."""
        for region in regions:
            channels = region.bag_HWC.shape[2]
            if channels != 2:
                raise ConfigError(
                    f"engine tip_dual fuses scans of two energies, this one has {channels} channel(s)",
                    remedy="use tip for gray and colour scans",
                )
        return [project_energies(region.bag_HWC, region.item_HWC) for region in regions]


def project_energies(bag_HW2: np.ndarray, item_HW2: np.ndarray) -> np.ndarray:
    """Superimpose an item on a bag as a scanner of two energies sees both.

    Both are turned into amounts of two matters, these are added, and what they attenuate together is looked up
    in the tabulated beam; see `rwsc.physics.basis`. A scanner with another beam than the tabulated one keeps a
    part of its hardening: what the table does not explain is added as it is.

    Args:
        bag_HW2: Transmission of the bag at low and high energy, in (0, 1].
        item_HW2: Transmission of the item, same shape.

    Returns:
        Transmission of both together, float32; the bag, to the bit, where the item is air.
    """
    fused_HW2 = bag_HW2.astype(np.float32)
    covered_HW = (item_HW2 < 1).any(axis=2)
    bag_P2 = fused_HW2[covered_HW]
    bag, item = (to_amounts(-np.log(np.clip(side, _FLOOR, 1))) for side in (bag_P2, item_HW2[covered_HW]))
    added_P2 = np.maximum(to_nepers(bag + item) - to_nepers(bag), 0)
    fused_HW2[covered_HW] = np.maximum(bag_P2 * np.exp(-added_P2), np.minimum(bag_P2, _FLOOR))
    return fused_HW2
