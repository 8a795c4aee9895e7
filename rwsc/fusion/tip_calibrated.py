"""Threat image projection for a scanner whose grey levels are not proportional to photons."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine
from rwsc.physics.transmission import DEFAULT_FLOOR


class Calibration(BaseModel):
    """How grey levels of a scanner relate to photons; one number for all channels, or one per channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dark: tuple[float, ...] = Field(
        default=(0.0,), min_length=1, description="Level of no photon at all, as a share of the level of air."
    )
    gain: tuple[float, ...] = Field(
        default=(1.0,),
        min_length=1,
        description="Attenuation of an item behind a bag over that of the item on air; below 1 where beams harden.",
    )

    @field_validator("dark")
    @classmethod
    def _check_dark(cls, dark: tuple[float, ...]) -> tuple[float, ...]:
        for share in dark:
            if not 0 <= share < 1:
                raise ValueError(f"a dark level is a share of air's, from 0 to below 1, not {share}")
        return dark

    @field_validator("gain")
    @classmethod
    def _check_gain(cls, gain: tuple[float, ...]) -> tuple[float, ...]:
        for factor in gain:
            if not 0 < factor < float("inf"):
                raise ValueError(f"a gain is a number above 0, not {factor}")
        return gain

    def per_channel(self, num_channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Give dark levels and gains of so many channels, float32 (C,) each.

        Args:
            num_channels: Channels of the scan.

        Returns:
            Dark levels and gains.

        Raises:
            ConfigError: There are neither one nor that many.
        """
        for name, values in (("dark", self.dark), ("gain", self.gain)):
            if len(values) not in (1, num_channels):
                raise ConfigError(
                    f"the calibration's {name} has {len(values)} values for a scan of {num_channels} channel(s)",
                    remedy=f"give 1 or {num_channels}",
                )
        dark_C, gain_C = (
            np.broadcast_to(np.asarray(values, np.float32), num_channels) for values in (self.dark, self.gain)
        )
        return dark_C, gain_C


class TipCalibratedEngine(ProductEngine):
    r"""Projection of what is left when the dark level is taken off.

    .. math:: t' = \frac{I - I_{dark}}{I_{air} - I_{dark}}, \qquad t'_{fb} = t'_b \cdot {t'_f}^{g}

    with a gain :math:`g` on the item's attenuation. Matter too dense for any photon then shows as the dark
    level, not as black. An item never brightens, and the order of items does not matter.
    """

    name = "tip_calibrated"

    def __init__(self, calibrations: dict[int, Calibration]) -> None:
        """Bind the calibrations.

        Args:
            calibrations: One for each number of channels that a scan may have.
        """
        self._calibrations = calibrations

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Multiply what lies above the dark level."""
        return [self._fuse(region) for region in regions]

    def _fuse(self, region: Region) -> np.ndarray:
        channels = region.bag_HWC.shape[2]
        return project(region.bag_HWC, region.item_HWC, *self._calibrations[channels].per_channel(channels))


def project(bag: np.ndarray, item: np.ndarray, dark: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Superimpose an item on a bag above a dark level.

    Args:
        bag: Transmission of the bag as seen, level over level of air, last axis the channels.
        item: Transmission of the item as seen, same shape.
        dark: Level of no photon over that of air, per channel.
        gain: Factor of the item's attenuation, per channel.

    Returns:
        Transmission of both together as seen; the bag, to the bit, where the item is air.
    """
    through = np.maximum((item - dark) / (1 - dark), np.float32(DEFAULT_FLOOR)) ** gain
    return bag - np.maximum(bag - dark, 0) * (1 - through)
