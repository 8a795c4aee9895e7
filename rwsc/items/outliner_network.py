"""The outliner's network: a small U-Net that sees the surroundings of a box and marks the item in it."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_WIDTHS = (24, 40, 64, 96, 96)
_SHUFFLE = 2
_HIDDEN = 48


class OutlinerNetwork(nn.Module):
    """Maps views (B, 4, H, W) to logits of the item's mask (B, H, W) and of the mask's expected IoU (B).

    H and W are multiples of 32. The expectation is learned from the network's own errors, and its gradients
    do not reach the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _two_convolutions(4 * _SHUFFLE**2, _WIDTHS[0])
        self.down = nn.ModuleList(_two_convolutions(thin, wide) for thin, wide in pairwise(_WIDTHS))
        self.up = nn.ModuleList(
            _two_convolutions(wide + thin, thin)
            for wide, thin in zip(_WIDTHS[:0:-1], _WIDTHS[-2::-1], strict=True)
        )
        self.mask = nn.Conv2d(_WIDTHS[0], _SHUFFLE**2, 1)
        self.expectation = nn.Sequential(
            nn.Linear(_WIDTHS[-1] + _WIDTHS[0], _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 1)
        )

    def forward(self, view_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        levels = [self.stem(F.pixel_unshuffle(view_BCHW, _SHUFFLE))]
        for convolve in self.down:
            levels.append(convolve(F.max_pool2d(levels[-1], 2)))
        deepest = fine = levels.pop()
        for convolve in self.up:
            coarse = F.interpolate(fine, scale_factor=2, mode="bilinear", align_corners=False)
            fine = convolve(torch.cat([coarse, levels.pop()], dim=1))
        mask_BHW = F.pixel_shuffle(self.mask(fine), _SHUFFLE)[:, 0]
        summary = torch.cat([deepest.mean(dim=(2, 3)), fine.mean(dim=(2, 3))], dim=1)
        return mask_BHW, self.expectation(summary.detach())[:, 0]


def _two_convolutions(channels_in: int, channels_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (channels_in, channels_out):
        layers += [
            nn.Conv2d(channels, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
