"""What the losses of the baselines share: they judge luminance, and look at no mask and no truth."""

from abc import ABC, abstractmethod

from torch import Tensor

from rwsc.fusion.network.network import luma
from rwsc.training.losses import FuseCall


class LumaLoss(ABC):
    """A loss of fused luminance, called as `rwsc.training.losses.FusionLoss` is."""

    def __call__(
        self,
        fused_BCHW: Tensor,
        item_BCHW: Tensor,
        bag_BCHW: Tensor,
        mask_B1HW: Tensor,
        *,
        network: FuseCall | None = None,
        truth_BCHW: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Judge a batch of fused images.

        Args:
            fused_BCHW: What the network made, one channel or three.
            item_BCHW: Transmission of the item on air.
            bag_BCHW: Transmission of the bag.
            mask_B1HW: Not looked at.
            network: Not called.
            truth_BCHW: Not looked at.

        Returns:
            Scalars: "total" and its parts, unweighted.
        """
        return self.judge(luma(fused_BCHW), luma(item_BCHW), luma(bag_BCHW))

    @abstractmethod
    def judge(self, fused_B1HW: Tensor, item_B1HW: Tensor, bag_B1HW: Tensor) -> dict[str, Tensor]:
        """Judge fused luminance.

        Args:
            fused_B1HW: Fused luminance.
            item_B1HW: Luminance of the item on air, in [0, 1].
            bag_B1HW: Luminance of the bag, in [0, 1].

        Returns:
            Scalars: "total" and its parts, unweighted.
        """
