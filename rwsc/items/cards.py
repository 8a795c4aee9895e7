"""Items as a person looks at them: which of a bank to show, their facts, and small pictures of each."""

import hashlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeGuard

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rwsc.errors import ConfigError, RwscError
from rwsc.items.bank import iter_bank
from rwsc.items.pixels import decode_alpha, decode_transmission, pixels_of
from rwsc.items.schema import QUALITY
from rwsc.physics.pseudo_colour import colourise, to_rgb8
from rwsc.physics.transmission import full_scale
from rwsc.sources.json_fields import one_line
from rwsc.sources.licences import Licence, classify
from rwsc.sources.parallel import DEFAULT_WORKERS, map_in_order
from rwsc.sources.schema import CATALOGUE_KIND, CATALOGUE_VERSION
from rwsc.sources.transparency import without_alpha
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.parquet import open_table
from rwsc.storage.prefix import read_uri

PICTURE_PX = 200
"""Longer side of a card's pictures."""

NUMBERS: tuple[str, ...] = tuple(field.name for field in QUALITY)
"""Measures that a bank holds of an item; those of its schema, whatever they are."""

_SORTED_BY = ("confidence", "rim_contrast")
_PIXELS = ("transmission_png", "alpha_png")
_AROUND = 0.3
_AROUND_PX = 16
_LARGEST_MAGNIFICATION = 4.0
_OUTLINE = (226, 0, 140)
_JPEG_QUALITY = 88


@dataclass(kw_only=True, eq=False)
class Card:
    """One row of a bank, as it is shown."""

    row: Mapping[str, Any]
    """Its columns but the pixels."""

    item_jpeg: bytes | None = field(default=None, repr=False)
    """The item alone on air, as its recovered transmission has it; None where nothing was cut out."""

    outline_jpeg: bytes | None = field(default=None, repr=False)
    """The scan around it with the item's outline where the scan could be read, else the item with its outline."""

    outline_shows_scan: bool = False
    note: str | None = None
    """Why the scan is not shown, where a catalogue was given."""

    @property
    def measures(self) -> dict[str, float]:
        """The finite numbers among its quality, the one that cards are sorted by foremost."""
        quality = self.row["quality"] or {}
        names = sorted(quality, key=lambda name: name != measure_to_sort_by(None))
        return {name: float(quality[name]) for name in names if _is_number(quality[name])}


@dataclass(kw_only=True)
class Deck:
    """Cards of a bank in the order of their showing, and what was left out."""

    cards: list[Card]
    sort_by: str
    totals: Counter[tuple[str, str]]
    """Rows of the bank by class and status."""

    left_out: Counter[tuple[str, str]]
    """Rows that are not shown, by class and status."""

    @property
    def licences(self) -> list[tuple[str, Licence, int]]:
        """Licences of what is shown with their rank and number, the strictest first."""
        counts = Counter(str(card.row["licence"] or "no licence stated") for card in self.cards)
        ranked = [(text, classify(text), count) for text, count in counts.items()]
        return sorted(ranked, key=lambda entry: (-entry[1], -entry[2], entry[0]))


def measure_to_sort_by(name: str | None) -> str:
    """Settle the measure by which cards are sorted.

    Args:
        name: One of `NUMBERS`; None takes the confidence if banks hold one, else the contrast of the rim.

    Returns:
        The measure's name.

    Raises:
        ConfigError: There is no such measure.
    """
    if name is None:
        return next((known for known in _SORTED_BY if known in NUMBERS), NUMBERS[0])
    if name not in NUMBERS:
        raise ConfigError(f"items have no measure {name!r}", remedy=f"sort by one of {', '.join(NUMBERS)}")
    return name


