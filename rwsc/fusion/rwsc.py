"""RWSC-Fusion behind the engine interface."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from rwsc.errors import ConfigError, ResourceError
from rwsc.fusion.engine import Region
from rwsc.fusion.network.weights import decode_weights


class RwscEngine:
    """The trained network, applied to the part of the bag around each item.

    On CPU every region goes through the network by itself on one thread, so that an image has the same bytes
    whatever is made beside it. On GPU regions of one size go together; results there agree with the CPU's
    within floating-point tolerance, not bit for bit.
    """

    name = "rwsc"
    blend: Literal["support", "alpha"] = "alpha"
    reach_px = None

    def __init__(self, weights: bytes, card: bytes, *, device: str = "cpu") -> None:
        """Load the network.

        Args:
            weights: Bytes of the safetensors file.
            card: Bytes of the JSON card beside it.
            device: ``cpu`` or ``cuda``.

        Raises:
            WeightsError: Weights and card do not belong together or are damaged.
            ResourceError: ``cuda`` was asked for and there is none.
        """
        if device == "cuda" and not torch.cuda.is_available():
            raise ResourceError("a GPU was asked for, but torch sees none", remedy="use --device cpu")
        if device == "cpu":
            torch.set_num_threads(1)
        network, self.card = decode_weights(weights, card)
        self._device = torch.device(device)
        self._network = network.eval().to(self._device)

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights, as in their card."""
        return self.card.weights_sha256

    @property
    def licences(self) -> list[str]:
        """The licence of the weights' training data, which binds what they make."""
        return [self.card.data_licence]

    def fuse(self, regions: Sequence[Region]) -> list[np.ndarray]:
        """Run the network on each region; gray regions go in as three equal channels and come out as one.

        Args:
            regions: Any number of regions; sizes may differ.

        Returns:
            Transmission of bag and item together, one (H, W, C) float32 array per region.

        Raises:
            ConfigError: A region has two energies.
        """
        if any(region.bag_HWC.shape[2] == 2 for region in regions):
            raise ConfigError(
                "the network fuses gray and colour scans, not scans of two energies",
                remedy="use the engine tip_dual for them",
            )
        fused: list[np.ndarray] = [np.empty(0)] * len(regions)
        for members in self._batches(regions):
            outputs = self._forward([regions[index] for index in members])
            for index, output_HWC in zip(members, outputs, strict=True):
                fused[index] = _as_channels(output_HWC, regions[index].bag_HWC.shape[2])
        return fused

    def _batches(self, regions: Sequence[Region]) -> list[list[int]]:
        if self._device.type == "cpu":
            return [[index] for index in range(len(regions))]
        by_size: dict[tuple[int, ...], list[int]] = {}
        for index, region in enumerate(regions):
            by_size.setdefault(region.alpha_HW.shape, []).append(index)
        return list(by_size.values())

    def _forward(self, regions: Sequence[Region]) -> list[np.ndarray]:
        item_BCHW = self._stack([_as_channels(region.item_HWC, 3) for region in regions])
        bag_BCHW = self._stack([_as_channels(region.bag_HWC, 3) for region in regions])
        mask_B1HW = self._stack([region.alpha_HW[..., None] for region in regions])
        with torch.inference_mode():
            fused_BCHW = self._network(item_BCHW, bag_BCHW, mask_B1HW)
        return list(fused_BCHW.float().permute(0, 2, 3, 1).cpu().numpy())

    def _stack(self, arrays_HWC: list[np.ndarray]) -> torch.Tensor:
        stacked_BHWC = torch.from_numpy(np.ascontiguousarray(np.stack(arrays_HWC)))
        return stacked_BHWC.permute(0, 3, 1, 2).contiguous().to(self._device)


def _as_channels(array_HWC: np.ndarray, num_channels: int) -> np.ndarray:
    if array_HWC.shape[2] == num_channels:
        return array_HWC
    if num_channels == 3:
        return np.repeat(array_HWC, 3, axis=2)
    return array_HWC.mean(axis=2, keepdims=True)
