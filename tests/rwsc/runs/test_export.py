"""Exports as a whole: both kinds of stores, taken up again, refused, and the same bytes however they were made."""

import hashlib
import json
from collections import defaultdict

import pytest
import yaml
from support.corpora import make_inputs, synth_config
from support.exports import export_to, made_of, write_corpus
from support.made_corpora import make_here

from rwsc.corpus.coco import COCO_KEY
from rwsc.corpus.commit import commit_shard, committed_shards, marker_key, read_rows
from rwsc.corpus.exports.files import FileReader
from rwsc.corpus.exports.settings import ExportConfig
from rwsc.corpus.summary import REPORT_KEY
from rwsc.errors import ConfigError, ObjectExists, RunMismatch, SourceError
from rwsc.runs.export import SUMMARY_KEY, export_corpus
from rwsc.storage.prefix import Prefix

FORMATS = ("coco", "yolo", "voc", "hf", "webdataset")


@pytest.fixture(scope="module")
def inputs_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    make_inputs(str(root), num_bags=12, num_items=8)
    return str(root)


@pytest.fixture(scope="module")
def config(inputs_root, tmp_path_factory):
    return synth_config(
        inputs_root,
        output=str(tmp_path_factory.mktemp("made") / "corpus"),
        num_images=12,
        shard_images=5,
        controls={"empty_share": 0.2, "negative_share": 0.2},
    )


@pytest.fixture(scope="module")
def corpus(config):
    return write_corpus(config)


def files_of(out):
    return {key: hashlib.sha256(out.read(key)).hexdigest() for key in out.list_keys()}


@pytest.mark.parametrize("format", FORMATS)
def test_threads_and_interruptions_change_no_byte(corpus, format, tmp_path, monkeypatch):
    undisturbed = export_to(corpus, tmp_path / "one", format, part_images=4, clean_twin=True, io_threads=1)
    read, reads = FileReader.__call__, []

    def read_a_few(self, picture):
        if len(reads) == 7:
            raise KeyboardInterrupt
        reads.append(picture.image_id)
        return read(self, picture)

    changes = {"part_images": 4, "clean_twin": True}
    monkeypatch.setattr(FileReader, "__call__", read_a_few)
    with pytest.raises(KeyboardInterrupt):
        export_to(corpus, tmp_path / "two", format, **changes)
    assert not (tmp_path / "two" / SUMMARY_KEY).exists()
    done = set(reads[:4])  # the first part is whole
    reads.clear()
    monkeypatch.setattr(
        FileReader, "__call__", lambda self, picture: reads.append(picture.image_id) or read(self, picture)
    )
    again = export_to(corpus, tmp_path / "two", format, **changes)
    assert not done & set(reads)
    assert files_of(again) == files_of(undisturbed)
    reads.clear()
    export_to(corpus, tmp_path / "two", format, **changes)
    assert not reads


def test_both_ends_may_lie_in_any_store(config, corpus, store_uri):
    copy = Prefix(store_uri).child("corpus")
    for key in corpus.list_keys():
        copy.write(key, corpus.read(key))
    for format in FORMATS:
        here = export_to(corpus, f"{store_uri}/{format}-of-local", format)
        there = export_to(copy, f"{store_uri}/{format}-of-copy", format)
        assert files_of(here) == files_of(there)


def test_classes_are_equal_in_every_export_and_can_be_frozen(corpus, tmp_path):
    for format in FORMATS:
        out = export_to(corpus, tmp_path / format, format)
        assert json.loads(out.read("run.json"))["classes"] == ["gun", "knife"]
        assert json.loads(out.read(SUMMARY_KEY))["synthetic"] is True
    (tmp_path / "classes.txt").write_text("knife\naxe\ngun\n")
    frozen = export_to(corpus, tmp_path / "frozen", "coco", classes=str(tmp_path / "classes.txt"))
    chained = export_to(corpus, tmp_path / "chained", "coco", classes=frozen.uri)
    assert json.loads(chained.read("run.json"))["classes"] == ["knife", "axe", "gun"]
    (tmp_path / "classes.txt").write_text("knife\n")
    with pytest.raises(SourceError, match="shows the class 'gun', which the list of 1 classes lacks"):
        export_to(corpus, tmp_path / "refused", "coco", classes=str(tmp_path / "classes.txt"))


