"""Settings of a learned baseline, readable without loading torch."""

from typing import Literal, get_args

from rwsc.config import Settings

BaselineName = Literal["u2fusion", "fusiongan", "fusiongan_swapped", "deepfuse", "mefnet"]

BASELINE_NAMES: tuple[str, ...] = get_args(BaselineName)
"""The methods that are trained; what `rwsc.fusion.baselines.simple` holds needs no training."""


class BaselineConfig(Settings):
    """Which baseline a network is, and how wide; two of equal settings have tensors of equal shapes."""

    method: BaselineName
    """The method. fusiongan takes intensity from the item and gradients from the bag, fusiongan_swapped the
    reverse."""

    width_divisor: Literal[1, 2, 4] = 1
    """Divides the channels of every layer but the first and the last; 1 is as published, 4 is for a trial on a
    CPU."""
