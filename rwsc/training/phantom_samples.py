"""Training samples from phantoms, whose true scan is known."""

from dataclasses import dataclass

import numpy as np

from rwsc.physics.consoles import draw_console
from rwsc.physics.dual_energy import DETECTOR
from rwsc.physics.pseudo_colour import to_rgb8
from rwsc.physics.transmission import to_transmission
from rwsc.physics.truth import Truth, draw_truth
from rwsc.seeds import stream
from rwsc.training.samples import Sample, SampleConfig

PHANTOM_PX = (360, 440)
"""Height and width of a training phantom; a larger crop makes it larger."""

AIR_RGB = 255.0
"""Grey level of air in a colourised scan."""


@dataclass(frozen=True, slots=True, eq=False)
class _Phantom:
    """What is kept of a phantom: as far as crops reach, a MiB or so; scans are uint8 pseudo-colour."""

    bag_HWC: np.ndarray
    item_HWC: np.ndarray
    truth_HWC: np.ndarray
    """Both together, without noise."""

    alpha_HW: np.ndarray
    """Cover of the item as its scan shows it, float16."""


class PhantomSource:
    """Draws the n-th sample of a run from phantoms: a pure function of the seed, the settings and n.

    The network sees what a user has, bag and item as coloured 8-bit scans with noise of their own; the truth is
    the scan of both as the same console would show it without noise, so that the network is not asked to guess
    noise. Crops lie about a pixel of the item and are turned and mirrored, which changes no physics.
    """

    def __init__(
        self,
        count: int,
        *,
        config: SampleConfig,
        seed: int,
        name: str = "train",
        in_turn: bool = False,
    ) -> None:
        """Bind the settings; a phantom is drawn when a sample first needs it, and kept.

        Args:
            count: Phantoms to draw from, above 0.
            config: How samples are drawn.
            seed: The run's seed.
            name: Keeps streams of different uses apart, for example ``train`` and ``validation``.
            in_turn: Take the phantoms one after the other, so that the first ``count`` samples show one each;
                otherwise every sample draws its own.
        """
        self._count, self._config, self._seed, self._name = count, config, seed, name
        self._in_turn = in_turn
        self._kept: dict[int, _Phantom] = {}

    def draw(self, index: int) -> Sample:
        """Draw the sample of the given number, the same on every worker and in every run."""
        rng = stream(self._seed, self._name, "phantom sample", index)
        number = index % self._count if self._in_turn else int(rng.integers(self._count))
        if number not in self._kept:
            self._kept[number] = self._draw_phantom(number)
        return _crop(rng, self._kept[number], self._config)

    def _draw_phantom(self, number: int) -> _Phantom:
        height_px, width_px = (max(side, self._config.crop_px) for side in PHANTOM_PX)
        truth = draw_truth(
            stream(self._seed, self._name, "phantom", number), height_px=height_px, width_px=width_px
        )
        window = _window(truth, self._config.crop_px)
        shown = [
            to_rgb8(scan_HW2[window], truth.air_level_2)
            for scan_HW2 in (truth.bag_HW2, truth.item_HW2, DETECTOR.read(None, truth.both_true_HW2))
        ]
        if self._config.vary_console:
            console = draw_console(stream(self._seed, self._name, "console", number))
            shown = [console.show(rgb_HWC) for rgb_HWC in shown]
        bag_HWC, item_HWC, truth_HWC = shown
        return _Phantom(bag_HWC, item_HWC, truth_HWC, truth.seen_alpha_HW[window].astype(np.float16))


def _window(truth: Truth, side_px: int) -> tuple[slice, slice]:
    """Give the rows and columns that crops about the item can reach."""
    x, y, w, h = truth.bbox_xywh
    return (
        slice(max(0, y - side_px), y + h + side_px),
        slice(max(0, x - side_px), x + w + side_px),
    )


def _crop(rng: np.random.Generator, phantom: _Phantom, config: SampleConfig) -> Sample:
    """Cut a sample out, about a pixel of the item, turned and mirrored."""
    side = config.crop_px
    covered_N2 = np.argwhere(phantom.alpha_HW >= 0.5)
    about_2 = covered_N2[int(rng.integers(len(covered_N2)))] - rng.integers(side, size=2)
    top, left = np.clip(about_2, 0, np.array(phantom.alpha_HW.shape) - side)
    quarter_turns, is_mirrored = int(rng.integers(4)), bool(rng.integers(2))

    def cut(array: np.ndarray) -> np.ndarray:
        turned = np.rot90(array[top : top + side, left : left + side], quarter_turns)
        return turned[:, ::-1] if is_mirrored else turned

    bag_HWC, item_HWC, truth_HWC = (
        to_transmission(cut(scan), AIR_RGB) for scan in (phantom.bag_HWC, phantom.item_HWC, phantom.truth_HWC)
    )
    mask_HW = cut(phantom.alpha_HW).astype(np.float32)
    if rng.random() < config.empty_share:
        mask_HW, truth_HWC = np.zeros_like(mask_HW), bag_HWC
    # As an item of the bank on air: what does not cover a pixel cannot darken it, whatever blur and noise say.
    item_HWC = np.maximum(item_HWC, 1 - mask_HW[..., None])
    return Sample(
        item_CHW=_channels_first(item_HWC),
        bag_CHW=_channels_first(bag_HWC),
        mask_1HW=np.ascontiguousarray(mask_HW[None]),
        truth_CHW=_channels_first(truth_HWC),
    )


def _channels_first(array_HWC: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array_HWC.transpose(2, 0, 1))
