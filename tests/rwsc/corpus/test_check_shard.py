import json
import shutil
from pathlib import Path

import pytest
from support.corpora import synth_config
from support.made_corpora import make_here

from rwsc.corpus.check_image import BagReader
from rwsc.corpus.check_row import Promised
from rwsc.corpus.check_shard import Counted, check_shard, image_digest
from rwsc.corpus.claim import read_corpus_card
from rwsc.corpus.commit import commit_shard, manifest_key, read_rows
from rwsc.corpus.plan_store import StoredPlan
from rwsc.storage.prefix import Prefix


@pytest.fixture(scope="module")
def sound(inputs_root, tmp_path_factory):
    config = synth_config(inputs_root, output=str(tmp_path_factory.mktemp("shard") / "corpus"))
    make_here(config)
    return config.output


@pytest.fixture
def corpus(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "corpus")
    return Prefix(str(tmp_path / "corpus"))


def check(corpus, number=0, to_read=None):
    plan = StoredPlan(corpus)
    shard = plan.shards()[number]
    planned = plan.shard(shard.shard_id, number, shard_images=3)
    names = {image.image_id for image in planned} if to_read is None else to_read
    promised = Promised.of_card(read_corpus_card(corpus))
    return check_shard(corpus, planned, promised, to_read=names, bags=BagReader(promised.max_pixels))


def test_what_shards_hold_adds_up_in_any_order(corpus):
    parts = [check(corpus, number)[1] for number in range(3)]
    forth, back = Counted(), Counted()
    for part in parts:
        forth.merge(part)
    for part in reversed(parts):
        back.merge(part)
    assert forth == back == Counted.from_dict(json.loads(json.dumps(forth.to_dict())))
    assert forth.numbers["planned"] == 7
    rows = [row for shard in StoredPlan(corpus).shards() for row in read_rows(corpus, shard.shard_id)]
    digests = (image_digest(row["image_id"], row["uri"], row["width"], row["height"]) for row in rows)
    assert forth.images_sum == sum(digests) % 2**64


def test_only_the_images_that_are_asked_for_are_read(corpus):
    for path in Path(corpus.uri).glob("images/*/*.png"):
        path.write_bytes(b"not an image")
    assert check(corpus, to_read=())[0].counts == {}
    assert check(corpus)[0].counts == {"image": 3}


def test_an_image_is_held_against_its_bag_only_where_its_row_is_sound(corpus):
    shard_id = StoredPlan(corpus).shards()[0].shard_id
    first, second, third = read_rows(corpus, shard_id)
    assert all(row["objects"] for row in (first, second))
    untold = first | {"objects": []}
    wrong = second | {"objects": [second["objects"][0] | {"area": 1, "fused_xywh": [0, 0, 2, 2]}]}
    commit_shard(corpus, shard_id, [untold, wrong, third])
    findings, counted = check(corpus)
    assert {(each.check, each.image_id) for each in findings.kept} == {
        ("outside", first["image_id"]),
        ("label", second["image_id"]),
    }
    assert (counted.numbers["read"], counted.numbers["compared"]) == (3, 2)


def test_a_manifest_that_is_replaced_while_it_is_read_is_no_fault(corpus, monkeypatch):
    shard_id = StoredPlan(corpus).shards()[0].shard_id
    rows = read_rows(corpus, shard_id)
    old = [rows[0] | {"status": "failed", "reason": "x", "uri": None, "objects": []}, *rows[1:]]
    commit_shard(corpus, shard_id, old)
    read = Prefix.read

    def read_and_replace(self, key, **limit):
        data = read(self, key, **limit)
        if key == manifest_key(shard_id):
            monkeypatch.undo()
            commit_shard(corpus, shard_id, rows)
        return data

    monkeypatch.setattr(Prefix, "read", read_and_replace)
    assert "marker" not in check(corpus)[0].counts
