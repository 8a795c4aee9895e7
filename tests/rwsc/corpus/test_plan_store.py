import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.plans import bags_of, plan_of

from rwsc.corpus.plan import planned_images, shards_of
from rwsc.corpus.plan_store import PLAN_KEY, PlannedShard, StoredPlan, write_plan
from rwsc.errors import ObjectMissing, SourceError
from rwsc.storage.prefix import Prefix


@pytest.fixture(scope="module")
def bags(inputs_root):
    return bags_of(inputs_root)


@pytest.fixture(scope="module")
def plan(bags):
    return plan_of(bags, 11)


def test_each_shard_reads_back_alone(plan, store_uri):
    corpus = Prefix(store_uri)
    assert write_plan(corpus, [plan.slice(0, 8), plan.slice(8)], stamp="of this") == 11
    stored = StoredPlan(corpus)
    assert (stored.num_images, stored.stamp) == (11, "of this")
    assert stored.shards() == [
        PlannedShard(shard, size, number)
        for number, (shard, size) in enumerate(zip(shards_of(plan), (4, 4, 3), strict=True))
    ]
    rows = [
        row
        for shard in reversed(stored.shards())
        for row in reversed(stored.shard(shard.shard_id, shard.number, shard_images=4))
    ]
    assert rows[::-1] == list(planned_images(plan))


def test_an_image_is_found_by_its_name(plan, tmp_path):
    write_plan(Prefix(str(tmp_path)), [plan.slice(0, 4), plan.slice(4)], stamp="")
    stored = StoredPlan(Prefix(str(tmp_path)))
    for image in planned_images(plan):
        assert stored.find(image.image_id) == image
    assert stored.find("none of them") is None


def test_a_replaced_plan_is_noticed(plan, tmp_path):
    corpus = Prefix(str(tmp_path))
    write_plan(corpus, [plan], stamp="")
    for shard_id, number in (("other", 1), (shards_of(plan)[0], 1), (shards_of(plan)[0], 9)):
        with pytest.raises(SourceError, match=f"does not hold shard {shard_id} at place {number}"):
            StoredPlan(corpus).shard(shard_id, number, shard_images=4)


def test_no_plan_and_a_damaged_one_are_told_apart(plan, tmp_path):
    corpus = Prefix(str(tmp_path))
    with pytest.raises(ObjectMissing):
        StoredPlan(corpus)
    write_plan(corpus, [plan], stamp="")
    data = corpus.read(PLAN_KEY)
    corpus.write(PLAN_KEY, data[:-20])
    with pytest.raises(SourceError, match="no Parquet file, or a damaged one"):
        StoredPlan(corpus)


def test_the_same_plan_gives_the_same_bytes(plan, tmp_path):
    corpora = [Prefix(str(tmp_path / name)) for name in "ab"]
    for corpus in corpora:
        write_plan(corpus, [plan], stamp="s")
    assert corpora[0].read(PLAN_KEY) == corpora[1].read(PLAN_KEY)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("image_id", None, "values of image_id are missing"),
        ("bag_kin", None, "values of bag_kin are missing"),
        ("bag_items", [None], "a list of its column bag_items lacks a value"),
        ("air_level", [None], "a list of its column air_level lacks a value"),
        (
            "bag_objects",
            [{"label": None, "bbox_xywh": [1.0], "mask_rle": None}],
            "bag_objects.label are missing",
        ),
        ("partner", {"scan_id": None, "air_level": [1.0]}, "partner.scan_id are missing"),
        (None, None, "has no column seed"),
    ],
)
def test_a_plan_that_others_changed_is_told_by_file_and_column(tmp_path, bags, column, value, message):
    corpus = Prefix(str(tmp_path))
    write_plan(corpus, [plan_of(bags, 4)], stamp="s")
    table = pq.read_table(tmp_path / "plan.parquet")
    if column is None:
        table = table.drop_columns(["seed"])
    else:
        place, kind = table.schema.get_field_index(column), table.schema.field(column).type
        values = [value, *table[column].to_pylist()[1:]]
        table = table.set_column(place, column, pa.array(values, kind))
    pq.write_table(table.append_column("more", pa.array(range(4))), tmp_path / "plan.parquet")
    plan = StoredPlan(corpus)
    with pytest.raises(SourceError, match=message) as caught:
        plan.shard(plan.shards()[0].shard_id, 0, shard_images=4)
    assert "plan.parquet" in caught.value.message
