"""A page to browse items and to decide on them: one HTML file that needs no network and calls for nothing."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rwsc.items.cards import Card, Deck
from rwsc.items.sheet import facts_of, reason_of, shortened
from rwsc.sources.licences import Licence
from rwsc.storage.web_page import jpeg_uri, render_web_page

_MAX_LABEL_CHARS = 120


def render_page(deck: Deck, *, title: str) -> str:
    """Write the page.

    All text of the bank is escaped. The page's own policy lets no script or style run but those of the package,
    named by their hashes, and loads nothing but the pictures inside it.

    Args:
        deck: Cards to show.
        title: What is shown.

    Returns:
        HTML.
    """
    labels = sorted({card.row["label"] for card in deck.cards})
    methods = sorted({str(card.row["method"] or "none") for card in deck.cards})
    measures = list(dict.fromkeys(name for card in deck.cards for name in card.measures))
    return render_web_page(
        "rwsc.items",
        "browse",
        title=shortened(title, 200),
        with_script=True,
        bank_key=_key(deck.cards),
        cards=[_facts(card, labels, methods) for card in deck.cards],
        num_rows=deck.totals.total(),
        left_out=_left_out(deck),
        with_scans=any(card.outline_shows_scan for card in deck.cards),
        licences=[(shortened(text, 300), rank.name, count) for text, rank, count in deck.licences],
        is_academic=any(rank is Licence.ACADEMIC for _, rank, _ in deck.licences),
        labels=[shortened(label, _MAX_LABEL_CHARS) for label in labels],
        methods=[shortened(method, _MAX_LABEL_CHARS) for method in methods],
        statuses=sorted({card.row["status"] for card in deck.cards}),
        measures=measures,
    )


def _facts(card: Card, labels: Sequence[str], methods: Sequence[str]) -> dict[str, Any]:
    row = card.row
    origin = [row["dataset"], row["group"] and f"group {row['group']}", f"scan {row['source_scan_id']}"]
    return {
        "item_id": row["item_id"],
        "is_ok": row["status"] == "ok",
        "status": row["status"],
        "label": shortened(row["label"], _MAX_LABEL_CHARS),
        "label_number": labels.index(row["label"]),
        "method_number": methods.index(str(row["method"] or "none")),
        "facts": [shortened(fact, 100) for fact in facts_of(card)],
        "reason": shortened(reason_of(card) or "", 300),
        "note": shortened(card.note or "", 200),
        "origin": shortened(" · ".join(text for text in origin if text), 200),
        "measures": [
            (name, f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}")
            for name, value in card.measures.items()
        ],
        "measures_json": json.dumps(card.measures),
        "outline_uri": _uri(card.outline_jpeg),
        "outline_shows_scan": card.outline_shows_scan,
        "item_uri": _uri(card.item_jpeg),
    }


def _left_out(deck: Deck) -> str:
    counts = sorted(deck.left_out.items(), key=lambda entry: (-entry[1], entry[0]))
    parts = [f"{count:,} {shortened(label, 40)} ({status})" for (label, status), count in counts if count]
    return ", ".join(parts[:12]) + (f" and {len(parts) - 12} more kinds" if len(parts) > 12 else "")


def _key(cards: Sequence[Card]) -> str:
    """Name what is decided on, so that marks left in a browser come back for the same items only."""
    return hashlib.sha256("\n".join(sorted(card.row["item_id"] for card in cards)).encode()).hexdigest()[:16]


def _uri(jpeg: bytes | None) -> str | None:
    return None if jpeg is None else jpeg_uri(jpeg)