def deal(
    bank_uri: str, *, limit: int, max_cards: int, sort_by: str | None = None, catalogue_uri: str | None = None
) -> Deck:
    """Choose the items of a bank to show and draw their pictures.

    Of each class the accepted come first, from the lowest measure up, then the others, from the highest down, so that
    either list begins where the gate may have erred; those without pixels come last. Memory holds the cards shown,
    their pictures compressed.

    Args:
        bank_uri: The bank's file.
        limit: Items to show at most of a class and status.
        max_cards: Items to show at most in all; many classes get fewer each.
        sort_by: See `measure_to_sort_by`.
        catalogue_uri: Catalogue of the scans that the items were cut from, which are then shown around them.

    Returns:
        The cards, by class.
    """
    measure = measure_to_sort_by(sort_by)
    totals, chosen = _choose(bank_uri, limit, max_cards, measure)
    shown = [Card(row=row) for row in _rows_at(bank_uri, chosen)]
    covers: dict[int, np.ndarray] = {}
    for number, card in enumerate(shown):
        pixels = [card.row[name] for name in _PIXELS]
        card.row = {name: value for name, value in card.row.items() if name not in _PIXELS}
        if None not in pixels:
            with pixels_of(card.row["item_id"]):
                covers[number] = _draw_item(card, *pixels)
    if catalogue_uri is not None:
        _draw_scans(shown, covers, catalogue_uri)
    left_out = totals - Counter(_bucket(card.row) for card in shown)
    return Deck(cards=shown, sort_by=measure, totals=totals, left_out=left_out)


