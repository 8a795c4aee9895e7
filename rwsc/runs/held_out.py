"""The pairs on which a study compares: held out from training by group of bags and by physical item."""

import hashlib
from typing import Any

import rwsc
from rwsc.corpus.usable_bags import usable_bags
from rwsc.errors import ConfigError, SourceError
from rwsc.evaluation.study import StudyConfig, train_config
from rwsc.evaluation.study_scores import Pair
from rwsc.items.bank import ItemBank
from rwsc.runs.bags import BagCache
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

    Args:
        study: Settings with complete addresses.

    Returns:
        The source, and the strictest licence of all data of the study.

    Raises:
        ConfigError: There is nothing held out, or a group of bags or a physical item is on both sides.
    """
    if study.phantoms:
        phantoms = PhantomSource(study.held_out_pairs, config=study.pairs, seed=study.pairs_seed, name=STREAM)
        return phantoms, PHANTOM_LICENCE
    assert study.bags is not None  # `check_arms` refuses a study without
    trained, held = _bank(study, [study.train_split]), _bank(study, study.held_out_splits)
    catalogue = read_catalogue(study.bags)
    kinds = train_config(study, study.arms[0], study.seeds[0]).bag_kinds
    trained_bags = _rows(catalogue, kinds, [study.train_split])
    held_bags = _rows(catalogue, kinds, study.held_out_splits)
    _refuse_shared(
        "physical item",
        {item.physical_item_id for item in trained},
        {item.physical_item_id for item in held},
    )
    _refuse_shared("group of bags", *({_group(row) for row in rows} for rows in (trained_bags, held_bags)))
    licences = {row["licence"] or "" for row in (*trained_bags, *held_bags)}
    cache = BagCache(held_bags, budget_mib=_CACHE_MIB)
    source = SampleSource(
        held.items, cache.load, len(cache), config=study.pairs, seed=study.pairs_seed, name=STREAM
    )
    items = {item.licence or "" for item in (*trained, *held)}
    return source, stricter_of(*sorted(licences | items))


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


def _rows(catalogue: Any, kinds: list[Any], splits: list[str]) -> list[dict[str, Any]]:  # noqa: ANN401 - a table
    names = ["uri", "sha256", "air_level", "dataset", "group", "scan_id", "licence"]
    rows: list[dict[str, Any]] = []
    for split in splits:
        try:
            rows += usable_bags(catalogue, kinds, split).select(names).to_pylist()
        except SourceError:
            continue
    if not rows:
        raise ConfigError(
            f"the catalogue has no bag in split {' or '.join(map(repr, splits))}",
            remedy="index more scans without items, or name other splits in train_split and held_out_splits",
        )
    return sorted(rows, key=lambda row: row["scan_id"])


def _group(row: dict[str, Any]) -> str:
    return f"{row['dataset']}/{row['group']}" if row["group"] else row["scan_id"]


def _refuse_shared(what: str, trained: set[str], held: set[str]) -> None:
    if shared := sorted(trained & held):
        raise ConfigError(
            f"the {what} {shared[0]!r} is both trained on and held out ({len(shared)} in all)",
            remedy="give splits that keep groups together; rwsc items split does",
        )


def pairs_key(pairs: list[Pair]) -> str:
    """Hash held-out pairs; other pairs, or those of another version of rwsc, have another key."""
    digest = hashlib.sha256(rwsc.__version__.encode())
    for pair in pairs:
        for array in (pair.sample.item_CHW, pair.sample.bag_CHW, pair.sample.mask_1HW):
            digest.update(array.tobytes())
    return digest.hexdigest()
