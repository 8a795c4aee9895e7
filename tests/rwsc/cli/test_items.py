import json

import pytest
from support.things import item_row, seen_again, thing, write_bank

from rwsc.items.bank import ItemBank
from rwsc.sources.catalogue import write_catalogue


def a_bank(folder):
    """Twelve things, none of which looks like another."""
    seeds = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]
    return write_bank(str(folder), [item_row(f"{seed:02d}", thing(seed)) for seed in seeds])


def test_split_writes_another_bank_and_prints_a_table_and_the_proof(rwsc, tmp_path):
    a_bank(tmp_path / "items")
    code, out, err = rwsc(
        "items", "split", "items", "-o", "split", "--train", "0.5", "--val", "0.5", "--test", "0"
    )
    assert (code, out) == (0, f"{tmp_path}/split/items.parquet\n")
    assert "6 (6)" in err
    assert "nothing in test" in err
    assert "no leak: nothing lies in two splits" in err
    assert {item.split for item in ItemBank.load("split")} == {"train", "val"}
    code, out, _ = rwsc("items", "split", "split", "--check", "--json")
    assert code == 0
    assert json.loads(out)["is_proven"] is True


def test_in_place_needs_consent(rwsc, tmp_path):
    a_bank(tmp_path / "items")
    code, out, err = rwsc("items", "split", "items")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"error: {tmp_path}/items/items.parquet would be replaced",
        "try:   name another bank with -o, or add --overwrite",
    ]
    assert rwsc("items", "split", "items", "--overwrite")[0] == 0
    assert {item.split for item in ItemBank.load("items")} == {"train", "val", "test"}


def test_a_leak_ends_with_exit_code_1_and_is_named(rwsc, tmp_path):
    rows = [
        item_row("aa", thing(1), split="train", label="gun\x1b[31m"),
        item_row("bb", seen_again(thing(1), 3), split="val", label="gun\x1b[31m"),
    ]
    write_bank(str(tmp_path / "items"), rows)
    code, _, err = rwsc("items", "split", "items", "--check")
    assert code == 1
    assert "LEAK: 1 x near-duplicate in two splits: aa and bb, distance 0." in err
    assert "no leak" not in err


def test_a_bank_without_any_split_is_not_called_proven(rwsc, tmp_path):
    a_bank(tmp_path / "items")
    code, _, err = rwsc("items", "split", "items", "--check")
    assert code == 1
    assert "NOTHING IS PROVEN: no usable item bears a split" in err
    assert "no leak" not in err


def test_items_without_a_split_are_counted_beside_the_proof_of_the_others(rwsc, tmp_path):
    rows = [item_row("aa", thing(1), split="train"), item_row("bb", thing(2)), item_row("cc", thing(3))]
    write_bank(str(tmp_path / "items"), rows)
    code, _, err = rwsc("items", "split", "items", "--check")
    assert code == 0
    assert "without a split: 2 of 3 usable items; of these nothing is proven" in err
    assert "no leak: nothing lies in two splits" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["items", "split", "nowhere", "-o", "x"], "there is nothing at"),
        (["items", "split", "nowhere"], "there is nothing at"),
        (["items", "split", "items", "--train", "0", "--val", "0", "--test", "0"], "are 0"),
        (["items", "split", "items", "-o", "x", "--train", "0", "--val", "0", "--test", "0"], "are 0"),
        (["items", "show", "items", "-o", "sheet.gif"], "sheet.gif"),
        (["items", "show", "items", "-o", "sheet.png", "--sort", "beauty"], "no measure 'beauty'"),
        (["items", "show", "items", "-o", "sheet.png", "--catalogue", "nowhere.parquet"], "nowhere.parquet"),
        (["items", "build", "c.parquet", "-o", "out", "--review", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(rwsc, tmp_path, arguments, message):
    a_bank(tmp_path / "items")
    code, out, err = rwsc(*arguments)
    assert (code, out) == (2, "")
    assert message in next(line for line in err.splitlines() if line.startswith("error:"))


def test_show_says_what_is_left_out_and_where_the_sheet_is(rwsc, tmp_path):
    a_bank(tmp_path / "items")
    code, out, err = rwsc("items", "show", "items", "-o", "sheet.png", "--limit", "5")
    assert (code, out) == (0, f"{tmp_path}/sheet.png\n")
    assert "5 items shown, 7 left out" in err


def test_priors_without_a_threat_scan_end_in_one_line(rwsc, tmp_path):
    write_catalogue(str(tmp_path / "c.parquet"), [])
    code, out, err = rwsc("items", "priors", "c.parquet", "-o", "p.json")
    assert (code, out) == (2, "")
    assert "lies in a bag, so there is nothing to learn from" in err
    assert len(err.splitlines()) == 2