def _choose(
    bank_uri: str, limit: int, max_cards: int, measure: str
) -> tuple[Counter[tuple[str, str]], dict[int, int]]:
    """Give the totals, and the place in the showing for each row to show by its position in the bank."""
    totals: Counter[tuple[str, str]] = Counter()
    best: dict[tuple[str, bool], list[tuple[float, str, int]]] = defaultdict(list)
    position = 0
    for table in iter_bank(bank_uri, ["item_id", "label", "status", "quality", "width"]):
        for row in table.to_pylist():
            totals[_bucket(row)] += 1
            heap = best[row["label"], row["status"] == "ok"]
            entry = (_rank(row, measure), row["item_id"], -position)
            if len(heap) < limit:
                heapq.heappush(heap, entry)
            else:
                heapq.heappushpop(heap, entry)
            position += 1
    fair = max(1, max_cards // max(1, len(best)))
    ordered = [
        -entry[2]
        for key in sorted(best, key=lambda key: (key[0], not key[1]))
        for entry in sorted(best[key], reverse=True)[:fair]
    ]
    return totals, {position: place for place, position in enumerate(ordered[:max_cards])}


def _rank(row: Mapping[str, Any], measure: str) -> float:
    """Say how early a row is shown among its like, larger first."""
    if row["width"] is None:
        return -math.inf
    value = (row["quality"] or {}).get(measure)
    if not _is_number(value):
        return -1e300
    return -float(value) if row["status"] == "ok" else float(value)


def _rows_at(bank_uri: str, chosen: Mapping[int, int]) -> list[dict[str, Any]]:
    rows: dict[int, dict[str, Any]] = {}
    start = 0
    for table in iter_bank(bank_uri):
        wanted = [at for at in range(table.num_rows) if start + at in chosen]
        for at, row in zip(wanted, table.take(wanted).to_pylist() if wanted else [], strict=True):
            rows[chosen[start + at]] = row
        start += table.num_rows
    return [rows[place] for place in sorted(rows)]


def _bucket(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["label"], row["status"]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _draw_item(card: Card, transmission_png: bytes, alpha_png: bytes) -> np.ndarray:
    alpha_HW = decode_alpha(alpha_png)
    on_air_HWC = 1 - alpha_HW[..., None] * (1 - decode_transmission(transmission_png))
    if on_air_HWC.shape[2] == 2:
        on_air_HWC = colourise(on_air_HWC)
    picture = _fitted(np.rint(on_air_HWC * 255).astype(np.uint8))
    card.item_jpeg = _encoded(picture)
    card.outline_jpeg = _encoded(_with_outline(picture, alpha_HW))
    return np.packbits(alpha_HW >= 0.5)


def _draw_scans(cards: list[Card], covers: Mapping[int, np.ndarray], catalogue_uri: str) -> None:
    by_scan: dict[str, list[int]] = defaultdict(list)
    for number, card in enumerate(cards):
        by_scan[card.row["source_scan_id"]].append(number)
    work = partial(_crops, cards=cards, covers=covers, by_scan=by_scan)
    missing = set(by_scan)
    for scan_id, pictures, problem in map_in_order(
        work, _scans(catalogue_uri, sorted(by_scan)), max_workers=DEFAULT_WORKERS
    ):
        missing.discard(scan_id)
        for number in by_scan[scan_id]:
            cards[number].note = problem
        for number, picture in pictures:
            cards[number].outline_jpeg, cards[number].outline_shows_scan = picture, True
    for scan_id in missing:
        for number in by_scan[scan_id]:
            cards[number].note = "its scan is not in the catalogue"


def _scans(catalogue_uri: str, scan_ids: list[str]) -> Iterator[dict[str, Any]]:
    wanted, seen = pa.array(scan_ids, pa.string()), set()
    columns = ["scan_id", "uri", "sha256", "status", "air_level"]
    with open_table(
        catalogue_uri, kind=CATALOGUE_KIND, version=CATALOGUE_VERSION, columns=columns
    ) as parquet:
        for group in range(parquet.num_row_groups):
            rows = parquet.read_row_group(group, columns=columns, use_threads=False)
            for row in rows.filter(pc.is_in(rows["scan_id"], value_set=wanted)).to_pylist():
                # Copies of a scan are rows too, rejected ones, and any of them would do.
                if row["uri"] and row["scan_id"] not in seen:
                    seen.add(row["scan_id"])
                    yield row


def _crops(
    scan: Mapping[str, Any],
    *,
    cards: list[Card],
    covers: Mapping[int, np.ndarray],
    by_scan: Mapping[str, list[int]],
) -> tuple[str, list[tuple[int, bytes]], str | None]:
    scan_id = scan["scan_id"]
    try:
        data = read_uri(scan["uri"])
        if hashlib.sha256(data).hexdigest() != scan["sha256"]:
            return scan_id, [], "its scan has changed since it was indexed"
        image = without_alpha(decode_image(data))
    except RwscError as error:
        return scan_id, [], f"its scan cannot be read: {one_line(error)[:120]}"
    return (
        scan_id,
        [
            (number, _crop(image, scan["air_level"], cards[number].row, covers.get(number)))
            for number in by_scan[scan_id]
        ],
        None,
    )


def _crop(
    image: np.ndarray, air_level: list[float], row: Mapping[str, Any], cover: np.ndarray | None
) -> bytes:
    height, width = image.shape[:2]
    x, y, w, h = (round(side) for side in row["source_bbox"])
    around = max(_AROUND_PX, round(_AROUND * max(w, h)))
    top, bottom = (min(max(at, 0), height) for at in (y - around, y + h + around))
    left, right = (min(max(at, 0), width) for at in (x - around, x + w + around))
    if bottom <= top or right <= left:
        top, bottom, left, right = 0, height, 0, width
    inside_HW = np.zeros((height, width), dtype=np.float32)
    if cover is None:
        inside_HW[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)] = 1
    else:
        cover_HW = np.unpackbits(cover, count=row["height"] * row["width"]).reshape(
            row["height"], row["width"]
        )
        here = inside_HW[y : y + row["height"], x : x + row["width"]]
        here[:] = cover_HW[: here.shape[0], : here.shape[1]]
    window = (slice(top, bottom), slice(left, right))
    return _encoded(_with_outline(_fitted(_to_rgb8(image[window], air_level)), inside_HW[window]))


def _to_rgb8(image: np.ndarray, air_level: list[float]) -> np.ndarray:
    if image.ndim == 3 and image.shape[2] == 2:
        return to_rgb8(image, np.asarray(air_level))
    eight = (
        image
        if image.dtype == np.uint8
        else (image // ((full_scale(image.dtype) + 1) // 256)).astype(np.uint8)
    )
    return np.ascontiguousarray(eight[..., :3] if eight.ndim == 3 and eight.shape[2] >= 3 else _grey(eight))


def _grey(eight: np.ndarray) -> np.ndarray:
    return np.repeat(eight.reshape(*eight.shape[:2], -1)[..., :1], 3, axis=2)


def _fitted(picture: np.ndarray) -> np.ndarray:
    scale = min(PICTURE_PX / max(picture.shape[:2]), _LARGEST_MAGNIFICATION)
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _with_outline(picture: np.ndarray, alpha_HW: np.ndarray) -> np.ndarray:
    """Draw the outline around what is covered, holes too; the picture may be of another size."""
    size = picture.shape[1::-1]
    inside_HW = cv2.resize(alpha_HW.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) >= 0.5
    lines, _ = cv2.findContours(inside_HW.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(picture.copy(), lines, -1, _OUTLINE, 1)


def _encoded(picture: np.ndarray) -> bytes:
    return encode_image(picture, codec="jpeg", jpeg_quality=_JPEG_QUALITY)
