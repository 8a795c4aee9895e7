"""Threat image projection for a scanner whose grey levels are not proportional to photons of one energy."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.tip import ProductEngine

_FLOOR = np.float32(1e-4)


class Calibration(BaseModel):
    """How grey levels of a scanner relate to matter; one number for all channels, or one per channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dark: tuple[float, ...] = Field(
        default=(0.0,), min_length=1, description="Level of no photon at all, as a share of the level of air."
    )
    gain: tuple[float, ...] = Field(
        default=(1.0,),
        min_length=1,
        description="How many times as strongly as in its own scan an item attenuates in the bag's scanner.",
    )
    hardening: tuple[float, ...] = Field(
        default=(0.0,),
        min_length=1,
        description="Hardening of the beam, per neper: matter behind much matter attenuates less; 0 for none.",
    )

    @model_validator(mode="after")
    def _check(self) -> "Calibration":
        for share in self.dark:
            if not 0 <= share < 1:
                raise ValueError(f"a dark level is a share of air's, from 0 to below 1, not {share}")
        for factor in self.gain:
            if not 0 < factor < float("inf"):
                raise ValueError(f"a gain is a number above 0, not {factor}")
        for curvature in self.hardening:
            if not 0 <= curvature < float("inf"):
                raise ValueError(f"hardening is a number from 0, not {curvature}")
        return self

    def check_channels(self, num_channels: int) -> None:
        """See to it that each setting has one value, or one for each channel.

        Args:
            num_channels: Channels of the scan.

        Raises:
            ConfigError: One has not.
        """
        for name in Calibration.model_fields:
            if len(getattr(self, name)) not in (1, num_channels):
                raise ConfigError(
                    f"the calibration's {name} has {len(getattr(self, name))} values"
                    f" for a scan of {num_channels} channel(s)",
                    remedy=f"give 1 or {num_channels}",
                )


class TipCalibratedEngine(ProductEngine):
    """Projection by `project`, with a calibration for each kind of scan.

    Matter too dense for any photon shows as the dark level, not as black. An item never brightens a channel,
    and the order of items does not matter.
    """

    name = "tip_calibrated"

    def __init__(self, calibrations: dict[int, Calibration]) -> None:
        """Bind the calibrations.

        Args:
            calibrations: One for each number of channels that a scan may have.
        """
        self._calibrations = calibrations

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Add what bag and item attenuate, as the calibration tells it."""
        return [
            project(region.bag_HWC, region.item_HWC, self._calibrations[region.bag_HWC.shape[2]])
            for region in regions
        ]


def project(bag_HWC: np.ndarray, item_HWC: np.ndarray, calibration: Calibration) -> np.ndarray:
    r"""Superimpose an item on a bag as a scanner sees both.

    The dark level is taken off, attenuation :math:`a` is made proportional to matter (the usual correction of
    beam hardening by a polynomial, here of second degree), added, and all is undone:

    .. math:: t' = \frac{I - I_{dark}}{I_{air} - I_{dark}}, \qquad a = -\ln t', \qquad m = a + c a^2,
              \qquad m_{fb} = m_b + g\, m_f

    Args:
        bag_HWC: Transmission of the bag as seen, level over level of air.
        item_HWC: Transmission of the item as seen, same shape.
        calibration: Dark level, gain :math:`g` and hardening :math:`c`.

    Returns:
        Transmission of both together as seen, float32; the bag, to the bit, where the item is air.

    Raises:
        ConfigError: The calibration is for another number of channels.
    """
    calibration.check_channels(bag_HWC.shape[2])
    dark, gain, hardening = (
        np.asarray(values, dtype=np.float32)
        for values in (calibration.dark, calibration.gain, calibration.hardening)
    )
    bag_nepers_HWC, item_nepers_HWC = (
        -np.log(np.clip((side - dark) / (1 - dark), _FLOOR, 1)) for side in (bag_HWC, item_HWC)
    )
    matter_HWC = _matter(bag_nepers_HWC, hardening) + gain * _matter(item_nepers_HWC, hardening)
    added_HWC = np.maximum(_nepers(matter_HWC, hardening) - bag_nepers_HWC, 0)
    # What is darker than the dark level stays as it is: nothing is left there to attenuate.
    fused_HWC = bag_HWC + np.maximum(bag_HWC - dark, 0) * np.expm1(-added_HWC)
    return np.where(item_HWC < 1, np.maximum(fused_HWC, np.minimum(bag_HWC, _FLOOR)), bag_HWC)


def _matter(nepers: np.ndarray, hardening: np.ndarray) -> np.ndarray:
    return nepers * (1 + hardening * nepers)


def _nepers(matter: np.ndarray, hardening: np.ndarray) -> np.ndarray:
    """Undo `_matter`, in the form that holds for no hardening too."""
    return 2 * matter / (1 + np.sqrt(1 + 4 * hardening * matter))
