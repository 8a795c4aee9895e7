import json
from collections import Counter

import pytest

from rwsc.errors import ObjectMissing, SourceError
from rwsc.sources.layout import READERS, open_source, recognise
from rwsc.sources.settings import LAYOUTS
from rwsc.storage.prefix import Prefix


def names(path, layout=None):
    return [scan.uri.rsplit("/", 1)[1] for scan in open_source(str(path), layout=layout, dropped=Counter())]


def layout_of(path):
    return recognise(str(path)).reader.layout


def test_the_names_that_settings_know_are_those_of_the_readers():
    assert tuple(reader.layout for reader in READERS) == LAYOUTS
    assert LAYOUTS[-1] == "folder"


@pytest.mark.parametrize(
    "json_name",
    ["annotations.json", "_annotations.coco.json", "instances_val.json", "annotations/instances_train.json",
     "annotations/boxes_train.json", "train/_annotations.coco.json"],
)  # fmt: skip
def test_a_folder_with_a_coco_file_is_recognised(tree, pixels, json_name):
    tree.image("in_folder.png", pixels(0))
    assert layout_of(tree.root) == "folder"
    tree.write(json_name)
    assert layout_of(tree.root) == "coco"
    assert json_name in recognise(str(tree.root)).why


def test_a_json_file_is_taken_for_itself_whatever_its_name(tree):
    tree.image("a.png")
    path = tree.write("my boxes.json")
    assert names(path) == ["a.png"]
    assert recognise(path).is_file
    with pytest.raises(SourceError, match="is one file, which is read as coco, not as voc"):
        recognise(path, "voc")


def test_a_folder_without_annotations_is_a_folder_of_images(tree, pixels):
    tree.image("z.png", pixels(0))
    tree.image("deep/er/a.JPG", pixels(1))
    (tree.root / "notes.txt").write_text("hello")
    (tree.root / "settings.json").write_text("{}")
    assert sorted(names(tree.root)) == ["a.JPG", "z.png"]


def test_a_layout_can_be_forced(tree, pixels):
    tree.image("a.png", pixels(0))
    tree.image("listed_only.png")
    tree.write()
    assert names(tree.root, "folder") == ["a.png"]
    assert names(tree.root, "coco") == ["a.png", "listed_only.png"]


def test_a_forced_layout_that_is_not_there_is_refused(tree, pixels):
    tree.image("a.png", pixels(0))
    with pytest.raises(SourceError, match="no COCO annotation file"):
        names(tree.root, "coco")
    with pytest.raises(SourceError, match="unknown layout 'opix'; did you mean 'opixray'") as caught:
        names(tree.root, "opix")
    assert all(name in caught.value.remedy for name in LAYOUTS)


def test_nothing_at_the_address_says_so(tmp_path):
    with pytest.raises(ObjectMissing, match="nothing at"):
        names(tmp_path / "absent")
    with pytest.raises(ObjectMissing, match="nothing at"):
        names(tmp_path / "absent.json")


def test_what_is_not_recognised_is_described(tmp_path):
    for name in ("a/x.tar", "a/y.tar", "b/z.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        SourceError, match=r"no layout is recognised .*files 2 \.tar, 1 \.mp4; folders a, b"
    ) as caught:
        recognise(str(tmp_path))
    assert "sixray" in caught.value.remedy
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="the folder is empty"):
        recognise(str(tmp_path / "empty"))


def opixray(folder: Prefix):
    for split in ("train", "test"):
        folder.write(f"{split}/{split}_image/009.jpg", b"")
        folder.write(f"{split}/{split}_annotation/009.txt", b"009.jpg Scissor 1 2 3 4\n")
        folder.write(f"{split}/{split}_knife.txt", b"009\n")


@pytest.mark.parametrize("nesting", ["", "OPIXray", "OPIXray/OPIXray"])
def test_a_dataset_is_recognised_through_folders_that_hold_nothing_else(store_uri, nesting):
    opixray(Prefix(store_uri).child(nesting) if nesting else Prefix(store_uri))
    found = recognise(store_uri)
    assert found.reader.layout == "opixray"
    scans = list(found.list_scans(Counter()))
    assert [(scan.split, scan.dataset) for scan in scans] == [("train", "OPIXray"), ("test", "OPIXray")] or {
        scan.split for scan in scans
    } == {"train", "test"}
    assert all(scan.uri.startswith(store_uri) for scan in scans)


def test_the_layout_of_one_dataset_goes_before_the_general_one(tmp_path):
    root = Prefix(str(tmp_path))
    document = {
        "images": [{"id": 0, "file_name": "xray_00001.png", "width": 4, "height": 4}],
        "annotations": [],
        "categories": [{"id": 1, "name": "Baton"}],
    }
    root.write("annotations/xray_train.json", json.dumps(document).encode())
    root.write("train/xray_00001.png", b"")
    assert layout_of(tmp_path) == "pidray"
