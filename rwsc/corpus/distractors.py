"""Harmless things that are put into bags like items, so that being put in is no sign of an item."""

from collections.abc import Collection, Sequence

import numpy as np

from rwsc.corpus.controls import ControlsConfig
from rwsc.errors import ConfigError
from rwsc.items.bank import DEFAULT_CACHE_BYTES, Item, ItemBank, PixelCache
from rwsc.items.pixels import encode_alpha, encode_transmission
from rwsc.physics.phantom_contents import THINGS
from rwsc.physics.phantoms import THING_LABELS, draw_thing
from rwsc.seeds import stream

DRAWN_LICENCE = "phantom: made by rwsc, Apache-2.0"
_DRAWN_OF_EACH = 4
_DRAWN_BAG_PX = 400
"""Length of the bag that drawn things are drawn for; placement scales them."""


def open_distractors(
    controls: ControlsConfig, *, split: str | None, labels: Collection[str]
) -> ItemBank | None:
    """Open the harmless things that the settings ask for.

    Args:
        controls: What is asked for.
        split: Split of the bank to use; None uses all. Drawn things belong to every split.
        labels: Classes that the corpus labels; a harmless thing of such a class would be an object without its label.

    Returns:
        Things to draw from; None where no distractors are asked for.

    Raises:
        ConfigError: The bank holds a class that the corpus labels.
        RwscError: The bank is missing or damaged, or holds nothing of the split.
    """
    if not controls.distractor_share:
        return None
    if controls.distractors is None:
        bank, origin = drawn_things(), "the drawn harmless things"
    else:
        bank = ItemBank.load(controls.distractors, splits=[split] if split else None)
        origin = controls.distractors
    if both := sorted(set(bank.labels) & set(labels)):
        raise ConfigError(
            f"the class {both[0]!r} of {origin} is one that the corpus labels: a distractor would have no label",
            remedy="give controls.distractors a bank that holds no labelled class",
        )
    return bank


def drawn_things() -> ItemBank:
    """Draw a bank of harmless things as phantoms of two energies, which any bag can take; always the same."""
    cache = PixelCache(DEFAULT_CACHE_BYTES)
    return ItemBank(
        [
            _draw(label, number, size, cache)
            for label, size in zip(THING_LABELS, (thing.size for thing in THINGS), strict=True)
            for number in range(_DRAWN_OF_EACH)
        ]
    )


def draw_wanted(
    rng: np.random.Generator, groups: Sequence[Sequence[Item]], controls: ControlsConfig
) -> list[Item]:
    """Draw which harmless things an image gets: often none, then 1 to `distractors_max`, classes evenly.

    Args:
        rng: Stream of the image.
        groups: Things to draw from, a sequence for each class.
        controls: How often and how many.

    Returns:
        Things to place, possibly none.
    """
    if rng.random() >= controls.distractor_share:
        return []
    number = 1 + int(rng.random() * controls.distractors_max)
    chosen = [groups[int(rng.integers(len(groups)))] for _ in range(number)]
    return [group[int(rng.integers(len(group)))] for group in chosen]


def _draw(label: str, number: int, size: tuple[float, float], cache: PixelCache) -> Item:
    rng = stream("drawn harmless thing", label, number)
    thing = draw_thing(rng, label, round(rng.uniform(*size) * _DRAWN_BAG_PX), two_energies=True)
    name = f"drawn-{label}-{number}"
    return Item(
        item_id=name,
        physical_item_id=name,
        label=label,
        dataset="rwsc phantoms",
        licence=DRAWN_LICENCE,
        scanner_id=None,
        split=None,
        group=None,
        view=None,
        width=thing.alpha_HW.shape[1],
        height=thing.alpha_HW.shape[0],
        transmission_png=encode_transmission(thing.transmission_HWC),
        alpha_png=encode_alpha(thing.alpha_HW),
        cache=cache,
    )
