import pytest

from rwsc.corpus.commit import commit_shard
from rwsc.corpus.manifest import MANIFEST_SCHEMA
from rwsc.corpus.plan_store import PlannedShard
from rwsc.corpus.todo import shards_to_make
from rwsc.storage.prefix import Prefix

PLAN = [
    PlannedShard(shard_id, num_images, number)
    for number, (shard_id, num_images) in enumerate({"d": 4, "b": 4, "c": 4, "a": 2}.items())
]


@pytest.fixture
def corpus(tmp_path):
    return Prefix(str(tmp_path))


def commit(corpus, shard_id, *statuses):
    empty = dict.fromkeys(MANIFEST_SCHEMA.names) | {"synthetic": True, "objects": [], "bag_objects": []}
    rows = [
        {**empty, "image_id": f"{shard_id}{number}", "shard_id": shard_id, "status": status}
        for number, status in enumerate(statuses)
    ]
    commit_shard(corpus, shard_id, rows)


def to_make(corpus, *, images_before=14, retry_failed=False):
    shards = shards_to_make(
        corpus, PLAN, shard_images=4, images_before=images_before, retry_failed=retry_failed
    )
    return [(shard.shard_id, shard.num_images) for shard in shards]


def test_a_new_corpus_lacks_all_shards_and_a_finished_one_none(corpus):
    assert to_make(corpus) == [("d", 4), ("b", 4), ("c", 4), ("a", 2)]
    for shard in PLAN:
        commit(corpus, shard.shard_id, *["made"] * shard.num_images)
    assert to_make(corpus) == []


def test_shards_without_marker_are_made_in_the_order_of_the_plan(corpus):
    commit(corpus, "b", "made", "made", "rejected", "failed")
    assert to_make(corpus) == [("d", 4), ("c", 4), ("a", 2)]


@pytest.mark.parametrize(
    ("images_before", "expected"),
    [(8, [("c", 4), ("a", 2)]), (6, [("b", 2), ("c", 4), ("a", 2)]), (5, [("b", 3), ("c", 4), ("a", 2)])],
)
def test_of_a_corpus_that_grows_the_last_shard_is_filled_up(corpus, images_before, expected):
    commit(corpus, "d", *["made"] * 4)
    commit(corpus, "b", *["made"] * (images_before - 4))
    assert to_make(corpus, images_before=images_before) == expected


def test_a_last_shard_that_was_never_made_is_made_whole(corpus):
    commit(corpus, "d", *["made"] * 4)
    assert to_make(corpus, images_before=6) == [("b", 4), ("c", 4), ("a", 2)]


def test_failed_images_are_tried_again_where_asked_for_and_rejected_ones_never(corpus):
    commit(corpus, "d", "made", "rejected", "made", "made")
    commit(corpus, "b", "failed", "made", "failed", "rejected")
    commit(corpus, "c", "made", "made", "made", "failed")
    assert to_make(corpus) == [("a", 2)]
    assert to_make(corpus, retry_failed=True) == [("b", 2), ("c", 1), ("a", 2)]


def test_a_shard_with_room_and_failures_is_named_once(corpus):
    commit(corpus, "d", *["made"] * 4)
    commit(corpus, "b", "failed", "made")
    assert to_make(corpus, images_before=6, retry_failed=True) == [("b", 2), ("c", 4), ("a", 2)]
