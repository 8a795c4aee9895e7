from collections import Counter

import pytest

from rwsc.sources.pidray import READER
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix

PARTS = ["train", "easy", "hard", "hidden"]


def build(tree, pixels, json_name):
    """Every part numbers its images from 0 and holds one class."""
    for number, part in enumerate(PARTS):
        tree.document |= {"images": [], "annotations": []}
        tree.image(f"{part}/xray_{part}00000.png", pixels(number), id=0)
        tree.document["images"][0]["file_name"] = f"xray_{part}00000.png"
        label = tree.category(f"class of {part}")
        tree.annotation(0, bbox=[1, 2, 3, 4], category_id=label, segmentation=[[1, 2, 4, 2, 4, 6]])
        tree.write(f"annotations/{json_name(part)}")
    (tree.root / "annotations" / "._xray_train.json").write_bytes(b"\0\5\x16\7")


def scans_of(tree):
    listed = list_tree(Prefix(str(tree.root)))
    return {scan.uri.rsplit("/", 1)[1][5:-9]: scan for scan in READER.list_scans(listed, Counter())}


@pytest.mark.parametrize("head", ["xray_", ""])
def test_ids_that_begin_anew_in_each_file_are_not_mixed(tree, pixels, head):
    build(tree, pixels, lambda part: f"{head}train.json" if part == "train" else f"{head}test_{part}.json")
    assert "test_easy.json" in READER.recognise(list_tree(Prefix(str(tree.root))))
    scans = scans_of(tree)
    assert sorted(scans) == sorted(PARTS)
    for part, scan in scans.items():
        assert scan.uri == str(tree.root / f"{part}/xray_{part}00000.png")
        assert [thing.label for thing in scan.objects] == [f"class of {part}"]
        assert (scan.dataset, scan.kind) == ("PIDray", "threat")
        assert (scan.split, scan.subset) == (("train", None) if part == "train" else ("test", part))


def test_an_image_without_annotations_is_not_taken_for_a_clean_bag(tree):
    tree.image("train/a.png")
    tree.write("annotations/xray_train.json")
    (scan,) = READER.list_scans(list_tree(Prefix(str(tree.root))), Counter())
    assert (scan.kind, scan.flags) == ("threat", ("no_annotation",))


def test_a_damaged_part_costs_one_row(tree, pixels):
    build(tree, pixels, lambda part: "xray_train.json" if part == "train" else f"xray_test_{part}.json")
    (tree.root / "annotations/xray_test_hard.json").write_text('{"images": [[[[')
    scans = list(READER.list_scans(list_tree(Prefix(str(tree.root))), Counter()))
    assert [scan.problem is None for scan in scans] == [True, True, True, False]
    assert scans[-1].uri == str(tree.root / "annotations/xray_test_hard.json")


@pytest.mark.parametrize("name", ["annotations/train.json", "annotations/instances_train.json", "xray.json"])
def test_other_coco_files_are_not_claimed(tree, name):
    tree.image("a.png")
    tree.write(name)
    assert READER.recognise(list_tree(Prefix(str(tree.root)))) is None
