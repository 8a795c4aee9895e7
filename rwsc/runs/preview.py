"""Draw a contact sheet of a finished or half-finished corpus, and its plan with several engines side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from rwsc.corpus.claim import read_corpus_card
from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.comparison import Shown, compare_engines, draw_comparison
from rwsc.corpus.containers import read_image
from rwsc.corpus.display import Pixels
from rwsc.corpus.distractors import drawn_things
from rwsc.corpus.heat_map import HeatMaps, draw_heat_maps
from rwsc.corpus.plan_store import StoredPlan
from rwsc.corpus.preview import draw_sheet, fit_cell, sheet_row
from rwsc.corpus.remake import things_of
from rwsc.errors import ConfigError, SourceError, UnreadableImage
from rwsc.fusion.engine import Engine
from rwsc.fusion.engines import ENGINES, EngineConfig, open_classic
from rwsc.fusion.match import MatchConfig
from rwsc.fusion.rwsc import RwscEngine
from rwsc.items.bank import Item, ItemBank
from rwsc.runs.talk import say
from rwsc.runs.weights import DEFAULT_WEIGHTS, read_weights
from rwsc.sources.reread import read_indexed
from rwsc.sources.transparency import on_air, without_alpha
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, write_uri

_Settings = TypeVar("_Settings", bound=BaseModel)


def write_preview(corpus_uri: str, sheet_uri: str, *, num_images: int, overwrite: bool) -> int:
    """Draw the first images of a corpus with the bag, the item, TIP and the labels beside them.

    Args:
        corpus_uri: The corpus; at least one shard must be committed.
        sheet_uri: Where the PNG goes.
        num_images: Images to show at most.
        overwrite: Replace a sheet that is there.

    Returns:
        Images shown.

    Raises:
        RwscError: There is no such corpus, nothing was made yet, or the item bank has gone.
    """
    corpus = _Corpus.open(corpus_uri)
    pictures = []
    for row in islice(corpus.made_rows(), num_images):
        # Made small at once, so that memory holds one scan only.
        pictures.append(
            [
                fit_cell(cell)
                for cell in sheet_row(row, corpus.pixels_of(row), items=corpus.items, match=corpus.match)
            ]
        )
    _check_not_empty(corpus, len(pictures))
    heads = ("bag", "item", "TIP", corpus.card["settings"]["engine"].upper(), "boxes")
    write_uri(sheet_uri, encode_image(draw_sheet(pictures, heads)), overwrite=overwrite)
    return len(pictures)


def write_comparison(
    corpus_uri: str,
    sheet_uri: str,
    *,
    engines: Sequence[str],
    weights: str | None,
    num_images: int,
    overwrite: bool,
) -> int:
    """Draw the first images of a corpus as several engines make them, and where the items of all of it lie.

    Args:
        corpus_uri: The corpus; at least one shard must be committed.
        sheet_uri: Where the PNG goes.
        engines: Names of engines.
        weights: Weights for the engine rwsc; None takes those of the corpus.
        num_images: Images to show at most.
        overwrite: Replace a sheet that is there.

    Returns:
        Images shown.

    Raises:
        RwscError: There is no such corpus or engine, nothing was made yet, or item bank or weights are missing.
    """
    _check_engines(engines)
    corpus = _Corpus.open(corpus_uri)
    opened = [_open_engine(name, corpus, weights) for name in engines]
    context = float(corpus.card["settings"]["context"])
    shown: list[Shown] = []
    maps = HeatMaps()
    for row in corpus.made_rows():
        maps.add(row)
        if len(shown) < num_images:
            pixels = corpus.pixels_of(row)
            shown.append(
                compare_engines(
                    row,
                    pixels,
                    items=corpus.items,
                    engines=opened,
                    context=context,
                    match=corpus.match,
                )
            )
    _check_not_empty(corpus, len(shown))
    sheet = draw_comparison(shown, engines)
    sheet = np.vstack([sheet, draw_heat_maps(maps, width=sheet.shape[1])])
    write_uri(sheet_uri, encode_image(sheet), overwrite=overwrite)
    return len(shown)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Corpus:
    folder: Prefix
    card: dict[str, Any]
    items: dict[str, Item]
    plan: StoredPlan
    engines: EngineConfig
    match: MatchConfig | None
    """How items were matched to bags; None for not at all, as in older corpora."""

    @classmethod
    def open(cls, uri: str) -> "_Corpus":
        folder = Prefix(uri)
        card = read_corpus_card(folder)
        if not (address := (card.get("addresses") or {}).get("items")):
            raise SourceError(
                f"the run card of {folder.uri} does not say where its items lie", remedy="restore run.json"
            )
        items = [*ItemBank.load(address), *_harmless(card)]
        by_id = {item.item_id: item for item in items}
        match = _settings_of(card, "match", MatchConfig)
        return cls(
            folder=folder,
            card=card,
            items=by_id,
            plan=StoredPlan(folder),
            engines=_settings_of(card, "fusion", EngineConfig),
            match=match if match.noise or match.sharpness else None,
        )

    def made_rows(self) -> Iterator[dict[str, Any]]:
        for shard in sorted(committed_shards(self.folder)):
            yield from (row for row in read_rows(self.folder, shard) if row["status"] == "made")

    def pixels_of(self, row: dict[str, Any]) -> Pixels:
        """Read a row's bag, its air level and its image."""
        if lacking := [name for name in ("uri", "scan_sha256", "seed") if row.get(name) is None]:
            raise SourceError(
                f"image {row['image_id']} of {self.folder.uri} has no {', '.join(lacking)}",
                remedy="rwsc verify tells what else is wrong with the corpus",
            )
        missing = [thing["item_id"] for thing in things_of(row) if thing["item_id"] not in self.items]
        if missing:
            raise SourceError(
                f"item {missing[0]} of the corpus is not in {self.card['addresses']['items']}",
                remedy="the item bank was replaced; preview needs the one the corpus was made with",
            )
        planned = self.plan.find(row["image_id"])
        if planned is None:
            raise SourceError(
                f"image {row['image_id']} of {self.folder.uri} is not in its plan",
                remedy="rwsc verify tells what else is wrong with the corpus",
            )
        try:
            made = decode_image(read_image(self.folder, row["uri"]))
        except UnreadableImage as error:
            raise SourceError(
                f"{row['uri']} of {self.folder.uri} cannot be shown: {error.message}",
                remedy="rwsc verify tells what else is wrong with the corpus",
            ) from None
        image = read_indexed(planned.scan_uri, row["scan_sha256"])
        shape = without_alpha(image).shape
        channels = 1 if len(shape) == 2 else shape[2]
        if made.shape != shape or len(planned.air_level) not in (1, channels):
            raise SourceError(
                f"{row['uri']} of {self.folder.uri} does not fit its bag {planned.scan_uri}",
                remedy="rwsc verify tells what else is wrong with the corpus",
            )
        scan = on_air(image, planned.air_level)
        return Pixels(scan=scan, air_level=np.asarray(planned.air_level, dtype=np.float64), made=made)


