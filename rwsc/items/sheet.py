"""Contact sheets of items: a picture file that needs nothing to be looked at."""

from collections.abc import Sequence
from itertools import groupby

import cv2
import numpy as np

from rwsc.items.cards import PICTURE_PX, Card, Deck
from rwsc.sources.licences import Licence
from rwsc.storage.images import decode_image

_COLUMNS = 3
_GAP_PX = 8
_LINE_PX = 17
_TEXT_LINES = 8
_CELL_WIDTH_PX = 2 * PICTURE_PX + 3 * _GAP_PX
_CELL_HEIGHT_PX = PICTURE_PX + _TEXT_LINES * _LINE_PX + 3 * _GAP_PX
_INK, _FAINT, _GOOD, _BAD, _PAPER = (
    (25, 25, 25),
    (110, 110, 110),
    (0, 110, 50),
    (185, 20, 20),
    (255, 255, 255),
)
_FRAME = (205, 205, 205)
_BASE_LINE = 0.78


def draw_sheet(deck: Deck, *, title: str) -> np.ndarray:
    """Lay cards out on one sheet, a heading for each class and verdict.

    Args:
        deck: Cards, those of one class side by side.
        title: What is shown.

    Returns:
        8-bit RGB; every card twice `PICTURE_PX` wide, three to a line.
    """
    bands = [_band(title, size_px=20, colour=_INK)]
    bands += [_band(text, size_px=14, colour=colour) for text, colour in _licence_lines(deck)]
    for (label, is_ok), cards in groupby(
        deck.cards, key=lambda card: (card.row["label"], card.row["status"] == "ok")
    ):
        shown = list(cards)
        bands.append(
            _band(heading(deck, label, is_ok, len(shown)), size_px=17, colour=_GOOD if is_ok else _BAD)
        )
        bands += [_line(shown[start : start + _COLUMNS]) for start in range(0, len(shown), _COLUMNS)]
    if not deck.cards:
        bands.append(_band("no items", size_px=17, colour=_FAINT))
    return np.vstack(bands)


def heading(deck: Deck, label: str, is_ok: bool, num_shown: int) -> str:
    """Say what a list of cards shows of its class, and what it leaves out."""
    counts = {status: count for (name, status), count in deck.totals.items() if name == label}
    total = sum(count for status, count in counts.items() if (status == "ok") == is_ok)
    verdict = "accepted" if is_ok else "rejected or failed"
    order = f"lowest {deck.sort_by} first" if is_ok else f"highest {deck.sort_by} first"
    rest = f"{num_shown:,} shown, {total - num_shown:,} left out" if num_shown < total else "all shown"
    return f"{shortened(label, 60)} · {verdict} {total:,} · {rest} · {order}"


def facts_of(card: Card) -> list[str]:
    """Give what is said of a card beside its measures: id, thing, way of extraction, split, review."""
    row = card.row
    facts = [str(row["item_id"]), str(row["method"] or "nothing cut out")]
    if row["physical_item_id"] != row["item_id"]:
        facts.append(f"thing {row['physical_item_id']}")
    if row["split"]:
        facts.append(str(row["split"]))
    if row["review"]:
        facts.append(f"{row['review']}ed in review")
    return facts


def measure_text(card: Card) -> list[str]:
    """Give a card's measures as short texts."""
    return [
        f"{name} {value:.3g}" if value < 1000 else f"{name} {value:,.0f}"
        for name, value in card.measures.items()
    ]


def reason_of(card: Card) -> str | None:
    """Say why a card's item was not accepted, or what a person accepted it against."""
    row = card.row
    if row["overruled_reason"]:
        return f"accepted in review, against: {row['overruled_reason']}"
    return row["reason"]


