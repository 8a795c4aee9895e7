"""Which items go into a bag: drawn by class, of those that can go into it at all."""

from collections.abc import Iterable, Sequence
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np

from rwsc.errors import ConfigError

ScannerRule = Literal["any", "same"]


class _Scanned(Protocol):
    @property
    def scanner_id(self) -> str | None: ...

    @property
    def dataset(self) -> str | None: ...


class _Drawable(_Scanned, Protocol):
    @property
    def label(self) -> str: ...

    @property
    def num_channels(self) -> int: ...


Drawable = TypeVar("Drawable", bound=_Drawable)
"""What is drawn: an item, or a pair of them."""


class ItemChoice(Generic[Drawable]):
    """Draws items, or pairs of them, for bags."""

    def __init__(
        self, items: Sequence[Drawable], class_weights: dict[str, float], scanner_rule: ScannerRule
    ) -> None:
        """Bind what there is.

        Args:
            items: What to draw from.
            class_weights: Relative weight by class; see `label_shares`.
            scanner_rule: ``same`` keeps to items of the bag's own scanner.

        Raises:
            ConfigError: See `label_shares`.
        """
        self._items = items
        self._labels, self._shares = label_shares(items, class_weights)
        self._rule = scanner_rule
        self._pools: dict[tuple[str | None, bool], dict[str, list[Drawable]]] = {}

    def draw(
        self, rng: np.random.Generator, number: int, bag: _Scanned, *, two_energies: bool
    ) -> list[Drawable] | str:
        """Draw what goes into a bag.

        Args:
            rng: Stream of the bag.
            number: How many.
            bag: What is known of the bag's scanner.
            two_energies: The bag has two energies, so that what has none cannot go into it.

        Returns:
            The items, which may repeat; or why there are none to draw.
        """
        scanner = scanner_of(bag) if self._rule == "same" else None
        pool = self._pool(scanner, two_energies=two_energies)
        shares = np.where([label in pool for label in self._labels], self._shares, 0)
        if not shares.any():
            return _why_none(scanner, pool, two_energies=two_energies)
        labels = rng.choice(len(self._labels), size=number, p=shares / shares.sum())
        groups = [pool[self._labels[index]] for index in labels]
        return [group[int(rng.integers(len(group)))] for group in groups]

    def _pool(self, scanner: str | None, *, two_energies: bool) -> dict[str, list[Drawable]]:
        key = (scanner, two_energies)
        if key not in self._pools:
            items = of_two_energies(self._items) if two_energies else self._items
            self._pools[key] = by_label(
                item for item in items if scanner is None or scanner_of(item) == scanner
            )
        return self._pools[key]


def _why_none(scanner: str | None, pool: dict[str, list[Drawable]], *, two_energies: bool) -> str:
    if pool:
        return f"class_weights is 0 for all that could go into this bag: {', '.join(pool)}"
    if scanner is None:
        return "the scan has two energies, and no item of the bank has"
    energies = " with two energies" if two_energies else ""
    return f"the bank holds no item of the bag's scanner, {scanner}{energies}"


def scanner_of(thing: _Scanned) -> str:
    """Name the scanner of a bag or an item: what its source states, or else its dataset, or ``unknown``."""
    return thing.scanner_id or thing.dataset or "unknown"


def of_two_energies(items: Iterable[Drawable]) -> list[Drawable]:
    """Keep the items whose transmission is known at low and high energy."""
    return [item for item in items if item.num_channels == 2]


def by_label(items: Iterable[Drawable]) -> dict[str, list[Drawable]]:
    """Group items by class, classes sorted."""
    groups: dict[str, list[Drawable]] = {}
    for item in items:
        groups.setdefault(item.label, []).append(item)
    return dict(sorted(groups.items()))


def label_shares(items: Iterable[Drawable], weights: dict[str, float]) -> tuple[list[str], np.ndarray]:
    """Turn class weights into the chance of each class of a bank.

    Args:
        items: What is drawn from.
        weights: Relative weight by class; a class that is not named has weight 1.

    Returns:
        Classes, sorted, and their chances, which add up to 1.

    Raises:
        ConfigError: A weight is given to a class that the bank does not hold, or no class has any weight.
    """
    labels = sorted({item.label for item in items})
    unknown = sorted(weights.keys() - set(labels))
    if unknown:
        raise ConfigError(
            f"class_weights names {unknown[0]!r}, but the item bank holds only {', '.join(labels)}",
            remedy="remove it, or build an item bank that has such items",
        )
    shares = np.array([weights.get(label, 1.0) for label in labels])
    if not shares.sum():
        raise ConfigError(
            "class_weights gives weight 0 to every class of the item bank", remedy="raise one of them"
        )
    return labels, shares / shares.sum()
