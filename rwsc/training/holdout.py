"""Choose what is held out for validation, by group, so that scenes photographed together stay together."""

from collections import Counter
from collections.abc import Sequence

from rwsc.seeds import derive_seed


def hold_out(groups: Sequence[str], *, share: float = 0.1) -> list[bool]:
    """Choose groups until about a share of the members is held out.

    Groups are taken in an order that depends on their names alone, so adding members does not reshuffle them.
    A group that would more than double the share is passed over.

    Args:
        groups: The group of each member.
        share: Share of the members to hold out, in (0, 1).

    Returns:
        True for each member that is held out. All False when there is only one group, or when every group
        is too large: then nothing can be held out without losing most of the data.
    """
    sizes = Counter(groups)
    wanted, limit = share * len(groups), 2 * share * len(groups)
    chosen: set[str] = set()
    held = 0
    for group in sorted(sizes, key=lambda name: derive_seed("holdout", name)):
        if held >= wanted or len(sizes) < 2:
            break
        if held + sizes[group] <= max(limit, 1):
            chosen.add(group)
            held += sizes[group]
    return [group in chosen for group in groups]
