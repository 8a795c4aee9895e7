from collections import Counter

import numpy as np
import pytest

from rwsc.items.cards import PICTURE_PX, Card, Deck
from rwsc.items.sheet import draw_sheet, heading, reason_of, shortened
from rwsc.storage.images import encode_image

HOSTILE = [
    "<script>alert(1)</script>",
    "x" * 300,
    "مسدس ‮gun",
    "🔫 枪",
    "two\nlines\x00\x1b[31m",
    "",
    "\ud7ff�",
    "%s {0}",
]


def card(item_id="a1b2", *, label="gun", status="ok", reason=None, colour=(10, 60, 200), **fields):
    row = {
        "item_id": item_id, "physical_item_id": item_id, "label": label, "status": status, "reason": reason,
        "method": "given", "split": None, "review": None, "overruled_reason": None, "licence": "CC0",
        "quality": {"area_px": 1234, "rim_contrast": 0.5}, "source_scan_id": "s", "dataset": "d", "group": None,
    }  # fmt: skip
    picture = np.full((PICTURE_PX // 2, PICTURE_PX, 3), colour, np.uint8)
    jpeg = encode_image(picture, codec="jpeg")
    return Card(row={**row, **fields}, item_jpeg=jpeg, outline_jpeg=jpeg)


def deck_of(*cards, left_out=None):
    totals = Counter((one.row["label"], one.row["status"]) for one in cards)
    return Deck(cards=list(cards), sort_by="rim_contrast", totals=totals, left_out=left_out or Counter())


def share_of(sheet, colour):
    return (np.abs(sheet.astype(int) - colour).max(axis=2) < 12).mean()


def test_every_card_is_on_the_sheet_twice():
    area_px = 2 * PICTURE_PX * PICTURE_PX // 2
    for count in (1, 3, 4, 7):
        sheet = draw_sheet(deck_of(*[card(str(number)) for number in range(count)]), title="t")
        assert sheet.dtype == np.uint8
        assert share_of(sheet, (10, 60, 200)) * sheet.shape[0] * sheet.shape[1] == pytest.approx(
            count * area_px, rel=0.03
        )


def test_verdicts_have_headings_and_reasons_their_colour():
    accepted = draw_sheet(deck_of(card()), title="t")
    rejected = draw_sheet(deck_of(card(status="rejected", reason="too small: 3 px across")), title="t")
    red = (185, 20, 20)
    assert share_of(accepted, red) == 0
    assert share_of(rejected, red) > 0


def test_a_heading_says_what_is_left_out():
    deck = deck_of(card())
    deck.totals["gun", "ok"] = 1200
    assert (
        heading(deck, "gun", True, 1)
        == "gun · accepted 1,200 · 1 shown, 1,199 left out · lowest rim_contrast first"
    )
    assert "all shown" in heading(deck_of(card()), "gun", True, 1)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_stays_on_its_line_of_the_sheet(text):
    plain = draw_sheet(deck_of(card(status="rejected", reason="x")), title="t")
    sheet = draw_sheet(
        deck_of(card(text, label=text, status="rejected", reason=text, method=text, licence=text)), title=text
    )
    assert sheet.shape == plain.shape
    assert (sheet[:, -6:] == 255).all()


def test_a_card_without_pixels_and_an_empty_deck_are_drawn():
    bare = card()
    bare.item_jpeg = bare.outline_jpeg = None
    assert draw_sheet(deck_of(bare), title="t").shape[0] > PICTURE_PX
    assert draw_sheet(deck_of(), title="t").min() < 100


def test_a_person_who_overruled_the_gate_is_named():
    assert reason_of(card(overruled_reason="too small")) == "accepted in review, against: too small"
    assert reason_of(card(status="failed", reason="gone")) == "gone"


def test_text_is_brought_on_one_line():
    assert shortened("a\n\tb\x00c", 10) == "a b c"
    assert shortened("abcdef", 4) == "abc…"
