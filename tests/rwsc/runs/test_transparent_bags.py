"""Bags with a transparent part: it is air for every step that reads a bag."""

import hashlib

import numpy as np
import pytest
from support.corpora import CocoScans, bag_image, index_and_cut, item_image, synth_config
from support.exports import export_to
from support.made_corpora import make_here

from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.exports.files import FileReader
from rwsc.corpus.exports.pictures import Picture
from rwsc.errors import SourceError
from rwsc.runs.bags import BagCache
from rwsc.runs.preview import write_preview
from rwsc.runs.replay import replay
from rwsc.runs.report import write_report
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix, read_uri, write_uri

TOP, LEFT, HW, FRAME_HW = 20, 30, (120, 160), (160, 230)
THERE = slice(TOP, TOP + HW[0]), slice(LEFT, LEFT + HW[1])


def framed(number):
    """A bag as editors leave it who cut it out of a larger scan: nothing around it, which holds black."""
    image = np.zeros((*FRAME_HW, 4), np.uint8)
    image[THERE] = np.dstack([bag_image(number, HW), np.full(HW, 255, np.uint8)])
    return image


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = str(tmp_path_factory.mktemp("transparent"))
    scans = CocoScans(Prefix(f"{root}/scans"), ("gun", "knife"))
    for number in range(4):
        scans.add_bag(f"bags/{number}.png", framed(number))
        scans.add_thing(f"items/{number}.png", *item_image(number), category=number)
    scans.write()
    index_and_cut(Prefix(root))
    make_here(synth_config(root, num_images=6, controls={"negative_share": 0.3}))
    return root


@pytest.fixture(scope="module")
def corpus(root):
    return Prefix(f"{root}/corpus")


@pytest.fixture(scope="module")
def rows(corpus):
    return [row for shard in sorted(committed_shards(corpus)) for row in read_rows(corpus, shard)]


@pytest.fixture(scope="module")
def air_levels(root):
    return {scan.uri: scan.air_level for scan in iter_scans(read_catalogue(f"{root}/catalogue.parquet"))}


def bag_on_air(row, air_levels):
    scan = decode_image(read_uri(row["scan_uri"]))
    seen = np.broadcast_to(np.rint(air_levels[row["scan_uri"]]), (*FRAME_HW, 3)).astype(np.uint8)
    seen[THERE] = scan[THERE][..., :3]
    return seen


def test_items_lie_in_the_bag_and_nothing_else_of_it_changes(corpus, rows, air_levels):
    assert [row["status"] for row in rows] == ["made"] * 6
    assert {row["role"] for row in rows} == {"positive", "negative"}
    for row in rows:
        made, bag = decode_image(corpus.read(row["uri"])), bag_on_air(row, air_levels)
        outside_HW = np.ones(FRAME_HW, bool)
        for thing in row["objects"]:
            x, y, w, h = thing["fused_xywh"]
            assert LEFT <= x < x + w <= LEFT + HW[1]
            assert TOP <= y < y + h <= TOP + HW[0]
            outside_HW[y : y + h, x : x + w] = False
        np.testing.assert_array_equal(made[outside_HW], bag[outside_HW])


def test_replay_report_and_preview_read_the_same_bag(corpus, rows, tmp_path):
    assert all(replay(corpus.uri, row["image_id"]).is_equal for row in rows)
    found = write_report(
        corpus.uri, str(tmp_path / "r.html"), sample=6, max_drift_nepers=9.0, overwrite=False
    )
    assert all(found["checks"][name]["ok"] for name in ("outside", "brighter", "seam", "readable"))
    assert write_preview(corpus.uri, str(tmp_path / "p.png"), num_images=1, overwrite=False) == 1
    sheet = decode_image(read_uri(str(tmp_path / "p.png")))
    assert sheet.max(axis=2).min() > 10, "the sheet shows what is under the alpha"


def test_training_reads_the_same_bag(rows, air_levels):
    row = rows[0]
    level = air_levels[row["scan_uri"]]
    cache = BagCache(
        [{"uri": row["scan_uri"], "sha256": row["scan_sha256"], "air_level": level}], budget_mib=10
    )
    np.testing.assert_array_equal(cache.load(0).image, bag_on_air(row, air_levels))


def test_the_clean_twin_of_an_export_is_the_same_bag(corpus, rows, air_levels, tmp_path):
    reader = FileReader(corpus, {}, clean_twin=True)
    for row in rows:
        twin = decode_image(reader(Picture(row=row, split="train", things=())).clean)
        np.testing.assert_array_equal(twin, bag_on_air(row, air_levels))
    export_to(corpus, tmp_path / "out", "yolo", clean_twin=True)


def test_a_twin_of_a_bag_that_the_plan_does_not_know_is_refused(corpus, rows, tmp_path):
    data = encode_image(framed(99))
    write_uri(f"{tmp_path}/other.png", data)
    other = {"scan_uri": f"{tmp_path}/other.png", "scan_sha256": hashlib.sha256(data).hexdigest()}
    row = rows[0] | other
    with pytest.raises(SourceError, match="has no bag "):
        FileReader(corpus, {}, clean_twin=True)(Picture(row=row, split="train", things=()))
