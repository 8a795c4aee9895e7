from collections import Counter
from itertools import chain

import pyarrow as pa
import pytest

from rwsc.corpus.controls import ControlsConfig
from rwsc.corpus.plan import PLAN_SCHEMA, build_plan, drawn_split, planned_images, shards_of, usable_bags
from rwsc.errors import SourceError
from rwsc.sources.catalogue import read_catalogue


@pytest.fixture(scope="module")
def bags(inputs_root):
    return usable_bags(read_catalogue(f"{inputs_root}/catalogue.parquet"), ["benign"], None)


def make_plan(bags, num_images=12, seed=0, shard_images=5):
    return build_plan(bags, num_images=num_images, seed=seed, shard_images=shard_images)


def test_only_usable_scans_of_the_wanted_kind_serve_as_bags(bags):
    assert set(bags["kind"].to_pylist()) == {"benign"}
    assert set(bags["status"].to_pylist()) == {"ok"}
    assert bags.num_rows == 5


def test_a_catalogue_without_such_bags_is_refused(inputs_root):
    catalogue = read_catalogue(f"{inputs_root}/catalogue.parquet")
    with pytest.raises(SourceError, match="no usable scan of kind threat"):
        usable_bags(catalogue, ["threat"], None)
    with pytest.raises(SourceError, match="in split 'nowhere'"):
        usable_bags(catalogue, ["benign"], "nowhere")


def with_column(table, name, values):
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))


def test_bags_that_state_no_split_are_shared_out_and_none_falls_into_two(inputs_root):
    catalogue = read_catalogue(f"{inputs_root}/catalogue.parquet")
    one = catalogue.filter(pa.array([kind == "benign" for kind in catalogue["kind"].to_pylist()]))
    many = pa.concat_tables([one] * 60)
    many = with_column(many, "scan_id", [f"{number:016x}" for number in range(many.num_rows)])
    many = with_column(many, "perceptual_hash", [None] * many.num_rows)
    parts = {
        name: usable_bags(many, ["benign"], name)["scan_id"].to_pylist() for name in ("train", "val", "test")
    }
    assert sorted(chain.from_iterable(parts.values())) == many["scan_id"].to_pylist()
    assert [round(len(part) / many.num_rows, 1) for part in parts.values()] == pytest.approx(
        [0.7, 0.15, 0.15], abs=0.06
    )
    grouped = with_column(many, "group", ["one bag"] * many.num_rows)
    assert len({drawn_split(row) for row in grouped.to_pylist()}) == 1


def test_a_split_that_bags_state_is_kept(inputs_root):
    catalogue = read_catalogue(f"{inputs_root}/catalogue.parquet")
    place = catalogue["kind"].to_pylist().index("benign")
    stated = with_column(
        catalogue, "split", ["test" if row == place else None for row in range(catalogue.num_rows)]
    )
    bags = usable_bags(stated, ["benign"], "test")
    assert bags["scan_id"].to_pylist() == [catalogue["scan_id"][place].as_py()]
    with pytest.raises(SourceError, match="in split 'train'"):
        usable_bags(stated, ["benign"], "train")


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
    assert make_plan(usable_bags(turned, ["benign"], None)).equals(make_plan(bags))


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
    plan = build_plan(bags, num_images=12, seed=0, shard_images=5, controls=controls)
    assert Counter(plan["role"].to_pylist()) == {"positive": 6, "empty": 3, "negative": 3}
    assert plan.drop_columns(["role"]).equals(plain.drop_columns(["role"]))
    assert set(plain["role"].to_pylist()) == {"positive"}
