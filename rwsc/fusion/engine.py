"""One interface for all ways to fuse an item into the part of a bag around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Region:
    """The part of a bag around one item, and the item on the same grid; what an engine sees."""

    bag_HWC: np.ndarray
    """Transmission of the bag, float32 in (0, 1], C = 1 (gray), 2 (low and high energy) or 3 (RGB)."""

    item_HWC: np.ndarray
    """Transmission of the item on air (1), its soft rim mixed with air; same shape."""

    alpha_HW: np.ndarray
    """Coverage of each pixel by the item, float32 in [0, 1]."""


class Engine(Protocol):
    """A way to fuse. Engines hold no state between calls: equal regions give equal results."""

    @property
    def name(self) -> str:
        """The engine's name on the command line and in manifests."""

    @property
    def weights_sha256(self) -> str:
        """Hash of the learned weights, empty for an engine without any."""

    @property
    def licences(self) -> list[str]:
        """Licences that bind what the engine makes: that of its weights' training data, none without weights."""

    @property
    def blend(self) -> Literal["support", "alpha"]:
        """How the result enters the bag.

        ``support`` takes it wherever the item covers anything (for engines that leave the bag alone outside
        the item by themselves); ``alpha`` mixes what it adds to the product of transmissions by coverage.
        """

    @property
    def reach_px(self) -> int | None:
        """How far from the item the bag matters to the result, in pixels; None where the user decides.

        An engine that looks at each pixel by itself has 0: its regions may end where the item does.
        """

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Fuse each region by itself.

        Args:
            regions: Any number of regions, sizes may differ.

        Returns:
            Transmission of bag and item together, one (H, W, C) float32 array in (0, 1] per region.

        Raises:
            ConfigError: The engine cannot fuse regions of that many channels.
        """
