"""Train, val and test such that no bag and no physical item lies in two of them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from rwsc.errors import ConfigError
from rwsc.items.assign import SPLITS, check_shares
from rwsc.seeds import derive_seed

_LEAST_OF_SHARE = 0.5
"""A split that gets less than this part of its share counts as impossible."""

_WITH_ITEMS, _WITHOUT = "with items", "without"


class Relations:
    """Which bags hang together, because images of both show one physical item.

    A bag is what `rwsc.corpus.usable_bags.bag_kin` names: scans of one bag, its views too, have one name. A name per
    bag and per physical item is held, however many images there are.
    """

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._num_images: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, bag: str, physical_items: Collection[str], *, own: Iterable[str] = ()) -> None:
        """Note an image of a bag with the physical items that were put in, and its own, which it held already."""
        root = self._root(f"bag {bag}")
        self._num_images[bag][_WITH_ITEMS if physical_items else _WITHOUT] += 1
        for name in (f"item {item}" for item in (*physical_items, *own)):
            # The smaller name stays, so that the order of the images does not matter.
            root, other = sorted((root, self._root(name)))
            self._parents[other] = root

    def components(self) -> dict[str, str]:
        """Name, for every bag, the component it lies in."""
        return {bag: self._root(f"bag {bag}") for bag in self._num_images}

    def num_images(self) -> dict[str, Counter[str]]:
        """Count the images of each component, those with items and the others."""
        sizes: dict[str, Counter[str]] = defaultdict(Counter)
        for bag, component in self.components().items():
            sizes[component].update(self._num_images[bag])
        return sizes

    def _root(self, name: str) -> str:
        parents = self._parents
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name


def split_bags(relations: Relations, *, shares: Iterable[float], seed: int) -> dict[str, str]:
    """Choose a split for every bag, and thereby for every physical item that was put into it.

    What hangs together goes whole, the largest first, to the split where the squared differences between wanted and
    reached shares grow least, of images with items and of the others alike: untouched bags hang together with
    nothing, and would otherwise be all that a split gets.

    Args:
        relations: Bags and items of all images.
        shares: Shares of train, val and test.
        seed: Orders what is equally large.

    Returns:
        A split by bag.

    Raises:
        ConfigError: Too much hangs together, so that a split would get less than half its share.
    """
    wanted = check_shares(dict(zip(SPLITS, shares, strict=True)))
    sizes = relations.num_images()
    totals = sum(sizes.values(), Counter[str]())
    reached: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    chosen: dict[str, str] = {}
    for name in sorted(sizes, key=lambda name: _rank(name, sizes[name], seed)):
        split = min(
            (split for split in SPLITS if wanted[split]),
            key=lambda split: _growth(sizes[name], reached[split], wanted[split], totals),
        )
        chosen[name] = split
        reached[split].update(sizes[name])
    _check(wanted, reached, sizes.values(), totals)
    return {bag: chosen[component] for bag, component in relations.components().items()}


def _rank(name: str, size: Counter[str], seed: int) -> tuple[int, int, int]:
    return -size[_WITH_ITEMS], -size[_WITHOUT], derive_seed(seed, "export split", name)


def _growth(size: Counter[str], reached: Counter[str], share: float, totals: Counter[str]) -> float:
    """Say by how much the squared differences grow, in shares of what there is of each kind."""
    return sum(
        number * (number - 2 * (share * totals[kind] - reached[kind])) / totals[kind] ** 2
        for kind, number in size.items()
    )


def _check(
    wanted: Mapping[str, float],
    reached: Mapping[str, Counter[str]],
    sizes: Iterable[Counter[str]],
    totals: Counter[str],
) -> None:
    kind = _WITH_ITEMS if totals[_WITH_ITEMS] else _WITHOUT
    total = totals[kind]
    asked = [split for split in SPLITS if wanted[split]]
    if all(reached[split][kind] >= _LEAST_OF_SHARE * wanted[split] * total for split in asked):
        return
    largest = max((size[kind] for size in sizes), default=0)
    got = ", ".join(f"{split} {reached[split][kind] / max(1, total):.0%}" for split in asked)
    raise ConfigError(
        f"such a split is impossible: {largest:,} of {total:,} images {kind} hang together by shared bags and physical"
        f" items, and have to stay together; the best there is: {got}",
        remedy="make a corpus per split (rwsc items split, then rwsc synth --split train, val, test), and export each"
        " with --classes of the first export",
    )
