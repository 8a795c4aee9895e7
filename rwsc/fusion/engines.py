"""All ways to fuse by name, and their settings."""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rwsc.errors import ConfigError
from rwsc.fusion.alpha import AlphaEngine
from rwsc.fusion.baselines.config import BASELINE_NAMES
from rwsc.fusion.baselines.simple import AverageEngine, MinimumEngine
from rwsc.fusion.engine import Engine
from rwsc.fusion.poisson import PoissonEngine
from rwsc.fusion.tip import TipEngine, TipGrayEngine
from rwsc.fusion.tip_calibrated import Calibration, TipCalibratedEngine
from rwsc.fusion.tip_dual import TipDualEngine
from rwsc.fusion.tip_hsv import TipHsvEngine
from rwsc.fusion.tip_material import TipMaterialEngine

ENGINES = (
    "tip",
    "tip_gray",
    "tip_hsv",
    "tip_material",
    "tip_calibrated",
    "tip_dual",
    "alpha",
    "poisson",
    "rwsc",
)
"""Ways to fuse that can be named on the command line; all but rwsc need no weights."""

LEARNED = ("rwsc", *BASELINE_NAMES)
"""Engines that need weights; `rwsc.fusion.networks.open_learned` opens them."""

BASELINES = ("average", "minimum", *BASELINE_NAMES)
"""What Table 2 compares with, besides tip and alpha. They can be named too, but are no way to make a corpus."""


class EngineConfig(BaseModel):
    """Settings of the engines that need no weights; each engine reads its own and leaves the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opacity: float = Field(
        default=0.7, gt=0, le=1, description="alpha: weight of the item where it covers a pixel wholly."
    )
    clone: Literal["mixed", "normal"] = Field(
        default="mixed",
        description="poisson: take the stronger gradient of bag and item, or the item's alone.",
    )
    calibration_gray: Calibration = Field(
        default=Calibration(dark=(0.0006,), gain=(1.04,), hardening=(0.113,)),
        description="tip_calibrated: the scanner of gray scans; by default that of the phantoms.",
    )
    calibration_dual: Calibration = Field(
        default=Calibration(dark=(0.0011, 0.0), gain=(1.043, 1.022), hardening=(0.111, 0.058)),
        description="tip_calibrated: the scanner of scans of two energies; by default that of the phantoms.",
    )
    calibration_colour: Calibration = Field(
        default=Calibration(gain=(1.037, 0.922, 0.821), hardening=(0.495, 0.0, 0.066)),
        description="tip_calibrated: the scanner of colour scans; by default that of the phantoms.",
    )


_OPENERS: dict[str, Callable[[EngineConfig], Engine]] = {
    "tip": lambda _: TipEngine(),
    "tip_gray": lambda _: TipGrayEngine(),
    "tip_hsv": lambda _: TipHsvEngine(),
    "tip_calibrated": lambda config: TipCalibratedEngine(
        {1: config.calibration_gray, 2: config.calibration_dual, 3: config.calibration_colour}
    ),
    "tip_dual": lambda _: TipDualEngine(),
    "tip_material": lambda _: TipMaterialEngine(),
    "alpha": lambda config: AlphaEngine(config.opacity),
    "poisson": lambda config: PoissonEngine(config.clone),
    "average": lambda _: AverageEngine(),
    "minimum": lambda _: MinimumEngine(),
}


def open_classic(name: str, config: EngineConfig) -> Engine:
    """Open an engine that needs no weights.

    Args:
        name: One of `ENGINES` or `BASELINES` that is not `LEARNED`.
        config: Settings; those of other engines do not matter.

    Returns:
        The engine.

    Raises:
        ConfigError: There is no such engine, or it needs weights.
    """
    if name not in _OPENERS:
        raise ConfigError(
            f"no engine {name!r} that needs no weights", remedy=f"engines are {', '.join(_OPENERS)}"
        )
    return _OPENERS[name](config)
