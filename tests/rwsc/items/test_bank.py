import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.things import item_row, thing, write_bank

from rwsc.errors import ObjectMissing, SourceError
from rwsc.items.bank import BATCH_ROWS, ItemBank, bank_uri, iter_bank
from rwsc.items.build import build_items
from rwsc.items.config import ItemsConfig
from rwsc.items.pixels import encode_alpha
from rwsc.items.schema import ITEMS_KIND
from rwsc.storage.parquet import write_table


@pytest.fixture
def bank_folder(maker, made_up, masked):
    for seed, (label, split) in enumerate([("gun", "train"), ("knife", "val"), ("gun", None)]):
        made = made_up(seed)
        maker.add(
            made.image,
            [masked(made.mask_HW, label=label), masked(None, flags=["crowd"])],
            split=split,
            licence="CC0",
        )
    folder = str(maker.root / "bank")
    build_items(maker.write(), folder, ItemsConfig(workers=1))
    return folder


def test_only_usable_items_are_loaded_sorted_by_id(bank_folder):
    bank = ItemBank.load(bank_folder)
    assert len(bank) == 3
    assert [item.item_id for item in bank] == sorted(item.item_id for item in bank)
    assert bank.labels == ["gun", "knife"]
    assert {item.licence for item in bank} == {"CC0"}
    assert bank.get(bank[1].item_id) is bank[1]


def test_pixels_come_as_read_only_floats_of_the_stated_size(bank_folder):
    item = ItemBank.load(bank_folder)[0]
    assert item.transmission_HWC.shape == (item.height, item.width, 3)
    assert item.alpha_HW.shape == (item.height, item.width)
    assert item.transmission_HWC.dtype == item.alpha_HW.dtype == np.float32
    assert item.transmission_HWC is item.transmission_HWC
    with pytest.raises(ValueError, match="read-only"):
        item.alpha_HW[0, 0] = 1


def test_decoded_pixels_stay_within_their_share_of_memory(bank_folder):
    bank = ItemBank.load(bank_folder, cache_bytes=1)
    first = bank[0].alpha_HW
    assert bank[0].alpha_HW is first
    assert bank[1].alpha_HW is not first
    again = bank[0].alpha_HW
    assert again is not first
    np.testing.assert_array_equal(again, first)


def test_a_bank_travels_to_another_process(bank_folder):
    bank = ItemBank.load(bank_folder)
    pixels = bank[0].transmission_HWC
    travelled = pickle.loads(pickle.dumps(bank))
    assert travelled.bank_hash == bank.bank_hash
    np.testing.assert_array_equal(travelled[0].transmission_HWC, pixels)


def test_splits_choose_items(bank_folder):
    assert [item.label for item in ItemBank.load(bank_folder, splits=["val"])] == ["knife"]
    assert len(ItemBank.load(bank_folder, splits={"train", "val"})) == 2
    with pytest.raises(SourceError, match="no usable item of split 'test'") as caught:
        ItemBank.load(bank_folder, splits=["test"])
    assert "train (1), val (1)" in caught.value.remedy


def test_the_hash_knows_the_items_and_not_their_order(bank_folder):
    bank = ItemBank.load(bank_folder)
    assert len(bank.bank_hash) == 64
    assert ItemBank(list(reversed(bank.items))).bank_hash == bank.bank_hash
    assert ItemBank(bank.items[:2]).bank_hash != bank.bank_hash


def test_a_bank_without_a_usable_item_is_refused(maker, made_up, masked):
    maker.add(made_up(0).image, [masked(None, flags=["crowd"])])
    build_items(maker.write(), str(maker.root / "bank"))
    with pytest.raises(SourceError, match="no usable item among its 1 rows") as caught:
        ItemBank.load(str(maker.root / "bank"))
    assert caught.value.remedy


def test_another_file_or_none_is_no_bank(maker, made_up, masked):
    maker.add(made_up(0).image, [masked(None, flags=["crowd"])])
    with pytest.raises(SourceError, match=r"rwsc\.catalogue"):
        ItemBank.load(maker.write())
    with pytest.raises(ObjectMissing):
        ItemBank.load(str(maker.root / "absent"))


def test_an_item_that_is_not_there_is_refused(bank_folder):
    with pytest.raises(SourceError, match="no item 0000"):
        ItemBank.load(bank_folder).get("0000")


def test_an_address_is_a_file_or_a_folder():
    assert bank_uri("/a/b.parquet") == "/a/b.parquet"
    assert bank_uri("/a/b/") == "/a/b/items.parquet"
    assert bank_uri("s3://bucket/bank") == "s3://bucket/bank/items.parquet"


def test_a_bank_is_read_part_by_part_and_a_damaged_or_older_one_is_refused(tmp_path):
    rows = [item_row(f"{number:03d}", thing(number % 3)) for number in range(150)]
    uri = write_bank(str(tmp_path / "whole"), rows)
    parts = list(iter_bank(uri, ["item_id", "status"]))
    assert max(part.num_rows for part in parts) <= BATCH_ROWS < 150
    assert [name for part in parts for name in part["item_id"].to_pylist()] == [row.item_id for row in rows]
    assert parts[0].column_names == ["item_id", "status"]
    older = str(tmp_path / "older.parquet")
    table = pa.concat_tables(iter_bank(uri)).drop_columns(["identity_stated"])
    write_table(older, table, kind=ITEMS_KIND, version=1)
    with pytest.raises(SourceError, match="no column identity_stated"):
        list(iter_bank(older))
    with pytest.raises(ObjectMissing):
        list(iter_bank(str(tmp_path / "absent.parquet")))


def test_items_of_two_energies_are_loaded_beside_those_of_colour(tmp_path):
    pixels_HWC, alpha_HW = thing(1)
    two_HW2 = np.random.default_rng(0).uniform(0.1, 1, (*alpha_HW.shape, 2)).astype(np.float32)
    rows = [item_row("a", (pixels_HWC, alpha_HW)), item_row("b", (two_HW2, alpha_HW))]
    bank = ItemBank.load(write_bank(str(tmp_path), rows))
    assert [item.num_channels for item in bank] == [3, 2]
    assert [item.transmission_HWC.shape[2] for item in bank] == [3, 2]
    np.testing.assert_allclose(bank.get("b").transmission_HWC, two_HW2, atol=1 / 65535)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("label", None, "1 values of label are missing"),
        ("item_id", None, "1 values of item_id are missing"),
        ("transmission_png", None, "a usable item has no transmission_png"),
        ("width", None, "a usable item has no width"),
    ],
)
def test_a_bank_that_others_changed_is_told_by_file_and_column(tmp_path, bank_folder, column, value, message):
    table = pq.read_table(bank_uri(bank_folder))
    values = table[column].to_pylist()
    values[table["status"].to_pylist().index("ok")] = value
    place = table.schema.get_field_index(column)
    changed = table.set_column(place, column, pa.array(values, table.schema.field(column).type))
    pq.write_table(changed, tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=message) as caught:
        ItemBank.load(str(tmp_path / "x.parquet"))
    assert "x.parquet" in caught.value.message


@pytest.mark.parametrize("data", [b"", b"no picture", encode_alpha(np.ones((3, 5), np.float32))])
def test_damaged_pixels_are_told_by_their_item(bank_folder, data):
    item = replace(ItemBank.load(bank_folder)[0], transmission_png=data)
    with pytest.raises(SourceError, match=f"the pixels of item {item.item_id} in the item bank are damaged"):
        _ = item.transmission_HWC
