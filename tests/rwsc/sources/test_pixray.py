from collections import Counter

import pytest

from rwsc.errors import SourceError
from rwsc.sources.pixray import READER
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix


def test_each_split_has_its_file_and_its_folder(tree, pixels):
    for number, split in enumerate(["train", "test"]):
        tree.document |= {"images": [], "annotations": []}
        tree.image(f"{split}/{number}.jpg", pixels(number))
        tree.document["images"][0]["file_name"] = f"{number}.jpg"
        tree.annotation(1, bbox=[1, 2, 3, 4], category_id=tree.category("Saw_blade"))
        tree.write(f"annotations/pixray_{split}.json")
    listed = list_tree(Prefix(str(tree.root)))
    assert READER.recognise(listed) == "annotations/pixray_test.json, annotations/pixray_train.json"
    test, train = READER.list_scans(listed, Counter())
    assert (test.split, test.dataset, test.kind) == ("test", "PIXray", "threat")
    assert train.uri == str(tree.root / "train/0.jpg")
    assert [thing.label for thing in train.objects] == ["Saw_blade"]


def test_a_damaged_record_costs_one_row(tree):
    tree.annotation(tree.image("a.jpg"), bbox=[0, 0, "wide", 5])
    tree.annotation(tree.image("../../etc/passwd"), bbox=[0, 0, 5, 5])
    tree.annotation(tree.image("b.jpg"), bbox=[0, 0, 5, 5])
    tree.write("annotations/pixray_train.json")
    b, a, escape = READER.list_scans(list_tree(Prefix(str(tree.root))), Counter())
    assert b.problem is None
    assert "bbox" in a.problem
    assert escape.uri is None


def test_other_sources_are_not_claimed(tree):
    tree.image("a.png")
    tree.write("annotations/instances_train.json")
    listed = list_tree(Prefix(str(tree.root)))
    assert READER.recognise(listed) is None
    with pytest.raises(SourceError, match="no COCO annotation file of the layout 'pixray'"):
        READER.list_scans(listed, Counter())
