"""Pascal VOC as supervision reads it."""

import json

import numpy as np
import pytest
import supervision
from defusedxml.ElementTree import fromstring
from support.exports import export_to, made_of

from rwsc.errors import SourceError
from rwsc.sources.index import index_to_catalogue
from rwsc.storage.parquet import read_table


@pytest.fixture(scope="module")
def out(corpus, tmp_path_factory):
    return export_to(corpus, tmp_path_factory.mktemp("voc") / "out", "voc", clean_twin=True)


def things(row):
    return [*row["objects"], *(thing for thing in row["bag_objects"] if thing["bbox_xywh"][2] > 0)]


def loaded(out):
    return supervision.DetectionDataset.from_pascal_voc(out.uri_of("JPEGImages"), out.uri_of("Annotations"))


def test_supervision_gets_every_box(corpus, out):
    rows, dataset = made_of(corpus), loaded(out)
    assert len(dataset) == len(rows)
    for path, _, detections in dataset:
        row = rows[path.rpartition("/")[2].removesuffix(".png")]
        wanted = [
            [np.floor(x), np.floor(y), np.ceil(x + w), np.ceil(y + h)]
            for x, y, w, h in (thing["bbox_xywh"] for thing in things(row))
        ]
        np.testing.assert_array_equal(detections.xyxy, np.reshape(wanted, (-1, 4)))
        assert [dataset.classes[number] for number in detections.class_id] == [
            thing["label"] for thing in things(row)
        ]


def test_every_file_says_that_it_is_synthetic_and_under_which_licence(corpus, out):
    for image_id, row in made_of(corpus).items():
        root = fromstring(out.read(f"Annotations/{image_id}.xml"))
        assert root.findtext("source/synthetic") == "1"
        assert root.findtext("source/licence") == row["licence"]
        assert [int(thing.findtext("synthetic")) for thing in root.findall("object")] == [1] * len(
            row["objects"]
        ) + [0 for thing in things(row)[len(row["objects"]) :]]


def test_lists_name_every_image_once(corpus, out):
    assert sorted(out.read("ImageSets/Main/train.txt").decode().split()) == sorted(made_of(corpus))
    assert out.read("ImageSets/Main/trainval.txt") == out.read("ImageSets/Main/train.txt")
    assert len(list(out.list_keys("CleanImages"))) == len(made_of(corpus))


def test_xml_holds_any_class_name(hostile_corpus, tmp_path):
    out = export_to(hostile_corpus, tmp_path / "out", "voc")
    labels = {thing["label"] for row in made_of(hostile_corpus).values() for thing in row["objects"]}
    assert set(loaded(out).classes) == labels
    assert {key.partition("/")[0] for key in out.list_keys()} == {
        "Annotations", "ImageSets", "JPEGImages", ".rwsc", "run.json", "export.json",
    }  # fmt: skip


@pytest.mark.parametrize("label", ["a\rb", "a\x00", "\ufffe", " gun", "gun\n"])
def test_a_class_name_that_xml_would_change_is_refused(corpus, tmp_path, label):
    listed = tmp_path / "classes.json"
    listed.write_text(json.dumps(["gun", "knife", label]))
    with pytest.raises(SourceError, match="XML cannot hold the class name"):
        export_to(corpus, tmp_path / "out", "voc", classes=str(listed))
    assert not (tmp_path / "out" / "run.json").exists()


def test_our_own_reader_takes_it_back(corpus, out, tmp_path):
    index_to_catalogue(out.uri, str(tmp_path / "catalogue.parquet"), layout="voc")
    rows = read_table(str(tmp_path / "catalogue.parquet"), kind="rwsc.catalogue").to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert sum(len(row["objects"]) for row in rows) == sum(
        len(things(row)) for row in made_of(corpus).values()
    )
