import json
import random

import pytest
from support.source_trees import JUNK, grow, voc

from rwsc.errors import AccessDenied, StorageError
from rwsc.sources import traces
from rwsc.sources.traces import find_trace, find_trace_beside, is_remark
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
        ("classes.csv", "image,class\n1.jpg,gun\n", "tells of a/1.jpg"),
        ("classes_per_image.csv", "image,class\n1.jpg,gun\n", "tells of a/1.jpg"),
        ("notes.csv", "image,x1,y1,x2,y2,class\n1.jpg,1,2,30,40,gun\n", "tells of a/1.jpg"),
        ("README.txt", "1.jpg 1 2 30 40 gun\n", "tells of a/1.jpg"),
        ("notes.json", COCO, "COCO"),
        ("about.xml", "<objects><f>1.jpg</f></objects>", "tells of a/1.jpg"),
        ("check_annotations.json", "", "called as annotations are"),
        ("version_2_labels.csv", "", "called as annotations are"),
        ("readme_boxes.txt", "", "called as annotations are"),
        ("annotations.zip", "", "called as annotations are"),
        ("Annotation.tar.gz", "", "called as annotations are"),
        ("annotations", "", "called as annotations are"),
        ("labels.parquet", "", "called as annotations are"),
        ("gt.lst", "", "called as annotations are"),
        ("boxes.npy", "", "called as annotations are"),
        ("a/1.bbox", "", "called as annotations are"),
        ("labels/all.zip", "", "a folder called as one of annotations"),
        ("else/1", "0 0.5 0.5 0.2 0.2", "the name of an image"),
        ("files.csv", f"name,md5,label\n1.jpg,{DIGEST[:32]},gun\n", "tells of a/1.jpg"),
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
        ("classes.txt", "gun\nknife\n"),
        ("README_FIRST.txt", "see 1.jpg 1 2 3 4"),
        ("ReadMe.xml", "<object>1</object>"),
        ("draw_boxes.py", "x"),
        ("a/1", b"DICM\0\xff"),
        ("a/7", "text"),
        ("scan.zip", "x"),
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


def test_many_remarks_do_not_hide_the_file_that_is_none(tmp_path):
    remarks = {f"{number:02}/README.txt": "x" for number in range(30)}
    assert "tells of a/1.jpg" in find_trace(grow(str(tmp_path), BAGS | remarks | {"z.csv": "1.jpg,gun\n"}))


@pytest.mark.parametrize("key", ["README_en.txt", "README.zh-CN.txt", "LICENSE-2.txt", "license_data.json"])
def test_a_language_or_a_number_may_follow_the_name_of_a_remark(key):
    assert is_remark(key)
    assert not is_remark(key.replace(".", "_labels.", 1))


@pytest.mark.parametrize(
    "beside",
    ["annotations/x.json", "labels/train/1.txt", "Json_BB/1.json", "train_annotation/1.txt", "gt/1.png", "labels.csv",
     "instances_train.json", "annotations.zip"],
)  # fmt: skip
def test_annotations_that_lie_beside_the_folder_of_images_are_named(store_uri, beside):
    grow(f"{store_uri}/set", {"images/1.png": b"", beside: b"x"})
    found = find_trace_beside(Prefix(f"{store_uri}/set/images"))
    assert found.startswith(f"{beside.partition('/')[0]}, which lies beside images (")
    assert find_trace_beside(Prefix(f"{store_uri}/set")) is None


@pytest.mark.parametrize(
    "beside",
    ["other/x.json", "train/1.jpg", "README_labels_and_more/1.png", "labels.py", "notes.csv", "label.png", ".labels/1.txt",
     "annotations of all of my bags/1.txt", "other/labels/1.txt"],
)  # fmt: skip
def test_what_merely_lies_beside_a_folder_is_no_trace(store_uri, beside):
    grow(f"{store_uri}/set", {"images/1.png": b"", beside: b"x"})
    assert find_trace_beside(Prefix(f"{store_uri}/set/images")) is None


@pytest.mark.parametrize(
    ("folder", "beside"),
    [("images/train", "labels/train/1.txt"), ("Images/day 1", "annotations/1.json"), ("JPEGImages/a", "masks/1.png"),
     ("train/pictures", "annotations/instances_train.json"), ("valid/x", "labels.csv")],
)  # fmt: skip
def test_annotations_beside_the_folder_of_all_images_are_named_too(store_uri, folder, beside):
    grow(f"{store_uri}/set", {f"{folder}/1.png": b"", beside: b"x"})
    found = find_trace_beside(Prefix(f"{store_uri}/set/{folder}"))
    assert found.startswith(f"{beside.partition('/')[0]}, which lies beside {folder.partition('/')[0]} (")


@pytest.mark.parametrize("folder", ["bags/monday", "a/images", "x/train", "images/Benign"])
def test_what_lies_above_any_other_folder_is_not_looked_at(tmp_path, folder):
    grow(str(tmp_path), {f"{folder}/1.png": b"", "labels/1.txt": b"x"})
    assert find_trace_beside(Prefix(str(tmp_path / folder))) is None


def test_masks_beside_the_images_are_named_as_such(tmp_path):
    grow(str(tmp_path), {"images/1.png": b"", "masks/1.png": b""})
    assert find_trace_beside(Prefix(str(tmp_path / "images"))) == (
        "masks, which lies beside images (a folder called as one of masks)"
    )


def test_a_source_of_its_own_annotates_no_folder_beside_it(tmp_path):
    grow(str(tmp_path), {"bags/1.png": b"", "with_labels/1.png": b"", "with_labels/labels.npy": b""})
    assert find_trace_beside(Prefix(str(tmp_path / "bags"))) is None
    grow(str(tmp_path), {"with_labels/2.txt": b""})
    assert "with_labels" in find_trace_beside(Prefix(str(tmp_path / "bags")))


def test_where_nothing_may_be_looked_at_above_nothing_is_found(monkeypatch):
    assert find_trace_beside(Prefix("/")) is None
    assert find_trace_beside(Prefix("s3://bucket")) is None

    def deny(prefix):
        raise AccessDenied("no")

    def fail(prefix):
        raise StorageError("down")

    monkeypatch.setattr(Prefix, "look_into", deny)
    assert find_trace_beside(Prefix("s3://bucket/bags")) is None
    monkeypatch.setattr(Prefix, "look_into", fail)
    with pytest.raises(StorageError, match="down"):
        find_trace_beside(Prefix("s3://bucket/bags"))