def shortened(text: str, max_chars: int) -> str:
    """Bring text of any origin on one line of bounded length."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"


def _licence_lines(deck: Deck) -> list[tuple[str, tuple[int, int, int]]]:
    entries = deck.licences
    lines = [
        (f"licence: {shortened(text, 120)} ({count:,} items)", _BAD if rank is Licence.ACADEMIC else _FAINT)
        for text, rank, count in entries[:4]
    ]
    return lines + ([(f"and {len(entries) - 4} more licences", _FAINT)] if len(entries) > 4 else [])


def _band(text: str, *, size_px: int, colour: tuple[int, int, int]) -> np.ndarray:
    width = _COLUMNS * _CELL_WIDTH_PX + 2 * _GAP_PX
    band = np.full((round(size_px * 1.7), width, 3), 255, dtype=np.uint8)
    write_line(
        band, text, x=_GAP_PX, baseline=round(size_px * 1.2), size_px=size_px, colour=colour, width=width - 16
    )
    return band


def _line(cards: Sequence[Card]) -> np.ndarray:
    line = np.full((_CELL_HEIGHT_PX, _COLUMNS * _CELL_WIDTH_PX + 2 * _GAP_PX, 3), 255, dtype=np.uint8)
    for column, card in enumerate(cards):
        left = _GAP_PX + column * _CELL_WIDTH_PX
        line[:, left : left + _CELL_WIDTH_PX] = _cell(card)
    return line


def _cell(card: Card) -> np.ndarray:
    cell = np.full((_CELL_HEIGHT_PX, _CELL_WIDTH_PX, 3), 255, dtype=np.uint8)
    cv2.rectangle(cell, (2, 2), (_CELL_WIDTH_PX - 4, _CELL_HEIGHT_PX - 4), _FRAME, 1)
    for column, jpeg in enumerate((card.outline_jpeg, card.item_jpeg)):
        if jpeg is not None:
            picture = decode_image(jpeg)
            top = _GAP_PX + (PICTURE_PX - picture.shape[0]) // 2
            left = _GAP_PX + column * (PICTURE_PX + _GAP_PX) + (PICTURE_PX - picture.shape[1]) // 2
            cell[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    if card.item_jpeg is None:
        write_line(
            cell,
            "nothing cut out",
            x=PICTURE_PX + 60,
            baseline=PICTURE_PX // 2,
            size_px=13,
            colour=_FAINT,
            width=150,
        )
    width = _CELL_WIDTH_PX - 2 * _GAP_PX
    texts = [(line, _INK) for line in _wrapped(facts_of(card), width, 2)]
    texts += [(line, _FAINT) for line in _wrapped(measure_text(card), width, 4)]
    if reason := reason_of(card):
        texts += [(line, _BAD) for line in _wrapped(shortened(reason, 200).split(), width, 2, joint=" ")]
    elif card.note:
        texts.append((shortened(card.note, 120), _FAINT))
    for number, (text, colour) in enumerate(texts[:_TEXT_LINES]):
        baseline = PICTURE_PX + 2 * _GAP_PX + round((number + _BASE_LINE) * _LINE_PX)
        write_line(cell, text, x=_GAP_PX, baseline=baseline, size_px=13, colour=colour, width=width)
    return cell


def _wrapped(parts: Sequence[str], width: int, max_lines: int, *, joint: str = " · ") -> list[str]:
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{joint}{part}" if lines else part
        if lines and _width(longer, 13) <= width:
            lines[-1] = longer
        elif len(lines) < max_lines:
            lines.append(part)
        else:
            lines[-1] += " …"
            break
    return lines


def write_line(
    picture: np.ndarray,
    text: str,
    *,
    x: int,
    baseline: int,
    size_px: int,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    """Write one line of text of any origin on a picture, cut where the room ends.

    Args:
        picture: 8-bit RGB, written on in place.
        text: What to write, in any script.
        x: Column where it begins.
        baseline: Row on which the letters stand.
        size_px: Height of the letters.
        colour: RGB.
        width: Room for it, in pixels.
    """
    line = shortened(text, 300)
    while len(line) > 1 and _width(line, size_px) > width:
        line = line[: max(1, min(len(line) - 2, round(len(line) * width / _width(line, size_px)) - 1))] + "…"
    cv2.putText(picture, line, (x, baseline), colour, _font(), size_px)


def _width(text: str, size_px: int) -> int:
    return int(cv2.getTextSize((10_000, 100), text, (0, 50), _font(), size_px)[2])


def _font() -> "cv2.FontFace":
    """Give the font with the most scripts that OpenCV carries; class names come in any."""
    return cv2.FontFace("uni")