def _settings_of(card: dict[str, Any], part: str, kind: type[_Settings]) -> _Settings:
    """Give what a corpus states of a part of its settings; what this version does not know is told and left out."""
    stated = card["settings"].get(part) or {}
    known = {name: value for name, value in stated.items() if name in kind.model_fields}
    if unknown := sorted(stated.keys() - known.keys()):
        say(
            f"warning: this version knows no {part}.{unknown[0]}, with which the corpus was made; "
            "engines are shown without it"
        )
    try:
        return kind(**known)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (part, *first["loc"])))
        raise SourceError(
            f"the corpus was made with a {place} that this version refuses: {first['msg']}"
        ) from None


def _harmless(card: dict[str, Any]) -> list[Item]:
    """Open the harmless things of a corpus, where it has any; older corpora know nothing of them."""
    if not card["settings"].get("controls", {}).get("distractor_share"):
        return []
    address = card["addresses"].get("distractors")
    return list(drawn_things() if address is None else ItemBank.load(address))


def _check_not_empty(corpus: _Corpus, num_images: int) -> None:
    if not num_images:
        raise SourceError(f"{corpus.folder.uri} holds no made image yet", remedy="run rwsc synth first")


def _check_engines(names: Sequence[str]) -> None:
    if not names:
        raise ConfigError("no engine is named", remedy=f"engines are {', '.join(ENGINES)}")
    for name in names:
        if name not in ENGINES:
            raise ConfigError(f"no engine {name!r}", remedy=f"engines are {', '.join(ENGINES)}")
    if len(set(names)) < len(names):
        raise ConfigError(f"an engine is named twice in {','.join(names)}")


def _open_engine(name: str, corpus: _Corpus, weights: str | None) -> Engine:
    if name != "rwsc":
        return open_classic(name, corpus.engines)
    return RwscEngine(*read_weights(weights or corpus.card["addresses"]["weights"] or DEFAULT_WEIGHTS))
