from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pytest
from support.plans import bags_of

from rwsc.corpus.bag_items import with_bag_items
from rwsc.corpus.controls import ControlsConfig
from rwsc.corpus.plan import (
    PLAN_SCHEMA,
    PlanSettings,
    build_plan,
    plan_parts,
    plan_stamp,
    planned_images,
    shards_of,
)
from rwsc.corpus.usable_bags import usable_bags
from rwsc.sources.catalogue import read_catalogue


@pytest.fixture(scope="module")
def bags(inputs_root):
    return bags_of(inputs_root)


def make_plan(bags, **changes):
    return build_plan(bags, PlanSettings(**{"num_images": 12, "seed": 0, "shard_images": 5, **changes}))


def test_a_plan_has_the_contracts_columns_and_as_many_rows_as_asked_for(bags):
    plan = make_plan(bags)
    assert plan.schema.equals(PLAN_SCHEMA)
    assert plan.num_rows == 12
    assert len(set(plan["image_id"].to_pylist())) == 12


def test_every_bag_is_used_before_any_is_used_again(bags):
    used = make_plan(bags, num_images=11)["scan_id"].to_pylist()
    assert max(Counter(used[:5]).values()) == 1
    assert max(Counter(used[:10]).values()) == 2
    assert used[:5] != used[5:10]


def test_the_order_of_the_catalogue_does_not_matter(inputs_root, bags):
    catalogue = read_catalogue(f"{inputs_root}/catalogue.parquet")
    turned = catalogue.take(pa.array(range(catalogue.num_rows - 1, -1, -1)))
    assert make_plan(with_bag_items(usable_bags(turned, ["benign"], None), {})).equals(make_plan(bags))


def test_a_row_says_which_scans_show_its_bag_and_what_was_cut_out_of_it(inputs_root, bags):
    names = bags["scan_id"].to_pylist()
    place = bags.schema.get_field_index("group")
    grouped = bags.set_column(place, "group", pa.array(["a", "a", None, None, None], pa.string()))
    grouped = with_bag_items(grouped.drop_columns(["bag_items"]), {names[1]: ["gun 1", "gun 2"]})
    rows = {row.scan_id: row for row in planned_images(make_plan(grouped, num_images=5))}
    hashes = bags["perceptual_hash"].to_pylist()
    dataset = bags["dataset"][0].as_py()
    assert [rows[name].bag_kin for name in names] == [f"{dataset}/a", f"{dataset}/a", *hashes[2:]]
    assert [rows[name].bag_items for name in names] == [[], ["gun 1", "gun 2"], [], [], []]


def test_a_longer_plan_begins_with_the_shorter_one(bags):
    short, long = make_plan(bags, num_images=10), make_plan(bags, num_images=23)
    for name in ("image_id", "scan_id", "seed", "shard_id"):
        assert long[name].to_pylist()[:10] == short[name].to_pylist()


def test_another_seed_is_another_plan(bags):
    one, other = make_plan(bags), make_plan(bags, seed=1)
    assert not set(one["image_id"].to_pylist()) & set(other["image_id"].to_pylist())


def test_shards_are_named_after_their_images_and_lie_side_by_side(bags):
    plan = make_plan(bags)
    ids = plan["shard_id"].to_pylist()
    assert [ids.count(shard) for shard in shards_of(plan)] == [5, 5, 2]
    assert ids == sorted(ids, key=shards_of(plan).index)
    assert shards_of(make_plan(bags)) == shards_of(plan)


def test_rows_read_back_as_records(bags):
    plan = make_plan(bags)
    rows = list(planned_images(plan))
    assert [row.image_id for row in rows] == plan["image_id"].to_pylist()
    assert all(len(row.air_level) == 3 and row.bag_objects == [] for row in rows)


def test_controls_are_among_the_images_and_change_neither_bags_nor_seeds(bags):
    plain = make_plan(bags)
    controls = ControlsConfig(empty_share=0.25, negative_share=0.25)
    plan = make_plan(bags, controls=controls)
    assert Counter(plan["role"].to_pylist()) == {"positive": 6, "empty": 3, "negative": 3}
    assert plan.drop_columns(["role"]).equals(plain.drop_columns(["role"]))
    assert set(plain["role"].to_pylist()) == {"positive"}


def test_parts_hold_whole_shards_and_make_one_plan(bags, monkeypatch):
    monkeypatch.setattr("rwsc.corpus.plan.PART_ROWS", 10)
    asked = PlanSettings(num_images=23, seed=1, shard_images=4)
    parts = list(plan_parts(bags, asked))
    assert [part.num_rows for part in parts] == [8, 8, 7]
    monkeypatch.setattr("rwsc.corpus.plan.PART_ROWS", 1)
    assert [part.num_rows for part in plan_parts(bags, asked)] == [4, 4, 4, 4, 4, 3]
    monkeypatch.undo()
    assert pa.concat_tables(parts).equals(build_plan(bags, asked))


def test_a_stamp_tells_plans_apart_and_knows_an_equal_one(inputs_root, bags):
    asked = PlanSettings(num_images=23, seed=1, shard_images=4)
    again = bags_of(inputs_root)
    assert plan_stamp(again, asked) == plan_stamp(bags, asked)
    place = bags.schema.get_field_index("uri")
    moved = bags.set_column(place, "uri", pa.array([f"/moved/{uri}" for uri in bags["uri"].to_pylist()]))
    others = [plan_stamp(moved, asked), plan_stamp(bags.slice(1), asked)]
    cut = with_bag_items(bags.drop_columns(["bag_items"]), {bags["scan_id"][0].as_py(): ["a"]})
    place = bags.schema.get_field_index("group")
    grouped = bags.set_column(place, "group", pa.array(["one bag"] * bags.num_rows))
    others += [plan_stamp(cut, asked), plan_stamp(grouped, asked)]
    changes = [{"num_images": 9}, {"seed": 9}, {"shard_images": 9}, {"paired": True}]
    changes += [{"controls": ControlsConfig(**{name: 0.5})} for name in ("empty_share", "negative_share")]
    others += [plan_stamp(bags, replace(asked, **change)) for change in changes]
    assert len({plan_stamp(bags, asked), *others}) == 11
