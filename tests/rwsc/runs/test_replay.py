import json
import shutil
from pathlib import Path

import pytest
from support.corpora import bag_image, make_inputs, synth_config
from support.made_corpora import make_here

from rwsc.corpus.commit import commit_shard, committed_shards, marker_key, read_rows
from rwsc.corpus.plan_store import StoredPlan
from rwsc.errors import RunMismatch, SourceError
from rwsc.items.build import build_items
from rwsc.runs.preview import write_preview
from rwsc.runs.replay import replay
from rwsc.runs.report import write_report
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix

CONTROLS = {"empty_share": 0.25, "negative_share": 0.25, "distractor_share": 0.6}
SETTINGS = {"num_images": 9, "controls": CONTROLS, "match": {"noise": True}}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("replay")
    make_inputs(str(root))
    (root / "scans" / "bags" / "bag 0.png").rename(root / "bag 0.png")
    make_here(synth_config(str(root), **SETTINGS))
    return root


@pytest.fixture
def corpus(root, tmp_path):
    """A copy of corpus and inputs, so that both can be changed; the same run has noted where its bags lie now."""
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    lost, place = copy / "bag 0.png", copy / "scans" / "bags" / "bag 0.png"
    lost.rename(place)
    index_to_catalogue(str(copy / "scans"), str(copy / "catalogue.parquet"), overwrite=True)
    place.rename(lost)
    make_here(synth_config(str(copy), **SETTINGS))
    return Prefix(str(copy / "corpus"))


def bag_of(corpus, row):
    """Where the bag of a row lies now."""
    return Path(StoredPlan(corpus).find(row["image_id"]).scan_uri)


def rows_of(corpus, status="made"):
    rows = (row for shard in sorted(committed_shards(corpus)) for row in read_rows(corpus, shard))
    return [row for row in rows if row["status"] == status]


def test_every_image_that_was_made_is_made_again_to_the_byte(root):
    corpus = Prefix(f"{root}/corpus")
    rows = rows_of(corpus)
    assert {row["role"] for row in rows} == {"positive", "empty", "negative"}
    for row in rows:
        again = replay(corpus.uri, row["image_id"])
        assert again.is_equal
        assert again.data == corpus.read(row["uri"])
        assert (again.changed, again.stored, again.suffix) == ([], "is the same", "png")


@pytest.mark.parametrize("settings", [{"engine": "poisson", "image_format": "jpeg"}, {"engine": "alpha"}])
def test_settings_of_the_run_are_those_of_the_replay(root, tmp_path, settings):
    config = synth_config(
        str(root), output=str(tmp_path / "corpus"), num_images=3, context=1.0, jpeg_quality=80, **settings
    )
    make_here(config)
    rows = rows_of(Prefix(config.output))
    assert rows
    for row in rows:
        assert replay(config.output, row["image_id"]).is_equal


def test_after_items_and_catalogue_have_moved_the_same_run_tells_replay_and_preview_where(root, tmp_path):
    for name in ("items", "catalogue.parquet"):
        (shutil.copytree if name == "items" else shutil.copy)(root / name, tmp_path / name)
    first = {"items": str(tmp_path / "items"), "bags": str(tmp_path / "catalogue.parquet")}
    config = synth_config(str(root), output=str(tmp_path / "corpus"), **first)
    make_here(config, num_shards=1)
    moved = {name: shutil.move(uri, f"{uri}.moved") for name, uri in first.items()}
    make_here(config.model_copy(update=moved))
    for row in rows_of(Prefix(config.output)):
        assert replay(config.output, row["image_id"]).is_equal
    assert write_preview(config.output, str(tmp_path / "sheet.png"), num_images=2, overwrite=False) == 2


def test_after_bags_have_moved_the_same_run_tells_replay_report_and_preview_where(root, corpus, tmp_path):
    rows = rows_of(corpus)
    assert all(Path(row["scan_uri"]).is_relative_to(root) for row in rows)
    bags = {bag_of(corpus, row) for row in rows}
    assert not any(bag.is_relative_to(root) for bag in bags)
    hidden = root.rename(root.with_name("away"))
    try:
        for row in rows:
            assert replay(corpus.uri, row["image_id"]).is_equal
        assert write_preview(corpus.uri, str(tmp_path / "sheet.png"), num_images=2, overwrite=False) == 2
        page = str(tmp_path / "report.html")
        report = write_report(corpus.uri, page, sample=100, max_drift_nepers=1.0, overwrite=False)
        assert report["images_compared"] == len(rows)
    finally:
        hidden.rename(root)


def test_a_changed_bag_is_told(corpus):
    row = next(row for row in rows_of(corpus) if row["role"] == "negative")
    bag = bag_of(corpus, row)
    bag.write_bytes(encode_image(bag_image(77)))
    again = replay(corpus.uri, row["image_id"])
    assert not again.is_equal
    assert again.changed == [f"the bag {bag} has changed since"]
    assert again.stored.startswith("differs in ")


