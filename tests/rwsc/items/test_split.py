from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.things import item_row, seen_again, thing, write_bank

from rwsc.errors import ConfigError, ObjectExists, ObjectMissing, SourceError
from rwsc.items.bank import ItemBank
from rwsc.items.split import SPLITS, SplitItem, assign_splits, check_shares, check_split, split_bank

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}


def an_item(number, *, thing_id=None, label="gun", scan=None, **fields):
    return SplitItem(
        item_id=f"{number:04d}",
        physical_item_id=thing_id or f"{number:04d}",
        label=label,
        source_scan_id=scan or f"s{number}",
        **fields,
    )


@st.composite
def banks(draw):
    count = draw(st.integers(1, 60))
    return [
        an_item(
            number,
            thing_id=f"t{draw(st.integers(0, 30))}",
            label=draw(st.sampled_from(["gun", "knife", "axe"])),
            scan=f"s{draw(st.integers(0, 80))}",
            dataset="d",
            group=draw(st.sampled_from([None, "g", "h", "i"])),
            split=draw(st.sampled_from([None, "train", "val", "test", "odd"])),
        )
        for number in range(count)
    ]


@settings(max_examples=80, deadline=None)
@given(banks(), st.booleans(), st.sampled_from(["physical", "group"]), st.integers(0, 5), st.randoms())
def test_what_belongs_together_stays_together_whatever_the_order(items, keep, by, seed, random):
    splits = assign_splits(items, shares=SHARES, by=by, keep=keep, seed=seed)
    assert splits.keys() == {item.item_id for item in items}
    assert set(splits.values()) <= set(SPLITS)
    names = ["physical_item_id", "source_scan_id", *(["group_name"] if by == "group" else [])]
    for name in names:
        found = defaultdict(set)
        for item in items:
            if getattr(item, name) is not None:
                found[getattr(item, name)].add(splits[item.item_id])
        assert all(len(sides) == 1 for sides in found.values())
    shuffled = random.sample(items, len(items))
    assert assign_splits(shuffled, shares=SHARES, by=by, keep=keep, seed=seed) == splits


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=40),
    st.tuples(*[st.integers(0, 10)] * 3).filter(any),
    st.integers(0, 9),
)
def test_of_one_class_no_split_misses_its_share_by_more_than_its_largest_things(sizes, weights, seed):
    shares = check_shares(dict(zip(SPLITS, map(float, weights), strict=True)))
    items, number = [], 0
    for thing_id, size in enumerate(sizes):
        for _ in range(size):
            items.append(an_item(number, thing_id=f"t{thing_id}"))
            number += 1
    reached = Counter(assign_splits(items, shares=shares, by="physical", seed=seed).values())
    for name in SPLITS:
        assert reached[name] - shares[name] * len(items) <= max(sizes)
        assert shares[name] * len(items) - reached[name] <= 2 * max(sizes)
        if not shares[name]:
            assert reached[name] == 0


def test_every_class_is_spread_by_itself():
    items = [an_item(number, label="gun" if number % 4 else "knife") for number in range(80)]
    splits = assign_splits(items, shares={"train": 0.5, "val": 0.25, "test": 0.25}, by="physical")
    counts = Counter((item.label, splits[item.item_id]) for item in items)
    assert counts == {
        ("gun", "train"): 30, ("gun", "val"): 15, ("gun", "test"): 15,
        ("knife", "train"): 10, ("knife", "val"): 5, ("knife", "test"): 5,
    }  # fmt: skip


def test_the_seed_chooses_among_equals():
    items = [an_item(number) for number in range(40)]
    outcomes = [assign_splits(items, shares=SHARES, by="physical", seed=seed) for seed in (0, 0, 1)]
    assert outcomes[0] == outcomes[1] != outcomes[2]
    assert Counter(outcomes[0].values()) == Counter(outcomes[2].values())


def test_splits_of_the_source_are_kept_where_that_is_asked_for():
    items = [
        an_item(0, thing_id="t", split="train"),
        an_item(1, thing_id="t", split="test"),
        an_item(2, thing_id="t", split="test"),
        an_item(3, thing_id="u", split="train"),
        an_item(4, thing_id="u", split="val"),
        *[an_item(number, split="val") for number in range(5, 20)],
    ]
    kept = assign_splits(items, shares=SHARES, by="physical", keep=True)
    assert {kept[f"{number:04d}"] for number in (0, 1, 2)} == {"test"}
    assert {kept[f"{number:04d}"] for number in (3, 4)} == {"val"}
    assert {kept[f"{number:04d}"] for number in range(5, 20)} == {"val"}
    anew = assign_splits(items, shares=SHARES, by="physical")
    assert Counter(anew.values())["train"] >= 12


@pytest.mark.parametrize(
    "shares",
    [{"train": -0.1}, {"train": 0.0}, {}, {"train": float("nan")}, {"train": float("inf")}, {"dev": 1.0}],
)
def test_shares_that_make_no_sense_are_refused(shares):
    with pytest.raises(ConfigError):
        check_shares(shares)


def test_shares_are_brought_to_a_sum_of_one():
    assert check_shares({"train": 8, "val": 1, "test": 1}) == {"train": 0.8, "val": 0.1, "test": 0.1}


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


def test_the_report_is_plain_values(tmp_path):
    import json

    rows = [item_row(f"{n}", thing(n), split="train" if n % 2 else "val") for n in range(6)]
    report = check_split(write_bank(str(tmp_path / "items"), rows)).to_dict()
    assert json.loads(json.dumps(report)) == report
    (closest,) = report["closest"]
    assert int(closest["item_ids"][0]) % 2 != int(closest["item_ids"][1]) % 2
