import pytest
from support.things import item_row, seen_again, thing, write_bank

from rwsc.errors import ObjectExists, ObjectMissing, SourceError
from rwsc.items.assign import SPLITS
from rwsc.items.bank import ItemBank
from rwsc.items.split import split_bank

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}


def rows_of_bank():
    """Twelve things seen twice each, on scans of their own; and two rows without pixels."""
    rows = []
    for number in range(12):
        for view in range(2):
            pixels = seen_again(thing(number), 10 * number + view)
            rows.append(
                item_row(
                    f"{number:02d}{view}",
                    pixels,
                    physical_item_id=f"{number:02d}0",
                    label="gun" if number % 2 else "knife",
                    split="train",
                )
            )
    return [*rows, item_row("x"), item_row("010")]


def test_a_split_bank_holds_the_same_items_and_is_proven(store_uri):
    source = write_bank(f"{store_uri}/items", rows_of_bank())
    report = split_bank(source, f"{store_uri}/split", shares=SHARES)
    assert report.is_proven, report.leaks
    before, after = ItemBank.load(source), ItemBank.load(f"{store_uri}/split")
    assert [item.item_id for item in before] == [item.item_id for item in after]
    assert {item.split for item in after} == set(SPLITS)
    for item in after:
        assert item.split == after.get(item.physical_item_id).split
        assert item.transmission_png == before.get(item.item_id).transmission_png
    assert {label: sum(counts.values()) for label, counts in report.num_items.items()} == {
        "gun": 12,
        "knife": 12,
    }
    assert report.num_physical["gun"].total() == 6
    assert {pair.label for pair in report.closest} == {"gun", "knife"}
    assert all(0.15 < pair.distance < 1 for pair in report.closest)
    assert len(ItemBank.load(f"{store_uri}/split", splits=["train"])) == sum(
        counts["train"] for counts in report.num_items.values()
    )


def test_rows_that_cannot_be_used_belong_to_no_split(tmp_path):
    import pyarrow.parquet as pq

    source = write_bank(str(tmp_path / "items"), [*rows_of_bank(), item_row("y", split="val")])
    split_bank(source, str(tmp_path / "split"), shares=SHARES)
    rows = pq.read_table(tmp_path / "split/items.parquet", columns=["item_id", "split", "status"]).to_pylist()
    assert all((row["split"] is None) == (row["status"] != "ok") for row in rows)
    assert len(rows) == 27


def test_nothing_is_replaced_without_consent_and_in_place_with_it(tmp_path):
    source = write_bank(str(tmp_path / "items"), rows_of_bank())
    before = (tmp_path / "items/items.parquet").read_bytes()
    with pytest.raises(ObjectExists, match=r"items\.parquet would be replaced"):
        split_bank(source, source, shares=SHARES)
    assert (tmp_path / "items/items.parquet").read_bytes() == before
    with pytest.raises(ObjectExists, match=r"items\.parquet is there already"):
        split_bank(write_bank(str(tmp_path / "other"), rows_of_bank()), source, shares=SHARES)
    assert (tmp_path / "items/items.parquet").read_bytes() == before
    first = split_bank(source, source, shares=SHARES, overwrite=True)
    again = (tmp_path / "items/items.parquet").read_bytes()
    assert again != before
    assert split_bank(source, source, shares=SHARES, overwrite=True).to_dict() == first.to_dict()
    assert (tmp_path / "items/items.parquet").read_bytes() == again
    assert [path.name for path in (tmp_path / "items").iterdir()] == ["items.parquet"]


def test_a_bank_without_usable_items_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no usable item"):
        split_bank(write_bank(str(tmp_path / "items"), [item_row("a")]), str(tmp_path / "out"), shares=SHARES)


def test_where_there_is_nothing_to_split_nobody_is_asked_for_consent_to_replace_it(tmp_path):
    with pytest.raises(ObjectMissing, match="there is nothing at"):
        split_bank(str(tmp_path / "nothing"), str(tmp_path / "nothing"), shares=SHARES)
    empty = write_bank(str(tmp_path / "items"), [item_row("a")])
    with pytest.raises(SourceError, match="no usable item"):
        split_bank(empty, empty, shares=SHARES)
