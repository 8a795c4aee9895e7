"""Write a finished corpus in a format that others read, part by part."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import rwsc
from rwsc.config import fingerprint, output_values
from rwsc.corpus.claim import read_corpus_card
from rwsc.corpus.commit import committed_shards, read_marker
from rwsc.corpus.exports.classes import check_known, corpus_classes, read_classes
from rwsc.corpus.exports.files import FileReader
from rwsc.corpus.exports.formats import open_format
from rwsc.corpus.exports.parts import Export, Format, parts_of
from rwsc.corpus.exports.pictures import Picture, is_labelled, made_rows, pictures_of
from rwsc.corpus.exports.settings import ExportConfig
from rwsc.corpus.exports.splits import Relations, split_bags
from rwsc.corpus.exports.survey import look_at
from rwsc.corpus.summary import read_totals
from rwsc.errors import ConfigError, ObjectExists, SourceError
from rwsc.items.assign import SPLITS
from rwsc.runs.talk import Progress, say
from rwsc.sources.parallel import map_in_order
from rwsc.storage.prefix import Prefix
from rwsc.storage.run_card import RUN_CARD_KEY, claim_run

SUMMARY_KEY = "export.json"
"""Written last: without it an export is not finished."""

EXPORT_VERSION = 1


def export_corpus(config: ExportConfig) -> dict[str, Any]:
    """Export a corpus, or finish an export that was interrupted; a finished one is left alone.

    Driver memory holds a name per bag and physical item where the corpus is split, and otherwise one part.

    Args:
        config: What and how.

    Returns:
        The summary, as it is in the export's `SUMMARY_KEY`.

    Raises:
        RwscError: The corpus is not finished or damaged, the format cannot hold it, no such split is possible, or the
            output belongs to something else.
    """
    corpus, out = Prefix(config.corpus), Prefix(config.output)
    _check_apart(corpus, out)
    corpus_card = read_corpus_card(corpus)
    manifests = _finished(config, corpus, corpus_card)
    shards = list(manifests)
    classes = corpus_classes(corpus) if config.classes is None else read_classes(config.classes)
    card = _card(config, classes, _corpus_hash(corpus_card, manifests))
    out.check_writable()
    _check_claimable(out, card)
    export = _survey(config, corpus, shards, classes, name=_split_of(corpus_card))
    form = open_format(config, export)
    form.check(export.survey, classes)
    if not claim_run(out, card) and out.exists(SUMMARY_KEY):
        say(f"{out.uri} is complete; nothing to do")
        return _read_summary(out)
    reader = FileReader(corpus, corpus_card["settings"], clean_twin=config.clean_twin)
    num_by_split = _write_parts(config, form, out, export, reader)
    form.finish(out, export)
    summary = _summary(config, export, num_by_split)
    out.write(SUMMARY_KEY, _to_json(summary))
    return summary


def _read_summary(out: Prefix) -> dict[str, Any]:
    try:
        return dict(json.loads(out.read(SUMMARY_KEY)))
    except (ValueError, TypeError, RecursionError):
        raise SourceError(
            f"{out.uri_of(SUMMARY_KEY)} is damaged", remedy="delete it; the same rwsc export writes it again"
        ) from None


def _check_apart(corpus: Prefix, out: Prefix) -> None:
    if f"{out.uri}/".startswith(f"{corpus.uri}/"):
        raise ConfigError(
            f"the export would lie inside the corpus, at {out.uri}",
            remedy="choose a folder beside it: everything below a corpus is taken for a part of it",
        )


def _finished(config: ExportConfig, corpus: Prefix, corpus_card: dict[str, Any]) -> dict[str, str]:
    """Give the hash of each shard's manifest; refuse a corpus of which anything is missing or being made."""
    shards = sorted(committed_shards(corpus)) if read_totals(corpus) is not None else []
    markers = list(
        map_in_order(lambda shard: read_marker(corpus, shard), shards, max_workers=config.io_threads)
    )
    num_rows, num_images = sum(marker["rows"] for marker in markers), corpus_card["settings"]["num_images"]
    if not shards or num_rows < num_images:
        raise SourceError(
            f"{corpus.uri} is not finished", remedy="run the same rwsc synth again; it makes what is missing"
        )
    return {shard: marker["manifest_sha256"] for shard, marker in zip(shards, markers, strict=True)}


