"""The channels of an item made those of the bag it goes into."""

import numpy as np

from rwsc.errors import ConfigError
from rwsc.physics.pseudo_colour import colourise

LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Luminance of RGB (ITU-R BT.601), used to turn a colour item gray for a gray bag."""


def match_channels(item_HWC: np.ndarray, num_channels: int) -> np.ndarray:
    """Give an item the number of channels of the bag it goes into.

    Args:
        item_HWC: Transmission with one channel (gray), two (low and high energy) or three (colour).
        num_channels: 1, 2 or 3.

    Returns:
        The same array where the numbers agree; for a gray bag luminance, or the mean of the two energies,
        which is about what a detector of one energy counts; for a colour bag three equal channels of a
        gray item, and the colours of `colourise` (ours, no console's) for two energies.

    Raises:
        ConfigError: The bag has two energies and the item has not: gray tells no material, and a colour of
            a display no measured intensities.
    """
    own = item_HWC.shape[2]
    if own == num_channels:
        return item_HWC
    if num_channels == 1:
        weights = LUMA_WEIGHTS if own == 3 else np.full(2, 0.5, dtype=np.float32)
        return (item_HWC @ weights)[..., None]
    if (own, num_channels) == (1, 3):
        return np.repeat(item_HWC, 3, axis=2)
    if (own, num_channels) == (2, 3):
        return colourise(item_HWC)
    raise ConfigError(
        f"an item of {own} channel(s) cannot go into a bag of two energies",
        remedy="build an item bank of scans of two energies, or use gray or colour bags",
    )
