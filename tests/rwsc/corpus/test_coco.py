import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from support.corpora import synth_config
from support.plans import bags_of, plan_of

from rwsc.corpus.coco import write_coco
from rwsc.corpus.make import ImageMaker
from rwsc.corpus.manifest import RunFacts, to_row
from rwsc.corpus.plan import planned_images
from rwsc.fusion.tip import TipEngine
from rwsc.items.bank import ItemBank
from rwsc.storage.prefix import read_uri


@pytest.fixture(scope="module")
def rows(inputs_root):
    config = synth_config(inputs_root, placement={"items_min": 1, "items_max": 2})
    planned = list(planned_images(plan_of(bags_of(inputs_root), 6, shard_images=3)))
    maker = ImageMaker(config, ItemBank.load(config.items), TipEngine())
    facts = RunFacts(engine="tip", weights_sha256="", config_fingerprint="f", code_version="0")
    bags = [read_uri(image.scan_uri) for image in planned]
    bags[2] = b""
    return [
        to_row(image, made.outcome, facts)
        for image, made in zip(planned, maker.make(planned, bags), strict=True)
    ]


def load(path, capsys):
    with capsys.disabled():
        return COCO(str(path))


def test_pycocotools_loads_it_and_its_boxes_fit_its_masks(rows, tmp_path, capsys):
    path = tmp_path / "coco.json"
    counts = write_coco(rows, ["gun", "knife"], str(path))
    coco = load(path, capsys)
    assert counts == (5, sum(len(row["objects"]) for row in rows))
    assert len(coco.imgs) == 5
    for annotation in coco.loadAnns(coco.getAnnIds()):
        mask = coco.annToMask(annotation).astype(bool)
        rows_, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        tight = [columns[0], rows_[0], columns[-1] - columns[0] + 1, rows_[-1] - rows_[0] + 1]
        assert annotation["bbox"] == tight
        assert annotation["area"] == mask.sum()


def test_categories_are_numbered_in_the_order_given(rows, tmp_path, capsys):
    write_coco(rows, ["axe", "gun", "knife"], str(tmp_path / "coco.json"))
    coco = load(tmp_path / "coco.json", capsys)
    assert {number: category["name"] for number, category in coco.cats.items()} == {
        1: "axe",
        2: "gun",
        3: "knife",
    }
    by_image = {image["file_name"]: number for number, image in coco.imgs.items()}
    for row in rows:
        if row["status"] == "made":
            found = coco.loadAnns(coco.getAnnIds(by_image[row["uri"]]))
            assert [coco.cats[a["category_id"]]["name"] for a in found] == [
                o["label"] for o in row["objects"]
            ]


def test_objects_that_were_in_the_bag_are_annotated_as_not_synthetic(rows, tmp_path, capsys):
    row = {**rows[0], "bag_objects": [{"label": "gun", "bbox_xywh": [1.0, 2.0, 3.0, 4.0], "mask_rle": None}]}
    write_coco([row], ["gun", "knife"], str(tmp_path / "coco.json"))
    annotations = json.loads((tmp_path / "coco.json").read_text())["annotations"]
    assert [annotation["synthetic"] for annotation in annotations] == [True] * len(row["objects"]) + [False]
    assert annotations[-1]["area"] == 12
    assert annotations[-1]["segmentation_is_box"]
    coco = load(tmp_path / "coco.json", capsys)
    assert coco.annToMask(coco.loadAnns(annotations[-1]["id"])[0]).sum() == 12


def test_a_corpus_without_images_is_a_valid_file(tmp_path, capsys):
    assert write_coco([], ["gun"], str(tmp_path / "coco.json")) == (0, 0)
    assert load(tmp_path / "coco.json", capsys).imgs == {}
