"""Show a bank's items: a contact sheet, a page to browse, or a folder of both, and a review file to fill in."""

import re
from collections.abc import Mapping
from dataclasses import replace

from rwsc.errors import ConfigError, ObjectExists
from rwsc.items.bank import bank_uri
from rwsc.items.browse import render_page
from rwsc.items.cards import Deck, deal
from rwsc.items.review import review_template
from rwsc.items.sheet import draw_sheet
from rwsc.seeds import content_id
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix, absolute_uri, split_uri

PAGE_KEY = "index.html"
REVIEW_KEY = "review.csv"

MAX_SHEET_CARDS = 300
"""Items of one picture file; it is about 300 px high for every three."""

MAX_PAGE_CARDS = 1000
"""Items of one page; it grows by some 25 KB with each."""

_PLAIN_NAME = re.compile(r"[a-z0-9_-]{1,40}")


def show_items(
    items_uri: str,
    output_uri: str,
    *,
    limit: int = 60,
    sort_by: str | None = None,
    catalogue_uri: str | None = None,
    overwrite: bool = False,
) -> Deck:
    """Show a bank's items in the form that the output's name asks for.

    Args:
        items_uri: The bank.
        output_uri: A ``.png`` for a contact sheet; a ``.html`` for a page to browse and decide; else a folder for a
            sheet per class, the page, and a review file to fill in by hand. Local or s3://.
        limit: Items shown at most of a class and status.
        sort_by: Measure to sort by; see `rwsc.items.cards.measure_to_sort_by`.
        catalogue_uri: Catalogue of the scans, to show each item where it was found.
        overwrite: Replace what is there.

    Returns:
        What was shown.

    Raises:
        ConfigError: The output has an ending that means neither.
        ObjectExists: Something is stored there and `overwrite` is not set.
        SourceError: `items_uri` is no item bank.
    """
    source, target = bank_uri(items_uri), absolute_uri(output_uri)
    ending = _ending(target)
    outputs = Prefix(split_uri(target)[0]) if ending else Prefix(target)
    first_key = split_uri(target)[1] if ending else PAGE_KEY
    if not overwrite and outputs.exists(first_key):
        raise ObjectExists(
            f"{outputs.uri_of(first_key)} is there already",
            remedy="choose another output, or add --overwrite",
        )
    max_cards = MAX_SHEET_CARDS if ending == ".png" else MAX_PAGE_CARDS
    deck = deal(source, limit=limit, max_cards=max_cards, sort_by=sort_by, catalogue_uri=catalogue_uri)
    # The end of the address only: sheets are handed on, and whose machine it was is nobody's business.
    title = "items of " + "/".join(source.split("/")[-2:])
    if ending == ".png":
        written = {first_key: encode_image(draw_sheet(deck, title=title))}
    elif ending == ".html":
        written = {first_key: render_page(deck, title=title).encode()}
    else:
        written = {}
        for label in sorted({card.row["label"] for card in deck.cards}):
            sheet = encode_image(draw_sheet(_of_class(deck, label), title=title))
            _write(outputs, {sheet_key(label): sheet}, overwrite=overwrite)
        written[REVIEW_KEY] = review_template(card.row for card in deck.cards)
        written[PAGE_KEY] = render_page(deck, title=title).encode()
    _write(outputs, written, overwrite=overwrite)
    return deck


def sheet_key(label: str) -> str:
    """Name the sheet of a class: the class's own name where any store and file system can bear it."""
    if _PLAIN_NAME.fullmatch(label):
        return f"{label}.png"
    plain = re.sub(r"[^a-z0-9_-]+", "-", label.lower())[:40].strip("-")
    return f"{plain or 'class'}-{content_id(label, num_chars=8)}.png"


def _ending(target: str) -> str | None:
    """Give .png or .html, or None for a folder."""
    name = split_uri(target)[1].lower()
    if name.endswith((".png", ".html")):
        return "." + name.rpartition(".")[2]
    if name.endswith(
        (".jpg", ".jpeg", ".pdf", ".csv", ".parquet", ".htm", ".svg", ".webp", ".gif", ".tif", ".tiff")
    ):
        raise ConfigError(
            f"items are not shown as {name}", remedy="write to SHEET.png, PAGE.html or a folder"
        )
    return None


def _of_class(deck: Deck, label: str) -> Deck:
    return replace(deck, cards=[card for card in deck.cards if card.row["label"] == label])


def _write(outputs: Prefix, written: Mapping[str, bytes], *, overwrite: bool) -> None:
    for key, data in written.items():
        outputs.write(key, data, overwrite=overwrite)
