"""Draw a contact sheet of a finished or half-finished corpus."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.plan_store import read_air_levels
from rwsc.corpus.preview import draw_sheet, fit_cell, sheet_row
from rwsc.errors import SourceError
from rwsc.items.bank import ItemBank
from rwsc.sources.examine import without_alpha
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, read_uri, write_uri
from rwsc.storage.run_card import read_run_card


def write_preview(corpus_uri: str, sheet_uri: str, *, num_images: int, overwrite: bool) -> int:
    """Draw the first images of a corpus with the bag, the item, TIP and the boxes beside them.

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
    corpus = Prefix(corpus_uri)
    card = read_run_card(corpus)
    if card.get("kind") != "synth":
        raise SourceError(f"{corpus.uri} is no corpus but a run of kind {card.get('kind')!r}")
    bank = ItemBank.load(card["addresses"]["items"])
    items = {item.item_id: item for item in bank.items}
    air_levels = read_air_levels(corpus)
    pictures = []
    for row in islice(_made_rows(corpus), num_images):
        missing = [thing["item_id"] for thing in row["objects"] if thing["item_id"] not in items]
        if missing:
            raise SourceError(
                f"item {missing[0]} of the corpus is not in {card['addresses']['items']}",
                remedy="the item bank was replaced; preview needs the one the corpus was made with",
            )
        scan = without_alpha(decode_image(read_uri(row["scan_uri"])))
        made = decode_image(corpus.read(row["uri"]))
        air_level = np.asarray(air_levels[row["image_id"]], dtype=np.float64)
        cells = sheet_row(row, scan=scan, air_level=air_level, made=made, items=items)
        pictures.append([fit_cell(cell) for cell in cells])  # at once, so that memory holds one scan only
    if not pictures:
        raise SourceError(f"{corpus.uri} holds no made image yet", remedy="run rwsc synth first")
    heads = ("bag", "item", "TIP", card["settings"]["engine"].upper(), "boxes")
    write_uri(sheet_uri, encode_image(draw_sheet(pictures, heads)), overwrite=overwrite)
    return len(pictures)


def _made_rows(corpus: Prefix) -> Iterator[dict[str, Any]]:
    for shard in sorted(committed_shards(corpus)):
        yield from (row for row in read_rows(corpus, shard) if row["status"] == "made")
