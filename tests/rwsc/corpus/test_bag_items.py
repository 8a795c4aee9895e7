import pyarrow as pa
import pytest
from support.things import item_row, thing, write_bank

from rwsc.corpus.bag_items import bag_items_hash, items_by_scan, scans_of_other_splits, with_bag_items
from rwsc.errors import SourceError

BAGS = pa.table({"scan_id": ["a", "b", "c"]})
CUT = {"a": ["gun", "knife"], "b": ["gun"], "elsewhere": ["saw"]}


def test_all_that_a_bank_says_was_cut_out_of_a_scan_counts_accepted_or_not_and_of_any_split(tmp_path):
    rows = [
        item_row("1", thing(1), physical_item_id="knife", source_scan_id="a", split="test"),
        item_row("2", physical_item_id="gun", source_scan_id="a", label="wanted by nobody"),
        item_row("3", thing(3), physical_item_id="gun", source_scan_id="a"),
        item_row("4", thing(3), physical_item_id="gun", source_scan_id="b", split="train"),
    ]
    for order in (rows, rows[::-1]):
        write_bank(str(tmp_path), order)
        assert items_by_scan(str(tmp_path)) == {"a": ["gun", "knife"], "b": ["gun"]}


def test_what_is_no_bank_is_refused(tmp_path):
    (tmp_path / "items.parquet").write_bytes(b"no bank")
    with pytest.raises(SourceError, match=r"items.parquet is no Parquet file"):
        items_by_scan(str(tmp_path))


def test_each_bag_gets_its_own_and_one_of_which_nothing_is_known_an_empty_list():
    assert with_bag_items(BAGS, CUT)["bag_items"].to_pylist() == [["gun", "knife"], ["gun"], []]


def test_the_hash_tells_what_was_cut_out_of_bags_apart_and_not_their_order():
    given = bag_items_hash(with_bag_items(BAGS, CUT))
    assert given == bag_items_hash(with_bag_items(BAGS.take([2, 0, 1]), {**CUT, "elsewhere": []}))
    assert given != bag_items_hash(with_bag_items(BAGS, {**CUT, "b": ["knife"]}))


def test_a_scan_that_shows_an_item_of_another_split_is_told_whatever_else_it_shows(tmp_path):
    rows = [
        item_row("1", thing(1), physical_item_id="knife", source_scan_id="a", split="test"),
        item_row("2", thing(2), physical_item_id="gun", source_scan_id="a", split="train"),
        item_row("3", thing(3), physical_item_id="saw", source_scan_id="b", split="train"),
        item_row("4", physical_item_id="bow", source_scan_id="c"),
    ]
    write_bank(str(tmp_path), rows)
    found = {split: scans_of_other_splits(str(tmp_path), split) for split in ("train", "val", "test")}
    assert found == {"train": {"a"}, "val": {"a", "b"}, "test": {"a", "b"}}
