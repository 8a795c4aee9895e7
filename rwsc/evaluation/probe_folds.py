"""Deal real items and composites to folds so that nothing that a network could remember is in two of them."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from scipy.cluster.hierarchy import DisjointSet

_MOST_SHARE = 0.5


def join_kin(links: Sequence[tuple[str, str]]) -> list[int | None]:
    """Say which real items must be in one fold: those of one session, and those that show one thing.

    The same things come back in many sessions, and often all hangs together in the end. So what would join more
    than half of all real items is left out, the rarest links first.

    Args:
        links: Of each real item the session in which it was scanned, and the physical item that it shows.

    Returns:
        A number for each real item, alike for those that hang together; None for one left out.
    """
    counts = Counter(links)
    kin = DisjointSet(node for group, thing in counts for node in (("group", group), ("thing", thing)))
    held: Counter[Hashable] = Counter()
    for (group, thing), number in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        ends = ("group", group), ("thing", thing)
        joined = {kin[end] for end in ends}
        already = sum(held[root] for root in joined)
        if len(joined) == 2 and already and already + number > _MOST_SHARE * len(links):
            continue
        kin.merge(*ends)
        held[kin[ends[0]]] = already + number
    numbers: dict[Hashable, int] = {}
    return [
        numbers.setdefault(kin[("group", group)], len(numbers))
        if kin.connected(("group", group), ("thing", thing))
        else None
        for group, thing in links
    ]


def deal_whole(sizes: Mapping[Hashable, int], num_folds: int) -> dict[Hashable, int]:
    """Deal things to folds as a whole, so that folds are as even as they can be.

    Args:
        sizes: How many pictures each thing has.
        num_folds: Folds to fill; with fewer things some stay empty.

    Returns:
        The fold of each thing, from 0.
    """
    held = [0] * num_folds
    folds: dict[Hashable, int] = {}
    for thing, size in sorted(sizes.items(), key=lambda each: (-each[1], str(each[0]))):
        folds[thing] = held.index(min(held))
        held[folds[thing]] += size
    return folds