def test_other_items_and_another_version_are_told(corpus):
    root = Path(corpus.uri).parent
    row = next(row for row in rows_of(corpus) if row["role"] == "negative")
    make_inputs(str(root / "more"), num_items=6)
    shutil.rmtree(root / "items")
    build_items(str(root / "more" / "catalogue.parquet"), str(root / "items"))
    shard = row["shard_id"]
    older = [each | {"code_version": "0.0.1"} for each in read_rows(corpus, shard)]
    commit_shard(corpus, shard, older)
    again = replay(corpus.uri, row["image_id"])
    assert again.is_equal  # no item is in it
    assert len(again.changed) == 2
    assert "item bank" in again.changed[0]
    assert "made by rwsc 0.0.1" in again.changed[1]


def test_a_damaged_file_and_a_changed_manifest_are_told(corpus):
    one, other = rows_of(corpus)[:2]
    corpus.write(one["uri"], corpus.read(one["uri"])[:-30])
    again = replay(corpus.uri, one["image_id"])
    assert again.is_equal
    assert again.stored == "is damaged: its hash is not that of the manifest"
    corpus.delete(one["uri"])
    assert replay(corpus.uri, one["image_id"]).stored == "is missing"

    rows = [
        row | {"sha256": "0" * 64} if row["image_id"] == other["image_id"] else row
        for row in read_rows(corpus, other["shard_id"])
    ]
    marker = corpus.read(marker_key(other["shard_id"]))
    commit_shard(corpus, other["shard_id"], rows)
    corpus.write(marker_key(other["shard_id"]), marker)
    again = replay(corpus.uri, other["image_id"])
    assert not again.is_equal
    assert "is not the one that was committed" in again.changed[0]


def test_what_cannot_be_made_again_is_one_clear_line(corpus, tmp_path):
    made = next(row for row in rows_of(corpus) if row["objects"])
    failed = rows_of(corpus, "failed")[0]
    with pytest.raises(SourceError, match="has no image nobody"):
        replay(corpus.uri, "nobody")
    with pytest.raises(SourceError, match="was not made but failed"):
        replay(corpus.uri, failed["image_id"])
    with pytest.raises(RunMismatch, match="is no run"):
        replay(str(tmp_path / "nowhere"), "a")

    card = json.loads(corpus.read("run.json"))
    corpus.write("run.json", json.dumps(card | {"settings": card["settings"] | {"colour": 1}}).encode())
    with pytest.raises(RunMismatch, match="holds settings that rwsc"):
        replay(corpus.uri, made["image_id"])
    corpus.write("run.json", json.dumps(card).encode())

    shard = made["shard_id"]
    foreign = [
        row | {"objects": [thing | {"item_id": "gone"} for thing in row["objects"]]}
        for row in read_rows(corpus, shard)
    ]
    commit_shard(corpus, shard, foreign)
    with pytest.raises(SourceError, match="item gone of the image is not in"):
        replay(corpus.uri, made["image_id"])
    corpus.delete(marker_key(shard))
    with pytest.raises(SourceError, match="was not made yet"):
        replay(corpus.uri, made["image_id"])


def test_exit_codes_tell_equal_from_different_from_impossible(rwsc, corpus, tmp_path):
    row = next(row for row in rows_of(corpus) if row["role"] == "negative")
    code, out, err = rwsc("replay", corpus.uri, row["image_id"])
    assert (code, out) == (0, row["sha256"] + "\n")
    assert "is the same to the byte" in err
    code, out, err = rwsc("replay", corpus.uri, row["image_id"], "-o", "again.png")
    assert (code, out) == (0, f"{tmp_path}/again.png\n")
    assert (tmp_path / "again.png").read_bytes() == corpus.read(row["uri"])
    assert rwsc("replay", corpus.uri, row["image_id"], "-o", "again.png")[0] == 2
    assert rwsc("replay", corpus.uri, row["image_id"], "-o", "again.png", "--overwrite")[0] == 0
    code, _, err = rwsc("replay", corpus.uri, row["image_id"], "-o", "again.jpg")
    assert code == 2
    assert "again.jpg does not end in .png" in err
    assert rwsc("replay", corpus.uri, "nobody")[0] == 2
    bag = bag_of(corpus, row)
    bag.write_bytes(encode_image(bag_image(77)))
    code, _, err = rwsc("replay", corpus.uri, row["image_id"])
    assert code == 1
    assert f"changed: the bag {bag} has changed since" in err


@pytest.mark.s3
def test_an_image_of_a_corpus_in_a_bucket(s3_uri):
    make_inputs(s3_uri, num_bags=2)
    config = synth_config(s3_uri, num_images=2)
    make_here(config)
    row = rows_of(Prefix(config.output))[0]
    assert replay(config.output, row["image_id"]).is_equal
