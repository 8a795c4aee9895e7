"""Tars as the library webdataset reads them."""

import json
import tarfile

import numpy as np
import pytest
import webdataset
from support.exports import export_to, made_of

from rwsc.storage.images import decode_image


@pytest.fixture(scope="module")
def out(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("webdataset") / "out"
    return export_to(corpus, folder, "webdataset", clean_twin=True, part_images=5)


def samples(out):
    tars = [out.uri_of(key) for key in out.list_keys() if key.endswith(".tar")]
    return list(webdataset.WebDataset(tars, shardshuffle=False, empty_check=False).decode("rgb8"))


def test_every_image_is_one_sample_with_its_labels(corpus, out):
    rows, found = made_of(corpus), samples(out)
    assert sorted(sample["__key__"] for sample in found) == sorted(rows)
    for sample in found:
        row = rows[sample["__key__"]]
        np.testing.assert_array_equal(sample["png"], decode_image(corpus.read(row["uri"])))
        assert sample["clean.png"].shape == sample["png"].shape
        assert sample["json"]["synthetic"] is True
        assert sample["json"]["licence"] == row["licence"]
        assert sample["json"]["role"] == row["role"]
        for told, thing in zip(sample["json"]["objects"], row["objects"], strict=False):
            assert told["label"] == ["gun", "knife"][told["class_id"]] == thing["label"]
            assert told["mask_rle"] == {"size": [row["height"], row["width"]], "counts": thing["mask_rle"]}


def test_tars_hold_no_more_than_asked_and_no_time(corpus, out):
    keys = [key for key in out.list_keys() if key.endswith(".tar")]
    assert keys == ["train-000000.tar", "train-000001.tar", "train-000002.tar"]
    for key in keys:
        with tarfile.open(out.uri_of(key)) as tar:
            members = tar.getmembers()
        assert len(members) <= 3 * 5
        assert {(member.mtime, member.uid, member.gid, member.uname, member.mode) for member in members} == {
            (0, 0, 0, "", 0o644)
        }


def test_classes_are_numbered(hostile_corpus, tmp_path):
    out = export_to(hostile_corpus, tmp_path / "out", "webdataset")
    classes = json.loads(out.read("classes.json"))
    for sample in samples(out):
        for thing in sample["json"]["objects"]:
            assert classes[thing["class_id"]] == thing["label"]
