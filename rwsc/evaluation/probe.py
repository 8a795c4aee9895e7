"""How well a small network tells composites from true scans: the number that an engine has to push down to a half.

The network is ours, and small on purpose: it is to find what processing leaves behind, not to know what bags hold.
Both classes show the same bags and items at the same places, so that only the making differs, and no bag is in
training and test at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from rwsc.evaluation.masks import area_under_roc

PATCH_PX = 32
"""Side of a patch."""

PATCHES = 6
"""Patches of each picture, half of them on the rim of the item and half inside."""

_FOLDS = 4
_EPOCHS = 12
_BATCH = 64
_LEARNING_RATE = 3e-3
_HIGH_PASS_PX = 1.2
_RESIDUAL_GAIN = 8.0
_MASK_COVER = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Patches:
    """Patches of one picture."""

    group: int
    """The bag; patches of one bag are never in training and test at once."""

    pixels_NCHW: np.ndarray
    """float32: colour, what a high-pass filter leaves of it, and the cover by the item."""


def choose_places(rng: np.random.Generator, alpha_HW: np.ndarray) -> np.ndarray:
    """Choose where patches lie: their middles on the item's rim and inside it.

    Args:
        rng: Draws the places.
        alpha_HW: Cover by the item; at least one pixel by half.

    Returns:
        Row and column of each patch's top left corner in the frame padded by half a patch, int64,
        (`PATCHES`, 2).
    """
    mask_HW = (alpha_HW >= _MASK_COVER).astype(np.uint8)
    inside_HW = cv2.erode(mask_HW, np.ones((3, 3), np.uint8), borderValue=0)
    rim_N2, inside_N2 = np.argwhere(mask_HW > inside_HW), np.argwhere(mask_HW)
    halves = [
        part_N2[rng.integers(len(part_N2), size=number)]
        for part_N2, number in ((rim_N2, PATCHES // 2), (inside_N2, PATCHES - PATCHES // 2))
    ]
    return np.concatenate(halves)


def cut_patches(picture_HWC: np.ndarray, alpha_HW: np.ndarray, places_N2: np.ndarray, group: int) -> Patches:
    """Cut patches out of a picture.

    Args:
        picture_HWC: uint8, three channels.
        alpha_HW: Cover by the item.
        places_N2: What `choose_places` gives.
        group: The bag's number.

    Returns:
        The patches.
    """
    colour_HWC = picture_HWC.astype(np.float32) / 255
    residual_HWC = colour_HWC - cv2.GaussianBlur(colour_HWC, (0, 0), _HIGH_PASS_PX)
    layers_HWC = np.dstack([colour_HWC - 0.5, _RESIDUAL_GAIN * residual_HWC, alpha_HW.astype(np.float32)])
    half = PATCH_PX // 2
    padded_HWC = np.pad(layers_HWC, ((half, half), (half, half), (0, 0)), mode="reflect")
    cut = [padded_HWC[y : y + PATCH_PX, x : x + PATCH_PX] for y, x in places_N2]
    return Patches(group=group, pixels_NCHW=np.stack(cut).transpose(0, 3, 1, 2))


def probe_auc(one: Sequence[Patches], other: Sequence[Patches], *, seed: int) -> list[float]:
    """Train networks to tell two ways of making apart, and test them on bags that they never saw.

    Args:
        one: Patches of one way.
        other: Patches of the other, of the same bags in the same order.
        seed: Decides the folds, the first weights and the order of training.

    Returns:
        For each fold the chance that a patch of `other` gets a higher score than one of `one` (area under the
        receiver operating characteristic): 0.5 where they cannot be told apart.

    Raises:
        ValueError: The bags differ, or there are fewer than folds.
    """
    groups = np.array([patches.group for patches in one])
    if not np.array_equal(groups, [patches.group for patches in other]):
        raise ValueError("both ways of making must show the same bags in the same order")
    bags = np.unique(groups)
    if len(bags) < _FOLDS:
        raise ValueError(f"{len(bags)} bags are too few for {_FOLDS} folds")
    fold_of_bag = np.random.default_rng(seed).permutation(len(bags)) % _FOLDS
    fold_of_picture = fold_of_bag[np.searchsorted(bags, groups)]
    pixels_PNCHW = [np.stack([patches.pixels_NCHW for patches in side]) for side in (one, other)]
    aucs = []
    for fold in range(_FOLDS):
        train, test = (
            [torch.from_numpy(side[chosen].reshape(-1, *side.shape[2:])) for side in pixels_PNCHW]
            for chosen in (fold_of_picture != fold, fold_of_picture == fold)
        )
        network = _train(*train, seed=seed * _FOLDS + fold)
        with torch.inference_mode():
            scores_N = np.concatenate([network(side).numpy() for side in test])
        is_other_N = np.arange(len(scores_N)) >= len(test[0])
        found = area_under_roc(is_other_N.tolist(), scores_N.tolist())
        assert found is not None  # both ways are in every fold
        aucs.append(found)
    return aucs


class _Probe(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self._layers = nn.Sequential(
            nn.Conv2d(7, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=2, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
        )
        self._head = nn.Linear(64, 1)

    def forward(self, pixels_NCHW: torch.Tensor) -> torch.Tensor:
        seen_NCHW = self._layers(pixels_NCHW)
        pooled_NC = torch.cat([seen_NCHW.mean(dim=(2, 3)), seen_NCHW.amax(dim=(2, 3))], dim=1)
        return self._head(pooled_NC)[:, 0]


def _train(one_NCHW: torch.Tensor, other_NCHW: torch.Tensor, *, seed: int) -> _Probe:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Probe()
        pixels_NCHW = torch.cat([one_NCHW, other_NCHW])
        wanted_N = torch.cat([torch.zeros(len(one_NCHW)), torch.ones(len(other_NCHW))])
        steps = _EPOCHS * -(-len(wanted_N) // _BATCH)
        optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=steps)
        for _ in range(_EPOCHS):
            for chosen in torch.randperm(len(wanted_N)).split(_BATCH):
                seen = _turned(pixels_NCHW[chosen])
                loss = nn.functional.binary_cross_entropy_with_logits(network(seen), wanted_N[chosen])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        return network.eval()


def _turned(pixels_NCHW: torch.Tensor) -> torch.Tensor:
    """Turn and mirror a batch as a whole, one of eight ways."""
    turn, mirror = torch.randint(4, ()).item(), torch.rand(()).item() < 0.5
    turned_NCHW = torch.rot90(pixels_NCHW, int(turn), dims=(2, 3))
    return turned_NCHW.flip(3) if mirror else turned_NCHW
