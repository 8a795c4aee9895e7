"""Training samples: an item in a random pose on air, and a crop of a bag, drawn on the fly from a seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pydantic import Field, model_validator

from rwsc.config import Settings
from rwsc.fusion.channels import match_channels
from rwsc.physics.transmission import to_transmission
from rwsc.placement.pose import Pose, PosedItem, pose_item
from rwsc.seeds import stream

BAG_TRIES = 4
"""Crops looked at before one that is mostly air is accepted."""


class SampleConfig(Settings):
    """How training samples are drawn (reconstruction; the slides give no recipe).

    On phantoms only `crop_px`, `empty_share` and `vary_console` count; items lie there as they were drawn.
    """

    crop_px: int = Field(default=128, ge=16, le=2048)
    """Side of the square crop that the network sees, in pixels."""

    scale_min: float = Field(default=0.7, gt=0, le=10)
    """Smallest scale of an item, relative to its own pixels."""

    scale_max: float = Field(default=1.3, gt=0, le=10)
    """Largest scale of an item, relative to its own pixels; large items are shrunk to fit the crop."""

    max_item_share: float = Field(default=0.8, gt=0, le=1)
    """Longest side of an item, as a share of the crop's side."""

    min_bag_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the crop that should be bag and not air; the best of a few crops is taken."""

    empty_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of samples without any item; teaches the network to leave a bag alone."""

    vary_console: bool = False
    """Phantoms alone: show each as a console of its own would (colours, contrast, edge enhancement), so that what
    is learnt does not hold for one console only. Real scans stay as they are."""

    @model_validator(mode="after")
    def _ordered(self) -> "SampleConfig":
        if self.scale_min > self.scale_max:
            raise ValueError(f"scale_min {self.scale_min} is above scale_max {self.scale_max}")
        return self


class SampleItem(Protocol):
    """What a sample needs of an item."""

    @property
    def transmission_HWC(self) -> np.ndarray:
        """Transmission, float32 in (0, 1], (H, W, 1 or 3)."""

    @property
    def alpha_HW(self) -> np.ndarray:
        """Coverage, float32 in [0, 1], (H, W)."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One example: both sources and the item's mask on one grid, float32, channels first."""

    item_CHW: np.ndarray
    """Transmission of the item on air."""

    bag_CHW: np.ndarray
    """Transmission of the bag."""

    mask_1HW: np.ndarray
    """Coverage by the item, in [0, 1]."""

    truth_CHW: np.ndarray | None = None
    """True transmission of both together, where it is known: on phantoms."""


class DrawsSamples(Protocol):
    """What a training run draws from."""

    def draw(self, index: int) -> Sample:
        """Draw the sample of the given number, the same on every worker and in every run."""


@dataclass(frozen=True, slots=True, eq=False)
class BagScan:
    """A decoded bag scan and its air level."""

    image: np.ndarray
    air_level: np.ndarray


class SampleSource:
    """Draws the n-th sample of a run: a pure function of the seed, the settings and n."""

    def __init__(
        self,
        items: Sequence[SampleItem],
        load_bag: Callable[[int], BagScan],
        num_bags: int,
        *,
        config: SampleConfig,
        seed: int,
        name: str = "train",
    ) -> None:
        """Bind the sources.

        Args:
            items: Items to draw from, in a fixed order.
            load_bag: Gives the bag scan of an index in [0, num_bags).
            num_bags: Bags to draw from.
            config: How samples are drawn.
            seed: The run's seed.
            name: Keeps streams of different uses apart, for example ``train`` and ``validation``.

        Raises:
            ValueError: There is no item or no bag.
        """
        if not items or not num_bags:
            raise ValueError(f"samples need at least one item and one bag, not {len(items)} and {num_bags}")
        self._items, self._load_bag, self._num_bags = items, load_bag, num_bags
        self._config, self._seed, self._name = config, seed, name

    def draw(self, index: int) -> Sample:
        """Draw the sample of the given number, the same on every worker and in every run."""
        rng = stream(self._seed, self._name, index)
        bag_HWC = _draw_crop(rng, self._load_bag(int(rng.integers(self._num_bags))), self._config)
        item = self._items[int(rng.integers(len(self._items)))]
        side = self._config.crop_px
        item_HWC, mask_HW = np.ones((side, side, 3), np.float32), np.zeros((side, side), np.float32)
        if rng.random() >= self._config.empty_share:
            _lay_down(rng, _draw_pose(rng, item, self._config), item_HWC, mask_HW)
        return Sample(
            item_CHW=np.ascontiguousarray(item_HWC.transpose(2, 0, 1)),
            bag_CHW=np.ascontiguousarray(bag_HWC.transpose(2, 0, 1)),
            mask_1HW=mask_HW[None],
        )


def _draw_crop(rng: np.random.Generator, bag: BagScan, config: SampleConfig) -> np.ndarray:
    side = config.crop_px
    best: tuple[float, np.ndarray] | None = None
    for _ in range(BAG_TRIES):
        crop = _crop(rng, bag.image, side)
        transmission = to_transmission(crop, bag.air_level)
        share = float((transmission.reshape(*crop.shape[:2], -1).mean(axis=2) < 0.95).mean())
        if best is None or share > best[0]:
            best = (share, transmission)
        if share >= config.min_bag_share:
            break
    assert best is not None
    return _to_canvas(best[1], side)


def _crop(rng: np.random.Generator, image: np.ndarray, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    top = int(rng.integers(max(1, height - side + 1)))
    left = int(rng.integers(max(1, width - side + 1)))
    return image[top : top + side, left : left + side]


def _to_canvas(transmission: np.ndarray, side: int) -> np.ndarray:
    # The network knows pictures: what has two energies is shown to it in their colours.
    rgb = match_channels(transmission.reshape(*transmission.shape[:2], -1), 3)
    canvas_HWC = np.ones((side, side, 3), dtype=np.float32)
    canvas_HWC[: rgb.shape[0], : rgb.shape[1]] = rgb
    return canvas_HWC


def _draw_pose(rng: np.random.Generator, item: SampleItem, config: SampleConfig) -> PosedItem:
    largest = config.max_item_share * config.crop_px
    diagonal = float(np.hypot(*item.alpha_HW.shape))
    scale = min(float(rng.uniform(config.scale_min, config.scale_max)), largest / diagonal)
    pose = Pose(rotation_deg=float(rng.uniform(0, 360)), scale=scale, flip=bool(rng.integers(2)))
    return pose_item(item.transmission_HWC, item.alpha_HW, pose)


def _lay_down(rng: np.random.Generator, posed: PosedItem, item_HWC: np.ndarray, mask_HW: np.ndarray) -> None:
    height, width = (min(have, room) for have, room in zip(posed.alpha_HW.shape, mask_HW.shape, strict=True))
    top = int(rng.integers(mask_HW.shape[0] - height + 1))
    left = int(rng.integers(mask_HW.shape[1] - width + 1))
    alpha_HW = posed.alpha_HW[:height, :width]
    mask_HW[top : top + height, left : left + width] = alpha_HW
    transmission_HWC = match_channels(posed.transmission_HWC[:height, :width], 3)
    item_HWC[top : top + height, left : left + width] = 1 - alpha_HW[..., None] * (1 - transmission_HWC)
