"""How well a small network tells composites from true scans: the number that an engine has to push down to a half.

The network is ours, and small on purpose: it is to find what processing leaves behind, not to know what bags hold.
Who calls it sees to it that both ways show alike things, so that the making alone differs, and that no bag is in two
folds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from torch import nn

from rwsc.evaluation.masks import area_under_roc

PATCH_PX = 32
"""Side of a patch."""

PATCHES = 6
"""Patches of each picture, half of them on the rim of the item and half inside."""

NUM_FOLDS = 4
"""Parts that pictures are dealt into; each is tested by a network trained on the others."""

_EPOCHS = 12
_BATCH = 64
_LEARNING_RATE = 3e-3
_HIGH_PASS_PX = 1.2
_MARGIN_PX = 5
"""How far the high-pass filter sees beyond a patch."""
_RESIDUAL_GAIN = 8.0
_MASK_COVER = 0.5


def choose_places(rng: np.random.Generator, alpha_HW: np.ndarray) -> np.ndarray:
    """Choose where patches lie: their middles on the item's rim and inside it.

    Args:
        rng: Draws the places.
        alpha_HW: Cover by the item; at least one pixel by half.

    Returns:
        Row and column of the middle of each patch, int64, (`PATCHES`, 2).
    """
    mask_HW = (alpha_HW >= _MASK_COVER).astype(np.uint8)
    inside_HW = cv2.erode(mask_HW, np.ones((3, 3), np.uint8), borderValue=0)
    rim_N2, inside_N2 = np.argwhere(mask_HW > inside_HW), np.argwhere(mask_HW)
    halves = [
        part_N2[rng.integers(len(part_N2), size=number)]
        for part_N2, number in ((rim_N2, PATCHES // 2), (inside_N2, PATCHES - PATCHES // 2))
    ]
    return np.concatenate(halves)


def cut_patches(picture_HWC: np.ndarray, alpha_HW: np.ndarray, places_N2: np.ndarray) -> np.ndarray:
    """Cut patches out of a picture.

    Args:
        picture_HWC: uint8, three channels.
        alpha_HW: Cover by the item; zeros where the network is not to know it.
        places_N2: Row and column of the middle of each patch.

    Returns:
        Colour and cover of the patches and of what lies right around them, uint8, (N, H, W, 4).
    """
    cover_HW = np.rint(255 * alpha_HW).astype(np.uint8)
    reach = PATCH_PX // 2 + _MARGIN_PX
    layers_HWC = np.dstack([picture_HWC, cover_HW])
    padded_HWC = np.pad(layers_HWC, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    return np.stack([padded_HWC[y : y + 2 * reach, x : x + 2 * reach] for y, x in places_N2])


def deal_folds(number: int, *, seed: int) -> np.ndarray:
    """Deal pictures of as many bags to folds.

    Args:
        number: How many there are.
        seed: Decides which go where.

    Returns:
        A fold for each, from 0; sizes differ by one at most.
    """
    return np.random.default_rng(seed).permutation(number) % NUM_FOLDS


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: layers as small as these only wait for each other, and where cores are busy too, ten
    times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@one_thread()
def probe_auc(
    one: Sequence[np.ndarray], other: Sequence[np.ndarray], *, folds: Sequence[int] | np.ndarray, seed: int
) -> list[float]:
    """Train networks to tell two ways of making apart, and test each on a fold that it never saw.

    Args:
        one: Patches of one way, as `cut_patches` gives them, picture by picture.
        other: Patches of the other; the n-th picture is in the fold of the n-th of `one`.
        folds: The fold of each picture.
        seed: Decides the first weights and the order of training.

    Returns:
        For each fold the chance that a patch of `other` gets a higher score than one of `one` (area under the
        receiver operating characteristic): 0.5 where they cannot be told apart.

    Raises:
        ValueError: The ways differ in the number of pictures, or all pictures are in one fold.
    """
    folds_N = np.asarray(folds)
    if not len(one) == len(other) == len(folds_N):
        raise ValueError(f"{len(one)}, {len(other)} pictures and {len(folds_N)} folds are not as many")
    numbers = np.unique(folds_N)
    if len(numbers) < 2:
        raise ValueError("there is nothing to test on: all pictures are in one fold")
    aucs = []
    inputs = [[_input_of(patches) for patches in side] for side in (one, other)]
    for fold in numbers.tolist():
        train, test = (
            [torch.cat([side[index] for index in np.flatnonzero(chosen)]) for side in inputs]
            for chosen in (folds_N != fold, folds_N == fold)
        )
        network = _train(*train, seed=seed * NUM_FOLDS + fold)
        with torch.inference_mode():
            scores_N = np.concatenate([network(side).numpy() for side in test])
        is_other_N = np.arange(len(scores_N)) >= len(test[0])
        found = area_under_roc(is_other_N.tolist(), scores_N.tolist())
        assert found is not None  # both ways are in every fold
        aucs.append(found)
    return aucs


def _input_of(patches_NHWC: np.ndarray) -> torch.Tensor:
    """Give what the network sees: colour, what a high-pass filter leaves of it, and the cover."""
    seen_NHWC = patches_NHWC.astype(np.float32) / 255
    colour_NHWC, cover_NHWC = seen_NHWC[..., :3], seen_NHWC[..., 3:]
    smooth_NHWC = np.stack([cv2.GaussianBlur(each, (0, 0), _HIGH_PASS_PX) for each in colour_NHWC])
    layers = [colour_NHWC - 0.5, _RESIDUAL_GAIN * (colour_NHWC - smooth_NHWC), cover_NHWC]
    inner = slice(_MARGIN_PX, -_MARGIN_PX)
    layers_NHWC = np.concatenate(layers, axis=3)[:, inner, inner]
    return torch.from_numpy(np.ascontiguousarray(layers_NHWC.transpose(0, 3, 1, 2)))


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
