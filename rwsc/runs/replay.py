"""Make one image of a corpus again, alone, from its run card and manifest row, and compare."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

import rwsc
from rwsc.corpus.claim import read_corpus_card
from rwsc.corpus.commit import is_committed, manifest_key, read_marker, read_rows
from rwsc.corpus.containers import read_image
from rwsc.corpus.distractors import drawn_things
from rwsc.corpus.mark import encode_marked
from rwsc.corpus.plan import PlannedImage
from rwsc.corpus.plan_store import StoredPlan
from rwsc.corpus.remake import insertions_of, things_of
from rwsc.corpus.settings import SynthConfig
from rwsc.errors import ObjectMissing, RunMismatch, SourceError, UnreadableImage
from rwsc.fusion.compose import fuse_in_rounds
from rwsc.items.bank import Item, ItemBank
from rwsc.runs.shard_worker import open_engine
from rwsc.sources.json_fields import one_line
from rwsc.sources.transparency import on_air
from rwsc.storage.images import Codec, ImageLimits, decode_image
from rwsc.storage.prefix import Prefix, read_uri

_CODECS: dict[str, Codec] = {"png": "png", "jpg": "jpeg", "npy": "npy"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """An image that was made again."""

    data: bytes
    suffix: str
    """Ending of the name of such a file: png, jpg or npy."""

    sha256: str
    wanted_sha256: str
    """What the manifest says."""

    changed: list[str]
    """What is not as it was when the corpus was made; a line each."""

    stored: str
    """How the corpus' own file of the image compares with the manifest and with this one."""

    @property
    def is_equal(self) -> bool:
        """Whether it is the manifest's image, to the byte."""
        return self.sha256 == self.wanted_sha256


@dataclass(frozen=True, kw_only=True, slots=True)
class _Inputs:
    config: SynthConfig
    card: dict[str, Any]
    planned: PlannedImage
    row: dict[str, Any]
    bag: bytes
    bank: ItemBank
    items: dict[str, Item]


def replay(corpus_uri: str, image_id: str) -> Replay:
    """Make one image again.

    Args:
        corpus_uri: The corpus; the image's shard must be committed.
        image_id: The image; it must have been made.

    Returns:
        The image, and how it compares with the one that was made.

    Raises:
        RwscError: There is no such corpus or image, it was not made, or what it was made from is gone.
    """
    corpus = Prefix(corpus_uri)
    inputs = _read(corpus, image_id)
    engine = open_engine(inputs.config, "cpu")
    suffix = str(inputs.row["uri"]).rpartition(".")[2]
    data = _make(inputs, engine, _CODECS[suffix])
    changed = [*_changed(inputs), *_changed_manifest(corpus, inputs.row["shard_id"])]
    if engine.weights_sha256 != inputs.row["weights_sha256"]:
        changed.append(f"the weights at {inputs.config.weights} are others")
    return Replay(
        data=data,
        suffix=suffix,
        sha256=hashlib.sha256(data).hexdigest(),
        wanted_sha256=str(inputs.row["sha256"]),
        changed=changed,
        stored=_compare_stored(corpus, inputs.row, data),
    )


def settings_of(corpus: Prefix, card: Mapping[str, Any]) -> SynthConfig:
    """Give the settings of a corpus as its run card tells them.

    Args:
        corpus: The corpus.
        card: Its run card.

    Returns:
        Settings with which the corpus could be made again.

    Raises:
        RunMismatch: They are none that this version of rwsc knows.
    """
    addresses = card.get("addresses") or {}
    values = {**card["settings"], **{name: addresses.get(name) for name in ("items", "bags", "weights")}}
    try:
        config = SynthConfig(**values, output=corpus.uri)
    except (ValidationError, TypeError) as error:
        raise RunMismatch(
            f"the run card of {corpus.uri} holds settings that rwsc {rwsc.__version__} does not know: "
            f"{one_line(error)[:160]}",
            remedy=f"use rwsc {card.get('code_version')}, which made it",
        ) from None
    controls = config.controls.model_copy(update={"distractors": addresses.get("distractors")})
    return config.model_copy(update={"controls": controls})


