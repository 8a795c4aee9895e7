import json

import pytest
from support.things import item_row, seen_again, thing, write_bank

from rwsc.items.leaks import check_split


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        ("physical item", {"physical_item_id": "a"}),
        ("source scan", {"source_scan_id": "scan-of-a"}),
        ("near-duplicate", {"pixels": 1}),
    ],
)
def test_a_planted_leak_is_found(tmp_path, kind, second):
    pixels = seen_again(thing(second.pop("pixels", 2)), 3)
    rows = [item_row("a", thing(1), split="train"), item_row("b", pixels, split="test", **second)]
    report = check_split(write_bank(str(tmp_path / "items"), rows))
    assert not report.is_proven
    assert report.num_leaks == {kind: 1}
    assert len(report.leaks[kind]) == 1
    rows[1] = item_row("b", pixels, split="train", **second)
    assert check_split(write_bank(str(tmp_path / "same"), rows)).is_proven


def test_a_group_in_two_splits_is_a_leak_only_where_groups_stay_together(tmp_path):
    rows = [
        item_row("a", thing(1), split="train", group="g"),
        item_row("b", thing(2), split="test", group="g"),
        item_row("c", thing(8), split="test", group="g", dataset="other"),
    ]
    uri = write_bank(str(tmp_path / "items"), rows)
    by_thing, by_group = check_split(uri), check_split(uri, by="group")
    assert by_thing.is_proven
    assert by_thing.num_groups_shared == 1
    assert by_group.num_leaks == {"group": 1}
    assert by_group.leaks["group"] == ["d/g"]


def test_things_that_the_source_names_may_look_alike(tmp_path):
    rows = [
        item_row("a", thing(1), split="train", identity_stated=True),
        item_row("b", thing(1), split="test", identity_stated=True),
    ]
    report = check_split(write_bank(str(tmp_path / "items"), rows))
    assert report.is_proven
    assert report.num_stated_apart == 1
    assert report.closest == []


def test_items_of_no_split_leak_nowhere_and_are_counted(tmp_path):
    rows = [item_row("a", thing(1), split=None), item_row("b", thing(1), split="train")]
    report = check_split(write_bank(str(tmp_path / "items"), rows))
    assert report.is_proven
    assert report.num_items == {"gun": {"": 1, "train": 1}}
    assert (report.num_in_splits, report.num_without_split) == (1, 1)


@pytest.mark.parametrize("rows", [[], [item_row("a", thing(1)), item_row("b", thing(2))]])
def test_where_no_item_bears_a_split_nothing_is_proven(tmp_path, rows):
    report = check_split(write_bank(str(tmp_path / "items"), rows))
    assert not report.is_proven
    assert report.num_leaks == {}
    assert (report.num_in_splits, report.num_without_split) == (0, len(rows))
    assert report.to_dict()["num_without_split"] == len(rows)


def test_the_report_is_plain_values(tmp_path):
    rows = [item_row(f"{n}", thing(n), split="train" if n % 2 else "val") for n in range(6)]
    report = check_split(write_bank(str(tmp_path / "items"), rows)).to_dict()
    assert json.loads(json.dumps(report)) == report
    (closest,) = report["closest"]
    assert int(closest["item_ids"][0]) % 2 != int(closest["item_ids"][1]) % 2
