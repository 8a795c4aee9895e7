"""A trained baseline behind the engine interface."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from rwsc.errors import ConfigError, ResourceError
from rwsc.fusion.baselines.weights import decode_baseline
from rwsc.fusion.engine import Region
from rwsc.physics.transmission import DEFAULT_FLOOR


class LearnedBaseline:
    """The network of U2Fusion, FusionGAN, DeepFuse or MEFNet, applied to whole regions.

    It fuses full frames when a region is one: an item on air and a bag of one size. It knows no mask, so that
    off the item its result is not the bag. Every region goes through by itself; on CPU on one thread, so that
    equal regions give equal bytes.
    """

    blend: Literal["support", "alpha"] = "support"
    reach_px = None

    def __init__(self, method: str, weights: bytes, card: bytes, *, device: str = "cpu") -> None:
        """Load the network.

        Args:
            method: The method that the weights should be of, which is the engine's name.
            weights: Bytes of the safetensors file.
            card: Bytes of the JSON card beside it.
            device: ``cpu`` or ``cuda``.

        Raises:
            WeightsError: Weights and card do not belong together, are damaged or of another method.
            ResourceError: ``cuda`` was asked for and there is none.
        """
        if device == "cuda" and not torch.cuda.is_available():
            raise ResourceError("a GPU was asked for, but torch sees none", remedy="use --device cpu")
        if device == "cpu":
            torch.set_num_threads(1)
        network, self.card = decode_baseline(weights, card, method=method)
        self._device = torch.device(device)
        self._network = network.to(self._device)

    @property
    def name(self) -> str:
        """The method."""
        return self.card.network.method

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights, as in their card."""
        return self.card.weights_sha256

    @property
    def licences(self) -> list[str]:
        """The licence of the weights' training data, which binds what they make."""
        return [self.card.data_licence]

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Run the network on each region.

        Args:
            regions: Any number of regions of one channel or three, sizes may differ.

        Returns:
            Fused transmission, one array per region.

        Raises:
            ConfigError: A region has two energies.
        """
        if any(region.bag_HWC.shape[2] == 2 for region in regions):
            raise ConfigError(
                f"{self.name} fuses gray and colour scans, not scans of two energies",
                remedy="use the engine tip_dual for them",
            )
        return [self._fuse(region) for region in regions]

    def _fuse(self, region: Region) -> np.ndarray:
        item_BCHW, bag_BCHW, mask_B1HW = (
            self._to_tensor(array) for array in (region.item_HWC, region.bag_HWC, region.alpha_HW[..., None])
        )
        with torch.inference_mode():
            fused_BCHW = self._network(item_BCHW, bag_BCHW, mask_B1HW)
        fused_HWC = fused_BCHW[0].permute(1, 2, 0).float().cpu().numpy()
        return np.ascontiguousarray(np.clip(fused_HWC, np.float32(DEFAULT_FLOOR), 1))

    def _to_tensor(self, array_HWC: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array_HWC.transpose(2, 0, 1))).to(self._device)[None]
