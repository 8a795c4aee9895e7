"""COCO as its own tools read it."""

import numpy as np
import pytest
import supervision
from pycocotools.coco import COCO
from support.exports import export_to, made_of

from rwsc.sources.index import index_to_catalogue
from rwsc.sources.masks import decode_rle
from rwsc.storage.images import decode_image
from rwsc.storage.parquet import read_table
from rwsc.storage.prefix import read_uri


@pytest.fixture(scope="module")
def out(corpus, tmp_path_factory):
    return export_to(corpus, tmp_path_factory.mktemp("coco") / "out", "coco")


def test_pycocotools_finds_every_image_box_and_mask(corpus, out, capsys):
    with capsys.disabled():
        coco = COCO(out.uri_of("annotations/instances_train.json"))
    rows = made_of(corpus)
    assert {image["image_id"] for image in coco.imgs.values()} == rows.keys()
    licences = {licence["id"]: licence["name"] for licence in coco.dataset["licenses"]}
    for number, image in coco.imgs.items():
        row = rows[image["image_id"]]
        assert image["synthetic"] is True
        assert licences[image["license"]] == row["licence"]
        data = out.read(f"images/train/{image['file_name']}")
        assert data == corpus.read(row["uri"])
        found = coco.loadAnns(coco.getAnnIds(number))
        assert len(found) == len(row["objects"]) + sum(
            thing["bbox_xywh"][2] > 0 for thing in row["bag_objects"]
        )
        for annotation, thing in zip(found, row["objects"], strict=False):
            mask = decode_rle(thing["mask_rle"], height=row["height"], width=row["width"])
            np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), mask)
    assert any(not coco.getAnnIds(number) for number in coco.imgs)


def test_supervision_draws_from_it(corpus, out):
    dataset = supervision.DetectionDataset.from_coco(
        out.uri_of("images/train"), out.uri_of("annotations/instances_train.json")
    )
    assert len(dataset) == len(made_of(corpus))
    assert dataset.classes == ["gun", "knife"]


def test_our_own_reader_takes_it_back(out, tmp_path):
    index_to_catalogue(out.uri, str(tmp_path / "catalogue.parquet"))
    rows = read_table(str(tmp_path / "catalogue.parquet"), kind="rwsc.catalogue").to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["kind"] for row in rows} == {"threat", "benign"}


def test_the_clean_twin_differs_where_items_are_and_nowhere_else(corpus, tmp_path):
    out = export_to(corpus, tmp_path / "out", "coco", clean_twin=True)
    differ = 0
    for image_id, row in made_of(corpus).items():
        clean = out.read(f"clean/train/{image_id}.png")
        if row["role"] == "negative":
            image = out.read(f"images/train/{image_id}.png")
            np.testing.assert_array_equal(decode_image(clean), decode_image(image))
            continue
        np.testing.assert_array_equal(decode_image(clean), decode_image(read_uri(row["scan_uri"]))[..., :3])
        changed = (decode_image(clean) != decode_image(corpus.read(row["uri"]))).any(2)
        for thing in row["objects"]:
            x, y, width, height = thing["fused_xywh"]
            differ += changed[max(0, y) : y + height, max(0, x) : x + width].any()
            changed[max(0, y) : y + height, max(0, x) : x + width] = False
        assert not changed.any() or row["role"] == "empty"
    assert differ
