"""Threat image projection of scans of two energies: each energy by itself, material and colour last."""

from collections.abc import Sequence

import numpy as np

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.fusion.tip_calibrated import Calibration, project


class TipDualEngine(ProductEngine):
    """Projection of each energy with the hardening of its beam.

    The plain product, which is the engine tip on such scans, takes every photon for one of the same energy, and
    so makes dense parts too dark and, at low more than at high, of too heavy a material. It is refused for
    colour and gray: a colour of a display is no measurement (tip_material guesses it back), and one energy
    tells no material. An item never brightens, and the order of items does not matter.
    """

    name = "tip_dual"

    def __init__(self, calibration: Calibration) -> None:
        """Bind the scanner.

        Args:
            calibration: Of low and high energy.
        """
        self._calibration = calibration

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Project each energy; raise `ConfigError` for regions without two energies."""
        for region in regions:
            channels = region.bag_HWC.shape[2]
            if channels != 2:
                raise ConfigError(
                    f"engine tip_dual fuses scans of two energies, this one has {channels} channel(s)",
                    remedy="use tip for gray and colour scans",
                )
        return [project(region.bag_HWC, region.item_HWC, self._calibration) for region in regions]
