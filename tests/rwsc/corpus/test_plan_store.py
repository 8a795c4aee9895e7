import pytest

from rwsc.corpus.plan import build_plan, planned_images, shards_of, usable_bags
from rwsc.corpus.plan_store import PLAN_KEY, read_air_levels, read_shard, write_plan
from rwsc.errors import SourceError
from rwsc.sources.catalogue import read_catalogue
from rwsc.storage.prefix import Prefix


@pytest.fixture
def plan(inputs_root):
    bags = usable_bags(read_catalogue(f"{inputs_root}/catalogue.parquet"), ["benign"], None)
    return build_plan(bags, num_images=11, seed=0, shard_images=4)


def test_each_shard_reads_back_alone(plan, store_uri):
    corpus = Prefix(store_uri)
    write_plan(corpus, plan, shard_images=4)
    rows = [row for number, shard in enumerate(shards_of(plan)) for row in read_shard(corpus, shard, number)]
    assert rows == list(planned_images(plan))


def test_a_replaced_plan_is_noticed(plan, tmp_path):
    corpus = Prefix(str(tmp_path))
    write_plan(corpus, plan, shard_images=4)
    with pytest.raises(SourceError, match="does not hold shard other at place 1"):
        read_shard(corpus, "other", 1)


def test_the_same_plan_gives_the_same_bytes(plan, tmp_path):
    corpora = [Prefix(str(tmp_path / name)) for name in "ab"]
    for corpus in corpora:
        write_plan(corpus, plan, shard_images=4)
    assert corpora[0].read(PLAN_KEY) == corpora[1].read(PLAN_KEY)


def test_air_levels_are_found_by_image(plan, tmp_path):
    corpus = Prefix(str(tmp_path))
    write_plan(corpus, plan, shard_images=4)
    levels = read_air_levels(corpus)
    assert levels == {row.image_id: row.air_level for row in planned_images(plan)}
