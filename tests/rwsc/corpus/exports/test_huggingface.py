"""Parquet as Hugging Face's own library reads it, and as our own reader does."""

import hashlib
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from support.corpora import synth_config
from support.exports import export_to, made_of, write_corpus

from rwsc.corpus.exports import huggingface
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.parquet import read_table


@pytest.fixture(scope="module")
def out(corpus, tmp_path_factory):
    return export_to(corpus, tmp_path_factory.mktemp("hf") / "out", "hf", clean_twin=True, part_images=9)


def things(row):
    return [*row["objects"], *(thing for thing in row["bag_objects"] if thing["bbox_xywh"][2] > 0)]


def check(dataset, corpus):
    rows = made_of(corpus)
    assert sorted(dataset["image_id"]) == sorted(rows)
    names = dataset.features["objects"]["category"].feature.names
    for sample in dataset:
        row = rows[sample["image_id"]]
        np.testing.assert_array_equal(np.asarray(sample["image"]), decode_image(corpus.read(row["uri"])))
        assert sample["clean_image"].size == sample["image"].size == (row["width"], row["height"])
        assert sample["synthetic"] is True
        assert sample["licence"] == row["licence"]
        objects = sample["objects"]
        assert objects["bbox"] == [thing["bbox_xywh"] for thing in things(row)]
        assert [names[number] for number in objects["category"]] == [thing["label"] for thing in things(row)]
        assert objects["mask_rle"] == [thing["mask_rle"] for thing in things(row)]
        assert objects["synthetic"] == ["item_id" in thing for thing in things(row)]


def test_datasets_reads_the_parquet_files_alone(corpus, out, tmp_path):
    files = [out.uri_of(key) for key in out.list_keys("data")]
    assert len(files) == 2
    check(datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path)), corpus)


def test_datasets_reads_the_folder_by_its_card(corpus, out, tmp_path):
    found = datasets.load_dataset(out.uri, cache_dir=str(tmp_path))
    assert list(found) == ["train"]
    check(found["train"], corpus)


def test_splits_and_16_bits_come_back(inputs_root, tmp_path):
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"), num_images=6)
    deep = np.random.default_rng(0).integers(0, 2**16, (120, 160)).astype(np.uint16)
    data = encode_image(deep)

    def change(row):
        things = [
            {**thing, "physical_item_id": f"{row['image_id']} {place}"}
            for place, thing in enumerate(row["objects"])
        ]
        sha256 = hashlib.sha256(data).hexdigest()
        return {**row, "objects": things, "sha256": sha256, "bit_depth": 16, "channels": 1}

    corpus = write_corpus(config, change=change)
    for row in made_of(corpus).values():
        corpus.write(row["uri"], data)
    out = export_to(corpus, tmp_path / "out", "hf", splits=(4, 1, 1))
    found = datasets.load_dataset(out.uri, cache_dir=str(tmp_path / "cache"))
    assert {split: len(found[split]) for split in found} == {"train": 4, "validation": 1, "test": 1}
    np.testing.assert_array_equal(np.asarray(found["test"][0]["image"]), deep)
    assert json.loads(out.read("export.json"))["more_than_8_bits"] == 6


def test_row_groups_are_small(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface, "GROUP_ROWS", 4)
    by_rows = export_to(corpus, tmp_path / "rows", "hf")
    sizes = pq.ParquetFile(by_rows.uri_of("data/train-000000.parquet")).metadata
    assert [sizes.row_group(number).num_rows for number in range(3)] == [4, 4, 4]
    monkeypatch.setattr(huggingface, "GROUP_BYTES", 1)
    by_bytes = export_to(corpus, tmp_path / "bytes", "hf")
    assert pq.ParquetFile(by_bytes.uri_of("data/train-000000.parquet")).num_row_groups == len(made_of(corpus))


def test_the_card_holds_any_class_name(hostile_corpus, tmp_path):
    out = export_to(hostile_corpus, tmp_path / "out", "hf")
    head = out.read("README.md").decode().split("\n---\n")[0]
    described = yaml.safe_load(head.removeprefix("---\n"))
    labels = {thing["label"] for row in made_of(hostile_corpus).values() for thing in row["objects"]}
    assert labels <= set(described["class_names"])
    assert described["synthetic"] is True
    assert described["licences"] == ["made up, CC0"]
    found = datasets.load_dataset(out.uri, cache_dir=str(tmp_path / "cache"))["train"]
    assert found.features["objects"]["category"].feature.names == described["class_names"]


def test_our_own_reader_takes_it_back(corpus, out, tmp_path):
    index_to_catalogue(out.uri, str(tmp_path / "catalogue.parquet"))
    rows = read_table(str(tmp_path / "catalogue.parquet"), kind="rwsc.catalogue").to_pylist()
    assert {(row["status"], row["licence"]) for row in rows} == {("ok", "made up, CC0")}
    assert sum(len(row["objects"]) for row in rows) == sum(
        len(things(row)) for row in made_of(corpus).values()
    )
    assert {thing["label"] for row in rows for thing in row["objects"]} == {"gun", "knife"}
