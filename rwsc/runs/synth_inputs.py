"""What a corpus is made from: items, bags and weights, read and held against each other before a run begins."""

import hashlib
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

import rwsc
from rwsc.config import fingerprint, output_values
from rwsc.corpus.bag_items import bag_items_hash, items_by_scan, scans_of_other_splits, with_bag_items
from rwsc.corpus.choice import label_shares, of_two_energies
from rwsc.corpus.distractors import open_distractors
from rwsc.corpus.manifest import MANIFEST_VERSION, RunFacts
from rwsc.corpus.mark import SOURCE_TYPE
from rwsc.corpus.pairs import drawn_from, paired_bags
from rwsc.corpus.plan import PLAN_VERSION
from rwsc.corpus.settings import SynthConfig
from rwsc.corpus.usable_bags import usable_bags
from rwsc.errors import ConfigError, SourceError
from rwsc.fusion.engines import LEARNED
from rwsc.items.bank import Item, ItemBank
from rwsc.runs.talk import say
from rwsc.runs.weights import DEFAULT_WEIGHTS, absolute_weights, read_weights
from rwsc.sources.catalogue import catalogue_hash, read_catalogue
from rwsc.sources.licences import Licence, classify
from rwsc.storage.prefix import absolute_uri

_BATCH_ROWS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthInputs:
    """What a corpus is made from."""

    bags: pa.Table
    labels: list[str]
    facts: RunFacts
    card: dict[str, Any]


def read_inputs(config: SynthConfig) -> SynthInputs:
    """Read catalogue, item bank and weights, and check that they go together.

    Args:
        config: Settings with complete addresses.

    Returns:
        Bags, classes and what identifies the run.

    Raises:
        RwscError: Something is missing, damaged, or of a licence that the declared use excludes.
    """
    bank = ItemBank.load(config.items, splits=[config.split] if config.split else None)
    bags = _bags(config)
    label_shares(drawn_from(bank.items, config.paired_views), config.class_weights)
    weights_sha256, weights_licence = _check_weights(config)
    hashes = {
        "items": bank.bank_hash,
        "bags": catalogue_hash(bags),
        "bag_items": bag_items_hash(bags),
        "weights": weights_sha256,
    }
    labels = _labels(bank, bags)
    harmless = open_distractors(config.controls, split=config.split, labels=labels)
    if harmless is not None:
        hashes["distractors"] = harmless.bank_hash
        _warn_of_energies(harmless, bags)
    _check_licences(config, [*bank.items, *(harmless or [])], bags, weights_licence)
    identity = fingerprint(
        config,
        *(hashes[name] for name in sorted(hashes)),
        str(PLAN_VERSION),
        str(MANIFEST_VERSION),
        SOURCE_TYPE,
        rwsc.__version__,
    )
    facts = RunFacts(
        engine=config.engine,
        weights_sha256=weights_sha256,
        config_fingerprint=identity,
        code_version=rwsc.__version__,
    )
    card = {
        "kind": "synth",
        "fingerprint": identity,
        "settings": {**output_values(config), "num_images": config.num_images},
        "inputs": hashes,
        "labels": labels,
        "code_version": rwsc.__version__,
        "synthetic": True,
        "file_mark": SOURCE_TYPE,
        "addresses": {
            "items": config.items,
            "bags": config.bags,
            "weights": config.weights,
            "distractors": config.controls.distractors,
        },
    }
    return SynthInputs(bags=bags, labels=labels, facts=facts, card=card)


def _warn_of_energies(harmless: ItemBank, bags: pa.Table) -> None:
    dual = sum(modality == "dual_energy" for modality in bags["modality"].to_pylist())
    if dual and not of_two_energies(harmless):
        say(f"warning: no distractor has two energies, so {dual:,} bags of two energies get none")


def _bags(config: SynthConfig) -> pa.Table:
    bags = usable_bags(read_catalogue(config.bags), config.bag_kinds, config.split)
    if config.split is not None:
        bags = _without_items_of_other_splits(bags, config.items, config.split)
    bags = with_bag_items(bags, items_by_scan(config.items))
    if not config.paired_views:
        return bags
    paired = paired_bags(bags, config.paired_views)
    say(
        f"{paired.num_rows // 2:,} bags of two views; {bags.num_rows - paired.num_rows:,} scans have no partner"
    )
    return paired


def _without_items_of_other_splits(bags: pa.Table, items: str, split: str) -> pa.Table:
    others = scans_of_other_splits(items, split)
    kept = bags.filter(
        pa.array([scan_id not in others for scan_id in bags["scan_id"].to_pylist()], pa.bool_())
    )
    if left_out := bags.num_rows - kept.num_rows:
        say(f"{left_out:,} bags are left out: items of other splits than {split} were cut out of them")
    if not kept.num_rows:
        raise SourceError(
            f"every bag of split {split!r} shows an item of another split",
            remedy="rwsc items split --by group keeps items with their scans; or take harmless bags alone (bag_kinds)",
        )
    return kept


def with_whole_addresses(config: SynthConfig) -> SynthConfig:
    """Complete the addresses of a run's settings, and name the weights that come with rwsc where none are given."""
    whole: dict[str, Any] = {
        name: absolute_uri(getattr(config, name)) for name in ("items", "bags", "output")
    }
    if config.weights:
        whole["weights"] = absolute_weights(config.weights)
    elif config.engine == "rwsc":
        whole["weights"] = DEFAULT_WEIGHTS
    if config.controls.distractors is not None:
        distractors = absolute_uri(config.controls.distractors)
        whole["controls"] = config.controls.model_copy(update={"distractors": distractors})
    return config.model_copy(update=whole)


def _check_weights(config: SynthConfig) -> tuple[str, list[str]]:
    if config.engine not in LEARNED:
        return "", []
    if not config.weights:
        raise ConfigError(
            f"the engine {config.engine} needs weights, and none were given",
            remedy="rwsc train makes them; give --weights RUN, or --engine tip or rwsc, which need none",
        )
    # Loads torch, for seconds, which other engines do without.
    from rwsc.fusion.networks import decode_network

    weights, card = read_weights(config.weights)
    _, read_card = decode_network(config.engine, weights, card)
    return hashlib.sha256(weights).hexdigest(), [read_card.data_licence]


def _check_licences(config: SynthConfig, items: list[Item], bags: pa.Table, weights: list[str]) -> None:
    if config.declared_use != "commercial":
        return
    licences = {item.licence for item in items} | set(bags["licence"].to_pylist()) | set(weights)
    for text in sorted(licences, key=str):
        if classify(text) is not Licence.PERMISSIVE:
            stated = f"under the licence {text!r}" if text else "of no stated licence"
            raise SourceError(
                f"a corpus declared commercial cannot be made of items, bags or weights {stated}",
                remedy="leave those sources out, or set declared_use to research",
            )


def _labels(bank: ItemBank, bags: pa.Table) -> list[str]:
    # Of all bags, not of those that are planned: a corpus that grows keeps its class ids.
    in_bags = {
        thing["label"]
        for batch in bags.select(["objects"]).to_batches(max_chunksize=_BATCH_ROWS)
        for things in batch["objects"].to_pylist()
        for thing in things or []
        if "outside" not in (thing["flags"] or [])
    }
    return sorted({item.label for item in bank.items} | in_bags)
