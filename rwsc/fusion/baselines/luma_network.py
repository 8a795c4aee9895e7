"""What all learned baselines share: luminance of item and bag in, fused luminance out, colour by a fixed rule."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from rwsc.fusion.baselines.chroma import with_chroma
from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.network.network import luma

SLOPE = 0.2
"""Slope of the leaky rectifier below zero, the same in all four descriptions but DeepFuse's, which gives none."""


class LumaNetwork(nn.Module, ABC):
    """A network that fuses luminance and knows no mask.

    Args:
        config: Method and width.
    """

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, item_BCHW: Tensor, bag_BCHW: Tensor, mask_B1HW: Tensor) -> Tensor:
        """Fuse items with bags.

        Args:
            item_BCHW: Transmission of the item on air, one channel or three, in [0, 1].
            bag_BCHW: Transmission of the bag, same shape. Height and width may be anything from 16 on.
            mask_B1HW: Not looked at; the trained networks of rwsc are called alike.

        Returns:
            Fused image in [0, 1], same shape: luminance for one channel, in colour for three.

        Raises:
            ValueError: Shapes that do not fit together.
        """
        if item_BCHW.shape != bag_BCHW.shape or bag_BCHW.ndim != 4 or bag_BCHW.shape[1] not in (1, 3):
            raise ValueError(
                f"item and bag are (B, 1 or 3, H, W) of one shape,"
                f" not {tuple(item_BCHW.shape)} and {tuple(bag_BCHW.shape)}"
            )
        fused_B1HW = self.fuse_luma(luma(item_BCHW), luma(bag_BCHW))
        return fused_B1HW if bag_BCHW.shape[1] == 1 else with_chroma(fused_B1HW, item_BCHW, bag_BCHW)

    @abstractmethod
    def fuse_luma(self, item_B1HW: Tensor, bag_B1HW: Tensor) -> Tensor:
        """Fuse luminance; what a method consists of.

        Args:
            item_B1HW: Luminance of the item on air, in [0, 1].
            bag_B1HW: Luminance of the bag, same shape.

        Returns:
            Fused luminance in [0, 1], same shape.
        """


def scaled(channels: int, config: BaselineConfig) -> int:
    """Give a layer's channels at the width that the settings ask for."""
    return channels // config.width_divisor
