import json
import random

import pytest
from support.source_trees import JUNK, grow, voc

from rwsc.sources import traces
from rwsc.sources.traces import find_trace, is_remark
from rwsc.sources.tree import SourceTree
from rwsc.storage.prefix import Prefix

BAGS = {"a/1.jpg": b"", "b/bag 2.PNG": b""}
DIGEST = "0123456789abcdef" * 4
COCO = json.dumps({"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [], "categories": []})


@pytest.mark.parametrize(
    ("key", "content", "why"),
    [
        ("txt/00001.txt", "", "a folder called as one of annotations"),
        ("ds/ann/x.json", "", "a folder called as one of annotations"),
        ("Annotation_xml/x.xml", "", "a folder called as one of annotations"),
        ("training/label_2/x.txt", "", "a folder called as one of annotations"),
        ("labelTxt/x.txt", "", "a folder called as one of annotations"),
        ("ground_truth.txt", "", "called as annotations are"),
        ("BoundingBox.mat", "", "called as annotations are"),
        ("deep/via_region_data.json", "", "called as annotations are"),
        ("_annotations.csv", "", "called as annotations are"),
        ("elsewhere/1.xml", "", "the name of an image"),
        ("elsewhere/bag 2.PNG.json", "", "the name of an image"),
        ("train.json", COCO, "COCO"),
        ("all.json", '[{"image": "x", "regions": []}]', "JSON of annotations"),
        ("all.xml", "<?xml version='1.0'?>\n<annotations><image/></annotations>", "XML of annotations"),
        ("train.csv", "name,class\n1.jpg,gun\n", "tells of a/1.jpg"),
        ("train.csv", "1,1,-1,-1\n", "tells of a/1.jpg"),
        ("train.csv", "b/bag 2.PNG,gun\n", "tells of b/bag 2.PNG"),
        ("train.csv", "1.jpg gun\n", "tells of a/1.jpg"),
        ("all.jsonl", '{"file": "bag 2.PNG", "class": "gun"}', "tells of b/bag 2.PNG"),
        ("metadata.jsonl", '{"file_name": "a/1.jpg", "objects": {"categories": [0]}}', "tells of a/1.jpg"),
        ("classified.json", '{"1.jpg": "gun"}', "tells of a/1.jpg"),
        ("boxes_of_all/x.txt", "1.jpg 5 6 30 40 gun\n", "called as"),
        ("list.txt", "old\\path\\1.jpg 5 6 30 40 gun\n", "tells of a/1.jpg"),
    ],
)
def test_what_may_annotate_an_image_is_named(tmp_path, key, content, why):
    found = find_trace(grow(str(tmp_path), BAGS | {key: content}))
    assert found is not None
    assert found.startswith(f"{key} (")
    assert why in found


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("a/README.txt", "the bag in 1.jpg was scanned 4 times at 1 2 3 4"),
        ("README.dataset.txt", ""),
        ("LICENSE.txt", ""),
        ("licence.xml", "<annotation>"),
        ("sha256sums.txt", f"{DIGEST}  a/1.jpg\n"),
        ("MD5.csv", f"1.jpg,{DIGEST[:32]},5,6,7,8"),
        ("files.csv", f"name,sha256\n1.jpg,{DIGEST}\n"),
        ("files.csv", f"1.jpg,{DIGEST},12345\n"),
        ("files.txt", "a/1.jpg\nb/bag 2.PNG\n"),
        ("settings.json", "{}"),
        ("scanner.json", '{"licenses": [], "voltage_kV": 140}'),
        ("log.txt", "2026-01-01 12:00 140 0.5 1 2 3 scanned"),
        ("others.csv", "77.jpg,gun\n"),
        ("about/x.xml", "<html></html>"),
    ],
)
def test_remarks_and_checksums_are_no_trace(tmp_path, key, content):
    assert find_trace(grow(str(tmp_path), BAGS | {key: content})) is None


def test_images_alone_leave_no_trace_whatever_their_folders_are_called(tmp_path):
    assert (
        find_trace(grow(str(tmp_path), {"labels/1.jpg": b"", "masks/1.png": b"", "annotations/1.png": b""}))
        is None
    )
    assert find_trace(grow(str(tmp_path / "none"), {"x/1.md": b""})) is None


def test_no_content_ends_the_search(tmp_path):
    files = {
        f"{number}.{end}": data for number, data in enumerate(JUNK.values()) for end in ("json", "xml", "csv")
    }
    assert find_trace(grow(str(tmp_path), {"x.jpg": b""} | files)) is not None
    noise = random.Random(0).randbytes(5000)
    quiet = {
        f"{number}.{end}": noise for number in range(3) for end in ("json", "xml", "csv", "txt", "jsonl")
    }
    assert find_trace(grow(str(tmp_path / "noise"), {"x.jpg": b""} | quiet)) is None


def test_a_name_of_several_lines_stays_on_one():
    tree = SourceTree(Prefix("/nowhere"), {"": ["a\nb.png"], "labels\n": ["a\nb.txt"]}, 0)
    assert find_trace(tree) == "'labels\\n/a\\nb.txt' (in a folder called as one of annotations)"


def test_few_files_are_opened_and_few_names_kept(monkeypatch):
    names = sorted(f"{number}.csv" for number in range(1000))
    tree = SourceTree(Prefix("/nowhere"), {"": names, "images": ["x.jpg"]}, 0)
    opened = []
    monkeypatch.setattr(SourceTree, "head", lambda tree, key, **_: opened.append(key) or b"")
    assert find_trace(tree) is None
    assert len(opened) <= 20
    monkeypatch.setattr(traces, "_MAX_NAMES", 500)
    assert "more than 500 files" in find_trace(tree)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("ReadMe.txt", True), ("x/license-mit.txt", True), ("SHA-256.txt", True), ("version1_007.txt", False),
     ("notes.txt", True), ("noteworthy.txt", False), ("classes.txt", True), ("checkpoint.txt", False)],
)  # fmt: skip
def test_remarks_are_told_by_their_whole_first_word(key, expected):
    assert is_remark(key) is expected


def test_annotations_beside_bags_are_found_in_any_store(store_uri):
    assert find_trace(grow(store_uri, {"images/1.jpg": b"", "odd/1.xml": voc(), "readme.txt": b"1"})) == (
        "odd/1.xml (XML of annotations)"
    )
