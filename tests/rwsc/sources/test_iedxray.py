from collections import Counter

from rwsc.sources.iedxray import READER
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix


def build(tree, pixels):
    for number, split in enumerate(["Train", "Test"]):
        tree.document |= {"images": [], "annotations": []}
        tree.image(f"{split}/{number}.png", pixels(number))
        tree.image(f"{split}/clean{number}.png", pixels(number + 7))
        for image in tree.document["images"]:
            image["file_name"] = image["file_name"].split("/")[1]
        tree.annotation(1, bbox=[1, 2, 3, 4], category_id=tree.category("IED"))
        tree.write(f"annotations/complete_{split.lower()}.json")


def test_folders_are_found_whatever_their_case(tree, pixels):
    build(tree, pixels)
    listed = list_tree(Prefix(str(tree.root)))
    assert READER.recognise(listed) == "annotations/complete_test.json, annotations/complete_train.json"
    scans = list(READER.list_scans(listed, Counter()))
    assert [(scan.uri.removeprefix(f"{tree.root}/"), scan.split, scan.kind) for scan in scans] == [
        ("Test/1.png", "test", "threat"),
        ("Train/0.png", "train", "threat"),
        ("Test/clean1.png", "test", "benign"),
        ("Train/clean0.png", "train", "benign"),
    ]
    assert {scan.dataset for scan in scans} == {"IEDXray"}


def test_files_of_the_same_name_without_the_folders_are_not_claimed(tree):
    tree.image("a.png")
    tree.write("annotations/complete_train.json")
    assert READER.recognise(list_tree(Prefix(str(tree.root)))) is None


def test_a_damaged_file_costs_one_row(tree, pixels):
    build(tree, pixels)
    (tree.root / "annotations/complete_train.json").write_bytes(b"\xff\xfe{")
    scans = list(READER.list_scans(list_tree(Prefix(str(tree.root))), Counter()))
    assert [scan.problem is None for scan in scans] == [True, True, False]