def test_negatives_are_kept_or_dropped(corpus, tmp_path):
    rows = made_of(corpus).values()
    negatives = {row["image_id"] for row in rows if row["role"] != "positive"}
    assert negatives
    for choice, left_out in (("keep", set()), ("drop", negatives)):
        out = export_to(corpus, tmp_path / choice, "coco", negatives=choice)
        images = json.loads(out.read("annotations/instances_train.json"))["images"]
        assert {image["image_id"] for image in images} == {row["image_id"] for row in rows} - left_out
        assert json.loads(out.read(SUMMARY_KEY))["left_out"] == len(left_out)


def test_no_bag_and_no_item_is_in_two_splits_of_an_export(inputs_root, tmp_path):
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"), num_images=12, shard_images=5)
    numbers = iter(range(1000))

    def change(row):  # every image has things of its own, but for two that share one
        things = [{**thing, "physical_item_id": f"{max(1, next(numbers))}"} for thing in row["objects"]]
        return {**row, "objects": things}

    corpus = write_corpus(config, change=change)
    rows, options = made_of(corpus), {"splits": (0.6, 0.2, 0.2), "seed": 3}
    out = export_to(corpus, tmp_path / "coco", "coco", **options)
    by_thing, num_images = defaultdict(set), {}
    for split in ("train", "val", "test"):
        images = json.loads(out.read(f"annotations/instances_{split}.json"))["images"]
        num_images[split] = len(images)
        for image in images:
            row = rows[image["image_id"]]
            assert out.exists(f"images/{split}/{image['file_name']}")
            for name in (row["scan_id"], *(thing["physical_item_id"] for thing in row["objects"])):
                by_thing[name].add(split)
    assert all(len(splits) == 1 for splits in by_thing.values())
    assert num_images == json.loads(out.read(SUMMARY_KEY))["images"]
    assert 6 <= num_images["train"] <= 8
    for format, val in (
        ("yolo", "images/val"),
        ("hf", "data/val-000000.parquet"),
        ("webdataset", "val-000000.tar"),
    ):
        keys = list(export_to(corpus, tmp_path / format, format, **options).list_keys())
        assert any(key.startswith(val) for key in keys)


def test_a_corpus_that_was_made_for_one_split_is_that_split(inputs_root, tmp_path):
    corpus = write_corpus(
        synth_config(inputs_root, output=str(tmp_path / "corpus"), num_images=3, split="val")
    )
    assert export_to(corpus, tmp_path / "wds", "webdataset").exists("val-000000.tar")
    yolo = export_to(corpus, tmp_path / "yolo", "yolo")
    described = yaml.safe_load(yolo.read("data.yaml"))
    assert (described["train"], described["val"], "test" in described) == ("images/val", "images/val", False)
    assert len(list(yolo.list_keys("images/val"))) == 3


def test_a_split_of_one_component_is_refused_before_anything_is_written(inputs_root, tmp_path):
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"), num_images=12)
    corpus = write_corpus(
        config,
        change=lambda row: {**row, "objects": [{**t, "physical_item_id": "p"} for t in row["objects"]]},
    )
    with pytest.raises(ConfigError, match="12 of 12 images with items hang together"):
        export_to(corpus, tmp_path / "out", "coco", splits=(0.8, 0.1, 0.1))
    assert not list(Prefix(str(tmp_path / "out")).list_keys())


def test_nothing_that_is_there_is_touched(corpus, tmp_path):
    out = export_to(corpus, tmp_path / "out", "yolo")
    before = files_of(out)
    with pytest.raises(RunMismatch, match="task: detect -> segment"):
        export_to(corpus, tmp_path / "out", "yolo", task="segment")
    with pytest.raises(RunMismatch, match="export yolo -> export hf"):
        export_to(corpus, tmp_path / "out", "hf")
    assert files_of(out) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("mine")
    with pytest.raises(ObjectExists, match=r"it holds README\.md"):
        export_to(corpus, tmp_path / "mine", "hf")
    assert (tmp_path / "mine" / "README.md").read_text() == "mine"


@pytest.mark.parametrize("inside", ["", "exports/yolo"])
def test_an_export_does_not_lie_inside_the_corpus(corpus, inside):
    with pytest.raises(ConfigError, match="inside the corpus"):
        export_to(corpus, f"{corpus.uri}/{inside}", "coco")


def first_marker(corpus):
    return marker_key(min(committed_shards(corpus)))


