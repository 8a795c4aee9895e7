"""The outliner: marks the item in a box, with a network that was trained on phantoms alone."""

from functools import cache
from importlib.resources import files

import numpy as np
import torch

from rwsc.items.outliner_network import OutlinerNetwork
from rwsc.items.outliner_view import BBox, Outline, to_window, view_of, window_around
from rwsc.items.outliner_weights import unpack

WEIGHTS = "outliner.safetensors"
"""File of the weights in this package; outliner.json beside it says how they were made."""


class Outliner:
    """Marks items in boxes; safe to use from threads."""

    def __init__(self, network: OutlinerNetwork) -> None:
        """Take a trained network."""
        self._network = network.eval()

    def outline(self, attenuation_HWC: np.ndarray, bbox_xywh: BBox) -> Outline:
        """Mark the item in a box.

        The view is also looked at upside down and mirrored, and the answers are averaged.

        Args:
            attenuation_HWC: Attenuation of the whole scan in nepers, float32, one or three channels.
            bbox_xywh: Box around the item, some of it in the picture.

        Returns:
            The answer.
        """
        view_BCHW = torch.from_numpy(view_of(attenuation_HWC, bbox_xywh))[None]
        flips: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))
        with torch.inference_mode():
            logit_BHW, expectation_B = self._network(torch.cat([view_BCHW.flip(axes) for axes in flips]))
            shares = [
                share_HW.flip([axis - 2 for axis in axes])
                for share_HW, axes in zip(logit_BHW.sigmoid(), flips, strict=True)
            ]
            mean_HW = torch.stack(shares).mean(dim=0).numpy()
            expected_iou = float(expectation_B.sigmoid().mean())
        window = window_around(bbox_xywh)
        return Outline(
            window=window,
            probability_HW=to_window(mean_HW, window),
            expected_iou=expected_iou,
            softness=float(np.minimum(mean_HW, 1 - mean_HW).sum() / max(1.0, float(mean_HW.sum()))),
        )


@cache
def default_outliner() -> Outliner:
    """Load the outliner that comes with rwsc, once a process."""
    data = files("rwsc.items").joinpath(WEIGHTS).read_bytes()
    network = OutlinerNetwork()
    network.load_state_dict(unpack(data))
    return Outliner(network)
