"""What a corpus will hold and cost, reckoned from a few images that were made for the purpose."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rwsc.corpus.choice import label_shares
from rwsc.corpus.controls import ControlsConfig
from rwsc.corpus.make import Made
from rwsc.corpus.mark import encode_marked
from rwsc.corpus.pairs import drawn_from
from rwsc.corpus.settings import SynthConfig
from rwsc.corpus.tally import without_numbers
from rwsc.errors import RwscError
from rwsc.items.bank import ItemBank
from rwsc.placement.config import PlacementConfig
from rwsc.storage.images import Codec, decode_image

CODECS: tuple[Codec, ...] = ("png", "jpeg", "npy")
_Z95 = 1.96
_ANY_ID = "0" * 16


@dataclass(slots=True)
class Sample:
    """What became of the images that were made for an estimate."""

    fates: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    levels: Counter[int] = field(default_factory=Counter)
    """Items by occlusion level."""

    bytes_by_codec: dict[Codec, list[int]] = field(default_factory=lambda: {codec: [] for codec in CODECS})
    """Size of each image in each format that can hold it."""

    seconds: float = 0.0

    @property
    def number(self) -> int:
        """Images that were tried."""
        return self.fates.total()

    def add(self, made: Iterable[Made], *, jpeg_quality: int) -> None:
        """Take images in.

        Args:
            made: What became of them.
            jpeg_quality: Quality with which their size as JPEG is measured.
        """
        for each in made:
            self.fates[each.outcome.status] += 1
            if each.outcome.reason:
                self.reasons[without_numbers(each.outcome.reason)] += 1
            self.levels.update(thing["occlusion_level"] for thing in each.outcome.objects)
            if each.data is not None:
                self._weigh(each.data, jpeg_quality)

    def share(self, status: str) -> tuple[float, float, float]:
        """Give the share of a status, and the ends of its 95 % interval (Wilson's)."""
        number, share = self.number, self.fates[status] / max(1, self.number)
        if not number:
            return 0.0, 0.0, 1.0
        middle = (share + _Z95**2 / (2 * number)) / (1 + _Z95**2 / number)
        half = (
            _Z95
            * math.sqrt(share * (1 - share) / number + _Z95**2 / (4 * number**2))
            / (1 + _Z95**2 / number)
        )
        return share, max(0.0, middle - half), min(1.0, middle + half)

    def gigabytes(self, num_images: int) -> dict[str, float | None]:
        """Give the size of the images of a corpus in each format; None where not all can be held by it."""
        num_made = self.fates["made"]
        share = num_made / max(1, self.number)
        return {
            codec: num_images * share * sum(sizes) / len(sizes) / 1e9
            if sizes and len(sizes) == num_made
            else None
            for codec, sizes in self.bytes_by_codec.items()
        }

    def _weigh(self, data: bytes, jpeg_quality: int) -> None:
        image = decode_image(data)
        for codec, sizes in self.bytes_by_codec.items():
            try:
                sizes.append(len(encode_marked(image, _ANY_ID, codec=codec, jpeg_quality=jpeg_quality)))
            except RwscError:  # a format that cannot hold two energies, or 16 bits
                continue


def expected_objects(config: SynthConfig, bank: ItemBank) -> dict[str, float]:
    """Reckon how many items of each class a corpus will hold if every planned positive is made.

    Args:
        config: Settings of the run.
        bank: Its items.

    Returns:
        A number per class.

    Raises:
        ConfigError: See `rwsc.corpus.choice.label_shares`.
    """
    labels, shares = label_shares(drawn_from(bank.items, config.paired_views), config.class_weights)
    number = config.num_images * _positive_share(config.controls) * mean_items(config.placement)
    return {label: number * float(share) for label, share in zip(labels, shares, strict=True)}


def mean_items(placement: PlacementConfig) -> float:
    """Give the mean number of items that are drawn for a bag."""
    numbers = range(placement.items_min, placement.items_max + 1)
    weights = placement.count_weights or (1.0,) * len(numbers)
    return sum(number * weight for number, weight in zip(numbers, weights, strict=True)) / sum(weights)


def hours(num_images: int, seconds_per_image: float, num_workers: int, start_s: float) -> float:
    """Give the hours that a run takes on so many workers, each as fast as the one that was measured."""
    return (start_s + num_images * seconds_per_image / num_workers) / 3600


def to_document(config: SynthConfig, sample: Sample, objects: dict[str, float]) -> dict[str, Any]:
    """Give what was reckoned from a sample as plain values; times are left to who knows the machine.

    Args:
        config: Settings of the run.
        sample: The images that were made.
        objects: See `expected_objects`.

    Returns:
        Values for JSON.
    """
    made = sample.fates["made"] / max(1, sample.number)
    return {
        "images": config.num_images,
        "shards": -(-config.num_images // config.shard_images),
        "sample": {"images": sample.number, **{name: sample.fates[name] for name in sorted(sample.fates)}},
        "expected_made": round(config.num_images * made),
        "rejected_share": _shares(sample.share("rejected")),
        "failed_share": _shares(sample.share("failed")),
        "reasons": dict(sample.reasons.most_common()),
        "gigabytes": {
            codec: None if size is None else round(size, 6)
            for codec, size in sample.gigabytes(config.num_images).items()
        },
        "expected_objects": {label: round(number * made) for label, number in objects.items()},
        "occlusion_levels": {str(level): sample.levels[level] for level in sorted(sample.levels)},
    }


def _shares(found: tuple[float, float, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in zip(("mean", "low", "high"), found, strict=True)}


def _positive_share(controls: ControlsConfig) -> float:
    return 1 - controls.empty_share - controls.negative_share
