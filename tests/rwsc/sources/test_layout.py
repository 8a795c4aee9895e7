from collections import Counter

import pytest

from rwsc.errors import ObjectMissing, SourceError
from rwsc.sources.layout import coco_files, open_source, split_of


def names(path, layout=None):
    return [scan.uri.rsplit("/", 1)[1] for scan in open_source(str(path), layout=layout, dropped=Counter())]


@pytest.mark.parametrize(
    "json_name",
    ["annotations.json", "_annotations.coco.json", "instances_val.json", "annotations/instances_train.json",
     "annotations/xray_train.json", "train/_annotations.coco.json"],
)  # fmt: skip
def test_a_folder_with_a_coco_file_is_recognised(tree, json_name):
    tree.image("only_in_json.png")
    assert coco_files(str(tree.root)) == []
    path = tree.write(json_name)
    assert coco_files(str(tree.root)) == [path]
    assert names(tree.root) == ["only_in_json.png"]


def test_a_json_file_is_taken_for_itself_whatever_its_name(tree):
    tree.image("a.png")
    assert names(tree.write("my boxes.json")) == ["a.png"]


def test_several_coco_files_are_read_in_the_order_of_their_names(tree):
    tree.image("a.png")
    later = tree.write("annotations/xray_train.json")
    first = tree.write("annotations/xray_test_easy.json")
    assert coco_files(str(tree.root)) == [first, later]
    assert [scan.split for scan in open_source(str(tree.root), layout=None, dropped=Counter())] == [
        "test",
        "train",
    ]


def test_captions_and_litter_beside_instances_are_left_alone(tree):
    tree.image("a.png")
    path = tree.write("annotations/instances_val.json")
    (tree.root / "annotations/captions_val.json").write_text("{}")
    (tree.root / "annotations/._instances_val.json").write_bytes(b"\0\5\x16\7")
    assert coco_files(str(tree.root)) == [path]


def test_a_folder_without_annotations_is_a_folder_of_images(tree, pixels):
    tree.image("z.png", pixels(0))
    tree.image("deep/er/a.JPG", pixels(1))
    (tree.root / "notes.txt").write_text("hello")
    (tree.root / "settings.json").write_text("{}")
    assert names(tree.root) == ["a.JPG", "z.png"]


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
    with pytest.raises(SourceError, match="unknown layout 'yolo'"):
        names(tree.root, "yolo")


def test_nothing_at_the_address_says_so(tmp_path):
    with pytest.raises(ObjectMissing, match="nothing at"):
        names(tmp_path / "absent")
    with pytest.raises(ObjectMissing, match="nothing at"):
        names(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("uri", "split"),
    [("/d/annotations/instances_train2017.json", "train"), ("/d/xray_test_easy.json", "test"),
     ("/d/valid/_annotations.coco.json", "val"), ("s3://b/annotations.json", None),
     ("/d/trainset.json", None)],
)  # fmt: skip
def test_a_split_is_read_from_the_name(uri, split):
    assert split_of(uri) == split
