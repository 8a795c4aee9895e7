from pathlib import Path

import cv2
import numpy as np
import pytest
from support.things import item_row, thing, write_bank
from support.two_energies import draw_truths, write_truths

from rwsc.errors import ConfigError, SourceError
from rwsc.items import cards
from rwsc.items.build import build_items
from rwsc.items.cards import NUMBERS, PICTURE_PX, deal, measure_to_sort_by
from rwsc.items.config import ItemsConfig
from rwsc.items.schema import QUALITY
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix


class Measured:
    """Quality of any bank: every field of the schema, one of them as given."""

    def __init__(self, value):
        for field in QUALITY:
            setattr(self, field.name, 7)
        setattr(self, measure_to_sort_by(None), value)


def row(item_id, value=None, *, pixels=True, **fields):
    quality = None if value is None else Measured(value)
    return item_row(item_id, thing(1) if pixels else None, quality=quality, **fields)


def ids(deck):
    return [card.row["item_id"] for card in deck.cards]


def test_each_class_begins_where_the_gate_may_have_erred(tmp_path):
    rows = [
        row("a", 0.9),
        row("b", 0.2),
        row("c", 0.5, status="rejected", reason="faint"),
        row("d", 0.6, status="rejected", reason="faint"),
        row("e", pixels=False),
        row("f", float("nan")),
        row("g", 0.1, label="axe"),
        row("h"),
    ]
    deck = deal(write_bank(str(tmp_path), rows), limit=10, max_cards=100)
    assert ids(deck) == ["g", "b", "a", "h", "f", "d", "c", "e"]
    assert deck.left_out.total() == 0
    assert deck.totals == {("gun", "ok"): 4, ("gun", "rejected"): 3, ("axe", "ok"): 1}


def test_a_limit_keeps_the_first_and_says_what_is_left_out(tmp_path):
    rows = [row(f"{number:02d}", number / 20) for number in range(20)]
    rows += [row(f"r{number}", number / 20, status="rejected", reason="faint") for number in range(5)]
    uri = write_bank(str(tmp_path), rows)
    deck = deal(uri, limit=3, max_cards=100)
    assert ids(deck) == ["00", "01", "02", "r4", "r3", "r2"]
    assert deck.left_out == {("gun", "ok"): 17, ("gun", "rejected"): 2}
    assert ids(deal(uri, limit=100, max_cards=4)) == ["00", "01", "r4", "r3"]


def test_more_classes_than_cards_are_cut_too(tmp_path):
    rows = [row(f"{number:02d}", 0.5, label=f"class {number:02d}") for number in range(20)]
    deck = deal(write_bank(str(tmp_path), rows), limit=5, max_cards=6)
    assert len(deck.cards) == 6
    assert deck.left_out.total() == 14


def test_every_measure_of_the_schema_can_be_sorted_by_and_no_other():
    assert [measure_to_sort_by(name) for name in NUMBERS] == [field.name for field in QUALITY]
    with pytest.raises(ConfigError, match="no measure 'beauty'"):
        measure_to_sort_by("beauty")


def test_a_card_holds_every_finite_measure(tmp_path):
    (card,) = deal(write_bank(str(tmp_path), [row("a", float("inf"))]), limit=1, max_cards=1).cards
    assert card.measures == {name: 7.0 for name in NUMBERS if name != measure_to_sort_by(None)}


def outline_of(jpeg):
    """Pixels of the outline's colour, as JPEG leaves them."""
    picture = decode_image(jpeg).astype(int)
    return (picture[..., 0] > 150) & (picture[..., 1] < 110) & (picture[..., 2] > 80)


def test_pictures_show_the_item_on_air_and_its_outline(tmp_path):
    transmission_HWC, alpha_HW = thing(1)
    deck = deal(write_bank(str(tmp_path), [row("a", 0.5)]), limit=1, max_cards=1)
    (card,) = deck.cards
    item = decode_image(card.item_jpeg)
    assert max(item.shape[:2]) == PICTURE_PX
    size = item.shape[1::-1]
    covered_HW = cv2.resize(alpha_HW, size) > 0.99
    off_HW = cv2.resize(alpha_HW, size) < 0.01
    wanted_HWC = cv2.resize(transmission_HWC, size, interpolation=cv2.INTER_CUBIC) * 255
    assert np.abs(item[covered_HW] - wanted_HWC[covered_HW]).mean() < 6
    assert np.median(item[off_HW]) == 255
    assert not outline_of(card.item_jpeg).any()
    rim_HW = cv2.morphologyEx((alpha_HW > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    near_HW = cv2.dilate(cv2.resize(rim_HW, size), np.ones((5, 5))) > 0
    drawn_HW = outline_of(card.outline_jpeg)
    assert drawn_HW.sum() > 100
    assert (drawn_HW & ~near_HW).sum() == 0


def test_a_catalogue_shows_items_where_they_were_found(maker, made_up, masked):
    for seed in range(3):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW), masked(None, bbox=(5.0, 100.0, 20.0, 20.0))])
    catalogue = maker.write()
    uri = str(maker.root / "bank/items.parquet")
    build_items(catalogue, uri, ItemsConfig(workers=1))
    without = deal(uri, limit=10, max_cards=50)
    assert not any(card.outline_shows_scan for card in without.cards)
    assert sum(card.outline_jpeg is None for card in without.cards) == sum(
        card.row["width"] is None for card in without.cards
    )
    deck = deal(uri, limit=10, max_cards=50, catalogue_uri=catalogue)
    assert all(card.outline_shows_scan and card.note is None for card in deck.cards)
    for card in deck.cards:
        crop = decode_image(card.outline_jpeg)
        assert outline_of(card.outline_jpeg).sum() > 40
        assert 200 > crop.mean() > 60  # a bag, not air


