from dataclasses import replace

import numpy as np
import pytest
from support.made_images import make_images

from rwsc.corpus.check_row import Promised, has_own_file, row_faults
from rwsc.corpus.controls import Role
from rwsc.corpus.plan import PlannedImage
from rwsc.sources.masks import encode_rle

RUN = Promised(
    engine="tip",
    weights_sha256="",
    config_fingerprint="",
    code_version="",
    is_commercial=False,
    max_pixels=10**6,
    layout="files",
    is_marked=True,
    labels=("gun", "knife"),
)
PLANNED = (
    "image_id shard_id scan_id seed scan_uri scan_sha256 dataset licence scanner_id bag_kin bag_objects bag_items role"
).split()


@pytest.fixture(scope="module", params=list(Role))
def row(request, inputs_root):
    return make_images(inputs_root, request.param, "tip")[0][0]


def planned_of(row):
    return PlannedImage(air_level=[1.0], **{name: row[name] for name in PLANNED})


def faults(row, planned=None, run=RUN):
    return list(row_faults(row, planned or planned_of(row), run))


def checks(*arguments, **changes):
    return {check for check, _ in faults(*arguments, **changes)}


def test_a_row_as_it_was_made_has_no_fault(row):
    assert faults(row) == []
    assert has_own_file(row, "files")
    assert not has_own_file(row, "parquet")


def test_a_row_that_is_not_as_planned_or_of_another_run_is_told(row):
    for name in (
        "image_id",
        "shard_id",
        "scan_id",
        "scan_sha256",
        "dataset",
        "scanner_id",
        "bag_kin",
        "bag_items",
    ):
        assert "row" in checks(row, replace(planned_of(row), **{name: "other"})), name
    for name in ("engine", "weights_sha256", "config_fingerprint", "code_version"):
        assert checks(row, run=replace(RUN, **{name: "other"})) == {"row"}


def test_a_commercial_corpus_wants_permissive_rows_and_no_row_is_more_liberal_than_its_bag(row):
    commercial = replace(RUN, is_commercial=True)
    assert checks(row, run=commercial) == set()
    for licence in (None, "academic use only", "proprietary"):
        assert checks(row | {"licence": licence}, run=commercial) == {"licence"}
        assert checks(row | {"licence": licence}) == set()
    strict = replace(planned_of(row), licence="research only")
    assert checks(row, strict) == {"licence"}


def test_a_label_one_pixel_off_is_told(inputs_root):
    row = make_images(inputs_root, Role.POSITIVE, "tip")[0][0]
    thing = row["objects"][0]
    for changes in (
        {"area": thing["area"] + 1},
        {"bbox_xywh": [thing["bbox_xywh"][0] + 1, *thing["bbox_xywh"][1:]]},
        {"fused_xywh": [thing["fused_xywh"][0], thing["fused_xywh"][1], 1, 1]},
        {"mask_rle": encode_rle(np.zeros((row["height"], row["width"]), bool))},
        {"mask_rle": encode_rle(np.ones((row["height"] + 1, row["width"]), bool))},
        {"mask_rle": None},
        {"occluded_fraction": 1.5},
        {"label": "pen"},
    ):
        assert checks(row | {"objects": [thing | changes, *row["objects"][1:]]}) == {"label"}, changes


def test_a_size_that_would_take_all_memory_is_refused_before_any_mask_is_drawn(inputs_root):
    row = make_images(inputs_root, Role.POSITIVE, "tip")[0][0]
    for size in ({"width": 2**31 - 1}, {"width": -1, "height": -1}, {"width": None}):
        assert checks(row | size) == {"row"}


def test_a_card_of_an_older_version_promises_no_classes():
    card = {"fingerprint": "f", "settings": {"engine": "tip", "num_images": 1}}
    promised = Promised.of_card(card)
    assert (promised.labels, promised.weights_sha256, promised.is_commercial) == (None, "", False)