@pytest.mark.parametrize("key_of", [lambda _: COCO_KEY, lambda _: REPORT_KEY, first_marker])
@pytest.mark.parametrize("classes", [None, "classes.txt"])
def test_a_corpus_of_which_anything_is_missing_is_refused(corpus, tmp_path, key_of, classes):
    copy = Prefix(str(tmp_path / "copy"))
    for key in corpus.list_keys():
        if key != key_of(corpus):
            copy.write(key, corpus.read(key))
    if classes:
        (tmp_path / classes).write_text("gun\nknife\n")
        classes = str(tmp_path / classes)
    with pytest.raises(SourceError, match="is not finished") as refused:
        export_to(copy, tmp_path / "out", "coco", classes=classes)
    assert "run the same rwsc synth again" in refused.value.remedy
    assert not (tmp_path / "out").exists()


def test_a_corpus_whose_growth_was_interrupted_is_exported_when_it_is_finished(inputs_root, tmp_path):
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"), num_images=4, shard_images=4)
    make_here(config)
    make_here(config, extend=4, num_shards=1)
    with pytest.raises(SourceError, match="is not finished"):
        export_to(Prefix(config.output), tmp_path / "out", "coco")
    make_here(config, extend=4)
    out = export_to(Prefix(config.output), tmp_path / "out", "coco")
    assert json.loads(out.read(SUMMARY_KEY))["images"] == {"train": 8}


def test_other_runs_are_refused(corpus, tmp_path):
    with pytest.raises(RunMismatch, match="is no run"):
        export_to(Prefix(str(tmp_path / "nothing")), tmp_path / "out", "coco")
    first = export_to(corpus, tmp_path / "first", "coco")
    with pytest.raises(SourceError, match="no corpus but a run of kind 'export coco'"):
        export_to(first, tmp_path / "second", "coco")


def test_a_changed_or_missing_image_ends_the_export(config, tmp_path):
    corpus = write_corpus(config.model_copy(update={"output": str(tmp_path / "corpus")}))
    row = next(iter(made_of(corpus).values()))
    corpus.write(row["uri"], b"other bytes")
    with pytest.raises(SourceError, match=f"{row['image_id']}.png has changed since"):
        export_to(corpus, tmp_path / "changed", "webdataset")
    assert not [key for key in Prefix(str(tmp_path / "changed")).list_keys() if key.endswith(".tar")]
    corpus.delete(row["uri"])
    with pytest.raises(SourceError, match="is missing"):
        export_to(corpus, tmp_path / "missing", "coco")


def test_arrays_go_where_they_can(inputs_root, tmp_path):
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"), num_images=3, image_format="npy")
    corpus = write_corpus(config)
    rows = made_of(corpus)
    for format in ("yolo", "voc", "hf"):
        with pytest.raises(SourceError, match=r"3 of 3 images of the corpus are \.npy") as error:
            export_to(corpus, tmp_path / format, format)
        assert "webdataset" in error.value.remedy
    out = export_to(corpus, tmp_path / "coco", "coco", clean_twin=True)
    for image_id, row in rows.items():
        assert out.read(f"images/train/{image_id}.npy") == corpus.read(row["uri"])
        assert out.exists(f"clean/train/{image_id}.npy")
    assert list(export_to(corpus, tmp_path / "wds", "webdataset").list_keys())


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": (-1, 1, 1)},
        {"splits": (0, 0, 0)},
        {"task": "segment", "format": "voc"},
        {"format": "tfrecord"},
    ],
)
def test_settings_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValueError, match="validation error"):
        ExportConfig(**{"format": "yolo", "corpus": "c", "output": "o", **changes})


def test_a_corpus_with_other_rows_is_another_export(config, tmp_path):
    corpus = write_corpus(config.model_copy(update={"output": str(tmp_path / "corpus")}))
    settings = ExportConfig(format="coco", corpus=corpus.uri, output=str(tmp_path / "out"))
    export_corpus(settings)
    shard = min(committed_shards(corpus))
    first, *others = read_rows(corpus, shard)
    gone = {"status": "failed", "reason": "the bag is gone", "uri": None, "objects": []}
    commit_shard(corpus, shard, [first | gone, *others])
    with pytest.raises(RunMismatch, match=r"inputs\.corpus"):
        export_corpus(settings)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "3"])
def test_a_summary_that_is_damaged_is_told(corpus, tmp_path, text):
    config = ExportConfig(format="coco", corpus=corpus.uri, output=str(tmp_path / "out"))
    export_corpus(config)
    Prefix(config.output).write(SUMMARY_KEY, text.encode())
    with pytest.raises(SourceError, match=f"{SUMMARY_KEY} is damaged"):
        export_corpus(config)
