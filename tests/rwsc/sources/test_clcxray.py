from collections import Counter

import pytest

from rwsc.sources.clcxray import READER
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix

CLASSES = ["blade", "dagger", "knife", "scissors", "swiss army knife", "cans", "carton drinks",
           "glass_bottle", "Plastic-Bottle", "vacuum cup", "spray cans", "tin"]  # fmt: skip


def build(tree, pixels, classes=CLASSES):
    tree.document["categories"] = []
    for name in classes:
        tree.category(name)
    for number, split in enumerate(["train", "val", "test"]):
        tree.document |= {"images": [], "annotations": []}
        tree.image(f"{split}2017/{number}.jpg", pixels(number))
        tree.document["images"][0]["file_name"] = f"{number}.jpg"
        tree.annotation(1, bbox=[1, 2, 3, 4], category_id=len(classes), segmentation=[])
        tree.document = {"info": {}, **tree.document}
        tree.write(f"annotations/instances_{split}2017.json")


def test_it_is_told_from_other_coco_files_by_its_classes(tree, pixels):
    build(tree, pixels)
    listed = list_tree(Prefix(str(tree.root)))
    assert READER.recognise(listed).startswith("annotations/instances_test2017.json")
    scans = list(READER.list_scans(listed, Counter()))
    assert [(scan.split, scan.uri) for scan in scans] == [
        (split, str(tree.root / f"{split}2017/{number}.jpg"))
        for split, number in (("test", 2), ("train", 0), ("val", 1))
    ]
    assert {(scan.dataset, scan.objects[0].label) for scan in scans} == {("CLCXray", "tin")}


def test_other_classes_are_not_claimed_unless_the_folder_is_named_so(tree, pixels, tmp_path):
    build(tree, pixels, ["person", "knife", "scissors", "bottle"])
    assert READER.recognise(list_tree(Prefix(str(tree.root)))) is None
    tree.root.rename(tmp_path / "CLCXray_v1")
    assert READER.recognise(list_tree(Prefix(str(tmp_path / "CLCXray_v1")))) is not None


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b'{"images": [{"id": 1}', b"[" * 200_000])
def test_a_damaged_file_costs_one_row(tree, pixels, content):
    build(tree, pixels)
    (tree.root / "annotations/instances_val2017.json").write_bytes(content)
    scans = list(READER.list_scans(list_tree(Prefix(str(tree.root))), Counter()))
    assert [scan.problem is None for scan in scans] == [True, True, False]
