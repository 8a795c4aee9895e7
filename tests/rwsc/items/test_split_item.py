from dataclasses import replace

import pytest
from support.things import item_row, thing, write_bank

from rwsc.errors import ObjectMissing, SourceError
from rwsc.items.split_item import SplitItem, described_items, usable_items

FACTS = {"split": "val", "group": "g", "identity_stated": True}


@pytest.fixture
def bank(tmp_path):
    rows = [item_row("a", thing(1), **FACTS), item_row("x"), item_row("b", thing(2), label="knife")]
    return write_bank(str(tmp_path), rows)


def test_usable_items_are_read_with_what_a_split_must_know(bank):
    one, other = usable_items(bank)
    assert one == SplitItem(
        item_id="a", physical_item_id="a", label="gun", source_scan_id="scan-of-a", dataset="d", **FACTS
    )
    assert (other.item_id, other.label, other.split, other.identity_stated) == ("b", "knife", None, False)


def test_described_items_are_the_same_with_the_pictures_beside_them(bank):
    described = list(described_items(bank))
    assert [item for item, _ in described] == list(usable_items(bank))
    one, other = (signature for _, signature in described)
    assert one is not None
    assert other is not None


def test_groups_of_two_datasets_are_two():
    item = SplitItem(
        item_id="a", physical_item_id="a", label="gun", source_scan_id="s", dataset="d", group="g"
    )
    names = {replace(item, dataset=name).group_name for name in ("d", "e", None)}
    assert len(names) == 3
    assert replace(item, group=None).group_name is None


def test_a_bank_that_is_not_there_and_pixels_that_are_damaged_are_told(tmp_path):
    with pytest.raises(ObjectMissing):
        list(usable_items(str(tmp_path / "nothing.parquet")))
    bank = write_bank(str(tmp_path), [item_row("a", thing(1), alpha_png=b"no picture")])
    assert [item.item_id for item in usable_items(bank)] == ["a"]
    with pytest.raises(SourceError, match="the pixels of item a in the item bank are damaged"):
        list(described_items(bank))
