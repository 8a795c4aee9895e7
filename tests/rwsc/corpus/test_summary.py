import json
from pathlib import Path

import pytest
from support.corpora import synth_config
from support.made_corpora import files_of, make_here

from rwsc.corpus.coco import COCO_KEY
from rwsc.corpus.commit import commit_shard, marker_key, read_rows
from rwsc.corpus.plan_store import StoredPlan
from rwsc.corpus.summary import (
    REPORT_KEY,
    ShortShardsError,
    forget_totals,
    is_summed_up,
    read_totals,
    sum_up,
)
from rwsc.storage.prefix import Prefix


@pytest.fixture
def corpus(inputs_root, tmp_path):
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"))
    make_here(config)
    return Prefix(config.output)


def test_totals_are_those_of_the_manifest_and_read_back(corpus):
    totals = read_totals(corpus)
    rows = [row for shard in StoredPlan(corpus).shards() for row in read_rows(corpus, shard.shard_id)]
    assert (totals.planned, totals.made) == (7, sum(row["status"] == "made" for row in rows))
    assert totals.objects == sum(len(row["objects"]) for row in rows)
    assert len(json.loads(corpus.read(COCO_KEY))["annotations"]) == totals.objects


@pytest.mark.parametrize("damage", [b"", b"{", b"{}", b'{"totals": {}}', b'{"totals": []}'])
def test_damaged_totals_are_none(corpus, damage):
    corpus.write(REPORT_KEY, damage)
    assert read_totals(corpus) is None


def test_totals_without_the_coco_file_are_none(corpus):
    corpus.delete(COCO_KEY)
    assert read_totals(corpus) is None


def test_forgotten_totals_are_gone_and_come_again(corpus):
    totals = read_totals(corpus)
    assert is_summed_up(corpus)
    forget_totals(corpus)
    assert not is_summed_up(corpus)
    assert read_totals(corpus) is None
    assert sum_up(corpus, StoredPlan(corpus).shards(), ["gun", "knife"], {}) == totals
    assert is_summed_up(corpus)


def test_what_killed_runs_left_is_put_in_order(corpus):
    shards = StoredPlan(corpus).shards()
    before = files_of(corpus.uri)
    for folder in ("", "images", f"images/{shards[0].shard_id}", "manifest", "committed"):
        Path(corpus.uri, folder, ".rwsc-part-1").write_bytes(b"half")
    marker = json.loads(corpus.read(marker_key(shards[1].shard_id)))
    corpus.write(marker_key(shards[1].shard_id), json.dumps(marker | {"next": marker}).encode())
    sum_up(corpus, shards, ["gun", "knife"], {})
    assert files_of(corpus.uri) == before
    assert not list(Path(corpus.uri).rglob(".rwsc-part-*"))


def test_a_shard_that_lacks_rows_is_named_and_nothing_is_written(corpus):
    shards = StoredPlan(corpus).shards()
    commit_shard(corpus, shards[1].shard_id, read_rows(corpus, shards[1].shard_id)[:2])
    coco = corpus.read(COCO_KEY)
    forget_totals(corpus)
    with pytest.raises(ShortShardsError) as found:
        sum_up(corpus, shards, ["gun", "knife"], {})
    assert found.value.shards == [shards[1]]
    assert corpus.read(COCO_KEY) == coco
    assert not is_summed_up(corpus)
