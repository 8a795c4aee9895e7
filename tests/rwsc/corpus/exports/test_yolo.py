"""YOLO as supervision and, in their arithmetic, as ultralytics read it."""

import cv2
import numpy as np
import pytest
import supervision
import yaml
from support.exports import export_to, made_of

from rwsc.sources.index import index_to_catalogue
from rwsc.sources.masks import decode_rle
from rwsc.storage.parquet import read_table


@pytest.fixture(scope="module")
def segments(corpus, tmp_path_factory):
    return export_to(corpus, tmp_path_factory.mktemp("yolo") / "out", "yolo", task="segment", clean_twin=True)


@pytest.fixture(scope="module")
def boxes(corpus, tmp_path_factory):
    return export_to(corpus, tmp_path_factory.mktemp("yolo") / "out", "yolo")


def loaded(out, **options):
    return supervision.DetectionDataset.from_yolo(
        out.uri_of("images/train"), out.uri_of("labels/train"), out.uri_of("data.yaml"), **options
    )


def in_order(rows, dataset):
    for path, _, detections in dataset:
        yield rows[path.rpartition("/")[2].removesuffix(".png")], detections


def things(row):
    return [*row["objects"], *(thing for thing in row["bag_objects"] if thing["bbox_xywh"][2] > 0)]


def test_supervision_gets_every_box(corpus, boxes):
    rows, dataset = made_of(corpus), loaded(boxes)
    assert len(dataset) == len(rows)
    for row, detections in in_order(rows, dataset):
        wanted = [[x, y, x + w, y + h] for x, y, w, h in (thing["bbox_xywh"] for thing in things(row))]
        np.testing.assert_allclose(detections.xyxy, np.reshape(wanted, (-1, 4)), atol=1e-3)
        assert [dataset.classes[number] for number in detections.class_id] == [
            thing["label"] for thing in things(row)
        ]


def test_supervision_gets_every_mask_with_its_hole(corpus, segments):
    rows, seen = made_of(corpus), 0
    for row, detections in in_order(rows, loaded(segments, force_masks=True)):
        for thing, mask in zip(things(row), detections.mask if len(detections) else [], strict=True):
            if thing["mask_rle"]:
                wanted = decode_rle(thing["mask_rle"], height=row["height"], width=row["width"])
                assert mask[wanted].all()
                assert (mask & ~wanted).sum() <= 12  # a bridge at most
                seen += 1
    assert seen


def test_cutting_decimals_off_gives_the_same_pixels(corpus, segments):
    # As ultralytics' polygon2mask does it.
    for row in made_of(corpus).values():
        lines = segments.read(f"labels/train/{row['image_id']}.txt").decode().splitlines()
        for line, thing in zip(lines, things(row), strict=True):
            shares = np.array(line.split()[1:], dtype=np.float32).reshape(-1, 2)
            corners = (shares * (row["width"], row["height"])).astype(np.int32)
            canvas = np.zeros((row["height"], row["width"]), np.uint8)
            cv2.fillPoly(canvas, [corners], 1)
            if thing["mask_rle"]:
                wanted = decode_rle(thing["mask_rle"], height=row["height"], width=row["width"])
                assert canvas[wanted].all()


def test_no_line_of_a_segmentation_can_be_taken_for_a_box(segments):
    lines = [
        line for key in segments.list_keys("labels") for line in segments.read(key).decode().splitlines()
    ]
    assert lines
    assert all(len(line.split()) >= 7 for line in lines)
    assert all(0 <= float(share) <= 1 for line in lines for share in line.split()[1:])


def test_images_without_objects_have_empty_files(corpus, boxes):
    rows = made_of(corpus).values()
    empty = {row["image_id"] for row in rows if not things(row)}
    assert empty == {row["image_id"] for row in rows if row["role"] != "positive"}
    assert {key.rpartition("/")[2] for key in boxes.list_keys("labels") if not boxes.read(key)} == {
        f"{image_id}.txt" for image_id in empty
    }


def test_clean_twins_lie_where_no_trainer_looks(segments):
    assert {key.partition("/")[0] for key in segments.list_keys()} == {
        "images", "labels", "clean", ".rwsc", "data.yaml", "dataset.yaml", "run.json", "export.json",
    }  # fmt: skip


def test_yaml_holds_any_class_name(hostile_corpus, tmp_path):
    out = export_to(hostile_corpus, tmp_path / "out", "yolo")
    labels = {thing["label"] for row in made_of(hostile_corpus).values() for thing in things(row)}
    described = yaml.safe_load(out.read("data.yaml"))
    assert labels <= set(described["names"].values())
    assert described["synthetic"] is True
    assert out.read("dataset.yaml") == out.read("data.yaml")
    dataset = loaded(out)
    assert dataset.classes == sorted(described["names"].values())
    found = {dataset.classes[number] for _, _, detections in dataset for number in detections.class_id}
    assert found == labels


def test_our_own_reader_takes_it_back(corpus, boxes, tmp_path):
    index_to_catalogue(boxes.uri, str(tmp_path / "catalogue.parquet"))
    rows = read_table(str(tmp_path / "catalogue.parquet"), kind="rwsc.catalogue").to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert sum(len(row["objects"]) for row in rows) == sum(
        len(things(row)) for row in made_of(corpus).values()
    )
