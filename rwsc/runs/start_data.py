"""What the weights that arms start from were trained on, as far as their cards tell, and under which licence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rwsc.corpus.usable_bags import KIN_COLUMNS, bag_kin, usable_bags
from rwsc.errors import ConfigError, SourceError, WeightsError
from rwsc.evaluation.study import StudyConfig, train_config
from rwsc.fusion.network.weights import Card, parse_card
from rwsc.fusion.networks import CARDS
from rwsc.items.bank import ItemBank
from rwsc.runs.weights import read_weights
from rwsc.sources.catalogue import catalogue_hash
from rwsc.training.settings import TrainConfig

SHARED_COLUMNS = (*KIN_COLUMNS, "sha256")
"""What `bag_names` looks at."""

Name: TypeAlias = tuple[str, str]
"""What something is, and what it is called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StartWeights:
    """Weights that an arm starts from."""

    arm: str
    address: str
    card: Card | None
    """None where weights or card cannot be read: training says so, and is not needed where it is done."""

    @property
    def licence(self) -> str | None:
        """The licence that binds them; None where it is not known."""
        return None if self.card is None else self.card.data_licence


def read_starts(study: StudyConfig) -> list[StartWeights]:
    """Read the cards of all weights that arms of a study start from.

    Args:
        study: The study.

    Returns:
        Weights arm by arm; none of an arm that begins with fresh ones.
    """
    configs = {arm.name: train_config(study, arm, study.seeds[0]) for arm in study.arms}
    return [
        StartWeights(arm=name, address=config.start_from, card=_card(config))
        for name, config in configs.items()
        if config.start_from
    ]


def refuse_seen(
    starts: Iterable[StartWeights],
    study: StudyConfig,
    catalogue: Any,  # noqa: ANN401 - a table
    *,
    held_items: Iterable[str],
    held_bags: Iterable[Mapping[str, Any]],
) -> None:
    """Refuse weights whose card shows that they were trained on what is held out.

    A card names its data by hashes and a split: what can be compared is what it took from the items and the catalogue
    of this very study. Of other data nothing is known.

    Args:
        starts: The weights.
        study: Settings with complete addresses.
        catalogue: The study's catalogue.
        held_items: Physical items that are held out.
        held_bags: `SHARED_COLUMNS` of the bags that are held out.

    Raises:
        ConfigError: A physical item or a bag that is held out was trained on.
    """
    held = item_names(held_items) | bag_names(held_bags)
    for start in starts:
        if start.card is None:
            continue
        seen = _items_of(start.card, study) | _bags_of(start.card, catalogue)
        if shared := shared_text(seen, held):
            raise ConfigError(
                f"the weights {start.address!r} that arm {start.arm!r} starts from were trained on what is held out:"
                f" the {shared}",
                remedy=f"start from weights that were trained with split = {study.train_split!r}, or on other data",
            )


def item_names(physical_item_ids: Iterable[str]) -> set[Name]:
    """Name physical items by their ids."""
    return {("physical item", name) for name in physical_item_ids}


def bag_names(rows: Iterable[Mapping[str, Any]]) -> set[Name]:
    """Name bags by their group, and as `look_names` does.

    Args:
        rows: `SHARED_COLUMNS` of each bag.

    Returns:
        Two names of each; scans of one bag, scans without a group that look alike and equal files have one in common.
    """
    rows = list(rows)
    return {("group of bags", bag_kin(row)) for row in rows if row["group"]} | look_names(rows)


def look_names(rows: Iterable[Mapping[str, Any]]) -> set[Name]:
    """Name bags by their bytes, and by their looks where they have no group.

    Args:
        rows: `SHARED_COLUMNS` of each bag.

    Returns:
        One or two names of each.
    """
    names = set()
    for row in rows:
        names.add(("bag of SHA-256", row["sha256"]))
        if not row["group"]:
            names.add(("bag of perceptual hash", bag_kin(row)))
    return names


def shared_text(first: set[Name], second: set[Name]) -> str:
    """Say what two sides share: one name, and how many there are of its kind; empty where nothing is."""
    if not (shared := first & second):
        return ""
    kind = max(kind for kind, _ in shared)  # a group or an item tells more than a hash
    names = sorted(name for other, name in shared if other == kind)
    return f"{kind} {names[0]!r} ({len(names)} in all)"


def _card(config: TrainConfig) -> Card | None:
    assert config.start_from is not None
    kind = CARDS[type(config.network_config())]
    try:
        return parse_card(read_weights(config.start_from)[1], kind)
    except WeightsError:
        return None


def _items_of(card: Card, study: StudyConfig) -> set[Name]:
    """Name the physical items of the study's bank that weights were trained on; none where that is not known."""
    split = _split_of(card)
    try:
        bank = ItemBank.load(study.items or "", splits=None if split is None else [split])
    except SourceError:  # nothing in this split
        return set()
    if bank.bank_hash != card.data_hashes.get("items"):
        return set()
    return item_names(item.physical_item_id for item in bank)


def _bags_of(card: Card, catalogue: Any) -> set[Name]:  # noqa: ANN401 - a table
    """Name the bags of the catalogue that weights were trained on; none where that is not known."""
    kinds = card.training.get("bag_kinds")
    if not isinstance(kinds, list):
        return set()
    try:
        bags = usable_bags(catalogue, map(str, kinds), _split_of(card))
    except SourceError:  # nothing in this split
        return set()
    if catalogue_hash(bags) != card.data_hashes.get("bags"):
        return set()
    return bag_names(bags.select(SHARED_COLUMNS).to_pylist())


def _split_of(card: Card) -> str | None:
    split = card.training.get("split")
    return split if isinstance(split, str) else None