def test_a_scan_that_has_gone_or_changed_leaves_the_item_and_a_note(maker, made_up, masked):
    for seed in range(4):
        made = made_up(seed)
        maker.add(made.image, [masked(made.mask_HW)])
    catalogue = maker.write()
    uri = str(maker.root / "bank/items.parquet")
    build_items(catalogue, uri, ItemsConfig(workers=1))
    paths = [maker.root / f"scan{number}/a.png" for number in range(4)]
    paths[0].unlink()
    paths[1].write_bytes(paths[2].read_bytes())
    maker.scans.pop()
    maker.write()
    deck = deal(uri, limit=10, max_cards=50, catalogue_uri=catalogue)
    notes = sorted(card.note or "" for card in deck.cards)
    assert notes[0] == ""
    assert notes[1].startswith("its scan cannot be read")
    assert notes[2:] == ["its scan has changed since it was indexed", "its scan is not in the catalogue"]
    assert [card.outline_shows_scan for card in deck.cards].count(True) == 1
    assert all(card.outline_jpeg for card in deck.cards)


def test_grey_and_deep_scans_and_boxes_outside_them_are_drawn():
    deep = (np.arange(60 * 80).reshape(60, 80) * 13 % 65536).astype(np.uint16)
    for bbox in (
        [10.0, 10.0, 30.0, 20.0],
        [-50.0, -50.0, 20.0, 20.0],
        [70.0, 50.0, 40.0, 40.0],
        [0.0, 0.0, 0.0, 0.0],
    ):
        picture = decode_image(cards._crop(deep, [65535.0], {"source_bbox": bbox}, None))
        assert picture.ndim == 3


def test_items_of_two_energies_are_shown_in_pseudo_colour(tmp_path):
    write_truths(Prefix(str(tmp_path / "scans")), draw_truths(1), form="pairs")
    catalogue_uri = str(tmp_path / "catalogue.parquet")
    index_to_catalogue(str(tmp_path / "scans"), catalogue_uri)
    build_items(catalogue_uri, str(tmp_path / "items"))
    deck = deal(str(tmp_path / "items" / "items.parquet"), limit=9, max_cards=9, catalogue_uri=catalogue_uri)
    assert len(deck.cards) == 2
    for card in deck.cards:
        assert (card.outline_shows_scan, card.note) == (True, None)
        for jpeg in (card.item_jpeg, card.outline_jpeg):
            red, _, blue = decode_image(jpeg).astype(int).reshape(-1, 3).T
            assert (blue - red).max() > 60  # metal is blue
            assert np.quantile(red, 0.99) > 240  # and air white


def test_licences_are_told_the_strictest_first(tmp_path):
    rows = [row("a", licence="CC0"), row("b", licence=None), row("c", licence="SIXray: academic use only")]
    deck = deal(write_bank(str(tmp_path), rows), limit=9, max_cards=9)
    assert [(text, rank.name) for text, rank, _ in deck.licences] == [
        ("SIXray: academic use only", "ACADEMIC"),
        ("no licence stated", "UNKNOWN"),
        ("CC0", "PERMISSIVE"),
    ]


def test_another_file_is_no_bank(tmp_path, maker, made_up):
    maker.add(made_up(0).image, [])
    with pytest.raises(SourceError, match=r"rwsc\.catalogue"):
        deal(maker.write(), limit=1, max_cards=1)
    path = tmp_path / "damaged.parquet"
    whole = write_bank(str(tmp_path / "b"), [row(f"{n}", 0.5) for n in range(200)])
    data = bytearray(Path(whole).read_bytes())
    data[1000:1400] = b"\x99" * 400
    path.write_bytes(data)
    with pytest.raises(SourceError):
        deal(str(path), limit=500, max_cards=500)