def _read(corpus: Prefix, image_id: str) -> _Inputs:
    card = read_corpus_card(corpus)
    config = settings_of(corpus, card)
    planned = StoredPlan(corpus).find(image_id)
    if planned is None:
        raise SourceError(
            f"{corpus.uri} has no image {image_id}",
            remedy="the file names in its folder images are image ids",
        )
    row = _row_of(corpus, planned)
    bank = ItemBank.load(config.items, splits=[config.split] if config.split else None)
    items = {item.item_id: item for item in [*bank, *_harmless(config)]}
    for thing in things_of(row):
        if thing["item_id"] not in items:
            raise SourceError(
                f"item {thing['item_id']} of the image is not in {config.items}",
                remedy="the item bank was replaced; replay needs the one that the corpus was made with",
            )
    return _Inputs(
        config=config,
        card=card,
        planned=planned,
        row=row,
        bag=read_uri(planned.scan_uri),  # where it lies now: rows keep where it lay
        bank=bank,
        items=items,
    )


def _row_of(corpus: Prefix, planned: PlannedImage) -> dict[str, Any]:
    if not is_committed(corpus, planned.shard_id):
        raise SourceError(
            f"image {planned.image_id} is planned, but its shard was not made yet",
            remedy="run rwsc synth first",
        )
    rows = read_rows(corpus, planned.shard_id)
    row = next((row for row in rows if row["image_id"] == planned.image_id), None)
    if row is None:
        raise SourceError(
            f"image {planned.image_id} is planned, but {manifest_key(planned.shard_id)} has no row of it",
            remedy="rwsc verify tells what else is wrong with the corpus",
        )
    if row["status"] != "made" or str(row["uri"]).rpartition(".")[2] not in _CODECS:
        raise SourceError(
            f"image {planned.image_id} was not made but {row['status']}: {row['reason']}",
            remedy="name an image that was made",
        )
    return row


def _harmless(config: SynthConfig) -> ItemBank | list[Item]:
    if not config.controls.distractor_share:
        return []
    if config.controls.distractors is None:
        return drawn_things()
    return ItemBank.load(config.controls.distractors, splits=[config.split] if config.split else None)


def _make(inputs: _Inputs, engine: Any, codec: Codec) -> bytes:  # noqa: ANN401 - `rwsc.fusion.engine.Engine`
    config = inputs.config
    air_level = np.asarray(inputs.planned.air_level, dtype=np.float64)
    scan = on_air(decode_image(inputs.bag, limits=ImageLimits(max_pixels=config.max_pixels)), air_level)
    insertions = insertions_of(inputs.row, inputs.items, scan, air_level, engine=config.engine)
    image = fuse_in_rounds(
        [scan], [air_level], [insertions], engine, context=config.context, match=config.chosen_match
    )[0]
    return encode_marked(image, inputs.planned.image_id, codec=codec, jpeg_quality=config.jpeg_quality)


def _changed(inputs: _Inputs) -> Iterator[str]:
    row, card = inputs.row, inputs.card
    if hashlib.sha256(inputs.bag).hexdigest() != row["scan_sha256"]:
        yield f"the bag {inputs.planned.scan_uri} has changed since"
    if inputs.bank.bank_hash != (card.get("inputs") or {}).get("items"):
        yield f"the item bank {inputs.config.items} has changed since"
    if row["code_version"] != rwsc.__version__:
        yield f"the image was made by rwsc {row['code_version']}, this is {rwsc.__version__}"
    if row["config_fingerprint"] != card["fingerprint"]:
        yield "the row is of another run than the run card"


def _changed_manifest(corpus: Prefix, shard_id: str) -> Iterator[str]:
    manifest = hashlib.sha256(corpus.read(manifest_key(shard_id))).hexdigest()
    if read_marker(corpus, shard_id)["manifest_sha256"] != manifest:
        yield f"{manifest_key(shard_id)} is not the one that was committed"


def _compare_stored(corpus: Prefix, row: Mapping[str, Any], data: bytes) -> str:
    try:
        stored = read_image(corpus, row["uri"])
    except ObjectMissing:
        return "is missing"
    except SourceError as error:
        return f"is damaged: {error.message}"
    if stored == data:
        return "is the same"
    if hashlib.sha256(stored).hexdigest() != row["sha256"]:
        return "is damaged: its hash is not that of the manifest"
    try:
        old, new = (decode_image(each).astype(np.int64) for each in (stored, data))
    except UnreadableImage as error:
        return f"cannot be decoded: {error.message}"
    if old.shape != new.shape:
        return f"has the shape {old.shape}, this one {new.shape}"
    differs = old != new
    return f"differs in {differs.sum():,} of {differs.size:,} values, by {np.abs(old - new).max()} at most"