def _corpus_hash(corpus_card: dict[str, Any], manifests: dict[str, str]) -> str:
    """Hash what the corpus holds; rows that are made later, or again, change it."""
    digest = hashlib.sha256(corpus_card["fingerprint"].encode())
    for shard, sha256 in manifests.items():
        digest.update(f"\x1f{shard}\x1f{sha256}".encode())
    return digest.hexdigest()


def _card(config: ExportConfig, classes: list[str], corpus_hash: str) -> dict[str, Any]:
    hashes = {"corpus": corpus_hash, "classes": hashlib.sha256(_to_json(classes)).hexdigest()}
    return {
        "kind": f"export {config.format}",
        "fingerprint": fingerprint(config, *hashes.values(), str(EXPORT_VERSION), rwsc.__version__),
        "settings": output_values(config),
        "inputs": hashes,
        "code_version": rwsc.__version__,
        "synthetic": True,
        "classes": classes,
    }


def _check_claimable(out: Prefix, card: dict[str, Any]) -> None:
    """Refuse a folder that holds anything but this export: formats have names like README.md and images."""
    if out.exists(RUN_CARD_KEY):
        claim_run(out, card)
    elif (found := next(out.list_keys(), None)) is not None:
        raise ObjectExists(
            f"{out.uri} is no export and not empty: it holds {found}", remedy="choose an empty or new folder"
        )


def _split_of(corpus_card: dict[str, Any]) -> str:
    """Name the split that a whole corpus is: the one whose bags and items it was made of, or else train."""
    stated = corpus_card["settings"].get("split")
    return stated if stated in SPLITS else SPLITS[0]


def _survey(
    config: ExportConfig, corpus: Prefix, shards: list[str], classes: list[str], *, name: str
) -> Export:
    keep_negatives = config.negatives == "keep"
    relations = None if config.splits is None else Relations()
    survey = look_at(made_rows(corpus, shards), keep_negatives=keep_negatives, relations=relations)
    if not survey.num_images:
        raise SourceError(f"{corpus.uri} holds no image to export", remedy="look into its report.json")
    check_known(survey.num_by_label, classes)
    split_by_bag: dict[str, str] = {}
    if config.splits is not None and relations is not None:
        split_by_bag = split_bags(relations, shares=config.splits, seed=config.seed)

    def pictures() -> Iterator[Picture]:
        rows = (row for row in made_rows(corpus, shards) if keep_negatives or is_labelled(row))
        return pictures_of(rows, classes, lambda row: split_by_bag.get(row["bag_kin"], name))

    used = set(split_by_bag.values()) or {name}
    return Export(
        classes=classes,
        splits=tuple(split for split in SPLITS if split in used),
        survey=survey,
        clean_twin=config.clean_twin,
        pictures=pictures,
    )


def _write_parts(
    config: ExportConfig, form: Format, out: Prefix, export: Export, reader: FileReader
) -> dict[str, int]:
    progress = Progress(export.survey.num_images, noun="images")
    num_by_split: Counter[str] = Counter()
    for part in parts_of(export.pictures(), part_images=config.part_images):
        num_by_split[part.split] += len(part.pictures)
        if out.exists(form.part_key(part)):
            progress.total -= len(part.pictures)
            continue
        form.write_part(out, part, reader, threads=config.io_threads)
        progress.done += len(part.pictures)
        progress.say()
    return {split: num_by_split[split] for split in export.splits}


def _summary(config: ExportConfig, export: Export, num_by_split: dict[str, int]) -> dict[str, Any]:
    survey = export.survey
    return {
        "format": config.format,
        "synthetic": True,
        "images": num_by_split,
        "without_labels": survey.num_unlabelled if config.negatives == "keep" else 0,
        "left_out": 0 if config.negatives == "keep" else survey.num_unlabelled,
        "more_than_8_bits": survey.num_deep,
        "objects": {label: survey.num_by_label[label] for label in export.classes},
        "objects_without_mask": survey.num_without_mask,
        "licences": dict(sorted(survey.num_by_licence.items())),
        "classes": export.classes,
    }


def _to_json(value: object) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
