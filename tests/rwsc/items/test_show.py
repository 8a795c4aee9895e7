import pytest
from support.things import item_row, thing, write_bank

from rwsc.errors import ConfigError, ObjectExists
from rwsc.items.review import read_review
from rwsc.items.show import sheet_key, show_items
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix


def bank(folder, labels=("gun", "Gun", "../etc")):
    rows = [item_row(f"{number}", thing(number), label=label) for number, label in enumerate(labels)]
    return write_bank(f"{folder}/items", [*rows, item_row("x")])


def test_the_name_of_the_output_chooses_its_form(store_uri):
    uri, outputs = bank(store_uri), Prefix(store_uri).child("out")
    show_items(uri, outputs.uri_of("SHEET.PNG"))
    assert decode_image(outputs.read("SHEET.PNG")).ndim == 3
    show_items(uri, outputs.uri_of("page.html"))
    page = outputs.read("page.html").decode()
    assert page.startswith("<!doctype html>")
    assert store_uri not in page
    show_items(uri, outputs.uri_of("folder"))
    keys = set(outputs.list_keys("folder"))
    assert {"folder/index.html", "folder/review.csv", "folder/gun.png"} < keys
    assert len(keys) == 5
    assert all(key.count("/") == 1 for key in keys)
    assert read_review(outputs.uri_of("folder/review.csv")).decisions == {}


@pytest.mark.parametrize("name", ["sheet.png", "page.html", "folder"])
def test_nothing_is_replaced_without_consent(tmp_path, name):
    uri, target = bank(tmp_path), str(tmp_path / name)
    show_items(uri, target)
    with pytest.raises(ObjectExists) as caught:
        show_items(uri, target)
    assert "--overwrite" in caught.value.remedy
    show_items(uri, target, overwrite=True)


@pytest.mark.parametrize("name", ["a.jpg", "a.csv", "items.parquet", "a.htm"])
def test_an_ending_that_means_something_else_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=name):
        show_items(bank(tmp_path), str(tmp_path / name))


def test_sheets_of_classes_have_names_of_their_own_that_any_store_bears():
    labels = [
        "gun",
        "Gun",
        "GUN",
        "../../etc/passwd",
        "x" * 300,
        "枪",
        "🔫",
        "",
        "a b",
        "a-b",
        "con\n",
        "gun.png",
    ]
    keys = [sheet_key(label) for label in labels]
    assert keys[0] == "gun.png"
    assert len({key.lower() for key in keys}) == len(labels)
    for key in keys:
        assert set(key.removesuffix(".png")) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
        assert 4 < len(key) <= 60


def test_what_is_shown_is_bounded_and_told(tmp_path):
    rows = [item_row(f"{number:03d}", thing(1)) for number in range(30)]
    deck = show_items(write_bank(str(tmp_path / "b"), rows), str(tmp_path / "p.html"), limit=7)
    assert (len(deck.cards), deck.left_out.total()) == (7, 23)
