"""The pairs on which a study compares: held out from training by group of bags and by physical item."""

import hashlib
from collections.abc import Iterable
from typing import Any

import rwsc
from rwsc.corpus.usable_bags import usable_bags
from rwsc.errors import ConfigError, SourceError
from rwsc.evaluation.study import StudyConfig, train_config
from rwsc.evaluation.study_scores import Pair
from rwsc.items.bank import ItemBank
from rwsc.runs.bags import BagCache
from rwsc.runs.start_data import (
    SHARED_COLUMNS,
    Name,
    bag_names,
    item_names,
    look_names,
    read_starts,
    refuse_seen,
    shared_text,
)
from rwsc.runs.train import PHANTOM_LICENCE
from rwsc.sources.catalogue import read_catalogue
from rwsc.sources.licences import stricter_of
from rwsc.training.phantom_samples import PhantomSource
from rwsc.training.samples import DrawsSamples, SampleSource

STREAM = "held-out pairs"
"""Name of the stream of held-out pairs; those of training are named train and validation."""

_CACHE_MIB = 512


def open_held_out(study: StudyConfig) -> tuple[DrawsSamples, str | None]:
    """Open the source of held-out pairs, and make sure that no arm trains on what it draws from.

    Held-out bags are of the kinds that the first arm trains on; what is trained on is what any arm trains on, and
    what the weights that arms start from were trained on as far as their cards tell. A bag that only looks like one
    trained on, or is the same file, is not drawn from: large collections without groups always hold some.

    Args:
        study: Settings with complete addresses.

    Returns:
        The source, and the strictest licence of all data of the study and of the weights that arms start from.

    Raises:
        ConfigError: There is nothing held out, or a group of bags or a physical item is on both sides.
    """
    starts = read_starts(study)
    start_licences = [start.licence for start in starts]
    if study.phantoms:
        phantoms = PhantomSource(
            study.held_out_pairs, config=study.pairs, seed=study.pairs_seed, name=STREAM, in_turn=True
        )
        return phantoms, stricter_of(PHANTOM_LICENCE, *start_licences)
    assert study.bags is not None  # `check_arms` refuses a study without
    trained, held = _bank(study, [study.train_split]), _bank(study, study.held_out_splits)
    catalogue = read_catalogue(study.bags)
    kinds = [train_config(study, arm, study.seeds[0]).bag_kinds for arm in study.arms]
    held_bags = _rows(catalogue, kinds[0], study.held_out_splits)
    # Each for itself: whether bags state splits may depend on their kinds.
    trained_bags = [
        row
        for each in sorted(set(map(frozenset, kinds)), key=sorted)
        for row in _rows(catalogue, each, [study.train_split])
    ]
    held_items = {item.physical_item_id for item in held}
    _refuse_shared(item_names(item.physical_item_id for item in trained), item_names(held_items))
    _refuse_shared(bag_names(trained_bags) - look_names(trained_bags), bag_names(held_bags))
    held_bags = _unlike(held_bags, trained_bags)
    refuse_seen(starts, study, catalogue, held_items=held_items, held_bags=held_bags)
    licences = {row["licence"] or "" for row in (*trained_bags, *held_bags)}
    cache = BagCache(held_bags, budget_mib=_CACHE_MIB)
    source = SampleSource(
        held.items, cache.load, len(cache), config=study.pairs, seed=study.pairs_seed, name=STREAM
    )
    items = {item.licence or "" for item in (*trained, *held)}
    return source, stricter_of(*sorted(licences | items), *start_licences)


def _bank(study: StudyConfig, splits: list[str]) -> ItemBank:
    assert study.items is not None
    try:
        return ItemBank.load(study.items, splits=splits)
    except SourceError as error:
        raise ConfigError(
            f"no items to compare on or to train on: {error.message}",
            remedy="rwsc items split ITEMS -o SPLIT gives items splits; name them in train_split and"
            " held_out_splits",
        ) from None


def _rows(catalogue: Any, kinds: Iterable[str], splits: list[str]) -> list[dict[str, Any]]:  # noqa: ANN401 - a table
    names = ["uri", "air_level", "licence", *SHARED_COLUMNS]
    wanted, rows = sorted(kinds), []
    for split in splits:
        try:
            rows += usable_bags(catalogue, wanted, split).select(names).to_pylist()
        except SourceError:
            continue
    if not rows:
        raise ConfigError(
            f"the catalogue has no bag in split {' or '.join(map(repr, splits))} of kind {' or '.join(wanted)}",
            remedy="index more scans without items, or name other splits in train_split and held_out_splits, or other"
            " bag_kinds",
        )
    return sorted(rows, key=lambda row: row["scan_id"])


def _unlike(held_bags: list[dict[str, Any]], trained_bags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen = look_names(trained_bags)
    if not (unlike := [row for row in held_bags if not look_names([row]) & seen]):
        raise ConfigError(
            f"all {len(held_bags)} held-out bags look like bags that are trained on",
            remedy="give splits that hold other bags: the catalogue's column perceptual_hash tells which look alike",
        )
    return unlike


def _refuse_shared(trained: set[Name], held: set[Name]) -> None:
    if shared := shared_text(trained, held):
        raise ConfigError(
            f"the {shared} is both trained on and held out",
            remedy="give splits that keep groups together: rwsc items split does, and bags of a catalogue that states"
            " no split are shared out so",
        )


def pairs_key(pairs: list[Pair]) -> str:
    """Hash held-out pairs; other pairs, or those of another version of rwsc, have another key."""
    digest = hashlib.sha256(rwsc.__version__.encode())
    for pair in pairs:
        for array in (pair.sample.item_CHW, pair.sample.bag_CHW, pair.sample.mask_1HW):
            digest.update(array.tobytes())
    return digest.hexdigest()
