from collections import Counter

import pytest

from rwsc.errors import SourceError
from rwsc.sources.folder import READER, find_doubt
from rwsc.sources.tree import SourceTree, list_tree
from rwsc.storage.prefix import Prefix


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_bytes(b"")
    return list_tree(Prefix(str(root)))


def test_images_are_sorted_harmless_and_free_of_litter(tmp_path):
    tree = put(
        tmp_path, "b.png", "a.tiff", "sub/c.jpeg", "._a.png", "__MACOSX/a.png", ".hidden/a.png", "Thumbs.db", "d.csv"
    )  # fmt: skip
    assert READER.recognise(tree) == "a.tiff"
    scans = list(READER.list_scans(tree, Counter()))
    assert [scan.uri.removeprefix(f"{tmp_path}/") for scan in scans] == ["a.tiff", "b.png", "sub/c.jpeg"]
    assert {scan.kind for scan in scans} == {"benign"}


def test_a_folder_without_images_is_refused(tmp_path):
    tree = put(tmp_path, "readme.md")
    assert READER.recognise(tree) is None
    with pytest.raises(SourceError, match="no images below"):
        READER.list_scans(tree, Counter())


@pytest.mark.parametrize(
    "name", ["deep/1.xml", "deep/1.JSON", "deep/1.txt", "deep/1.mat", "1.xml", "x/1.csv", "labels/7.txt"]
)
def test_images_with_annotations_that_nobody_knows_are_not_taken_for_harmless_bags(tmp_path, name):
    tree = put(tmp_path, "a.png", "deep/1.jpg", name)
    assert READER.recognise(tree) is None
    assert len(list(READER.list_scans(tree, Counter()))) == 2


def test_remarks_beside_images_are_no_annotations(tmp_path):
    assert (
        READER.recognise(put(tmp_path, "deep/1.jpg", "deep/readme.txt", "2.xml", "deep/2.csv"))
        == "deep/1.jpg"
    )


def test_a_name_that_no_store_can_hold_is_a_problem_of_its_row():
    tree = SourceTree(Prefix("/nowhere"), {"": ["a\nb.png", "c.png"]}, 0)
    odd, plain = READER.list_scans(tree, Counter())
    assert (odd.uri, plain.uri) == (None, "/nowhere/c.png")
    assert "cannot be an address" in odd.problem


def test_images_beside_annotations_are_not_taken_for_harmless_bags(tmp_path):
    put(tmp_path, "set/annotations/x.json", "set/images/a.png")
    tree = list_tree(Prefix(str(tmp_path / "set" / "images")))
    assert READER.recognise(tree) is None
    assert "annotations, which lies beside images (" in find_doubt(tree).matter
    assert "give the folder above" in find_doubt(tree).remedy


@pytest.mark.parametrize("folder", ["gun", "x/Folding_Knife/y", "Scissors"])
def test_folders_called_as_classes_are_not_taken_for_harmless_bags(tmp_path, folder):
    tree = put(tmp_path, f"{folder}/a.png", "normal/b.png")
    assert READER.recognise(tree) is None
    assert "is called as a class of items that scans are searched for" in find_doubt(tree).matter
    assert "--layout items" in find_doubt(tree).remedy
    assert READER.recognise(tree.below("normal")) == "b.png"
    assert len(list(READER.list_scans(tree, Counter()))) == 2


def test_the_folder_itself_may_be_called_as_a_class(tmp_path):
    assert "'pistols'" in find_doubt(put(tmp_path / "pistols", "a.png")).matter
    assert find_doubt(put(tmp_path / "guns and bags", "a.png")) is None


@pytest.mark.parametrize("folder", ["threat", "x/Positives", "prohibited_items"])
def test_folders_called_as_those_of_positives_are_not_taken_for_harmless_bags(tmp_path, folder):
    tree = put(tmp_path, f"{folder}/a.png", "benign/b.png")
    assert READER.recognise(tree) is None
    assert "is called as one of scans with items in them" in find_doubt(tree).matter
    assert READER.recognise(tree.below("benign")) == "b.png"


def test_a_class_named_folder_without_images_raises_no_doubt(tmp_path):
    assert find_doubt(put(tmp_path / "bags", "a.png", "knife/readme.md")) is None
    assert find_doubt(put(tmp_path / "none", "gun/readme.md")) is None


def test_images_beside_masks_are_not_taken_for_harmless_bags_nor_the_masks(tmp_path):
    tree = put(tmp_path / "set", "images/1.jpg", "masks/1.png")
    assert READER.recognise(tree) is None
    assert find_doubt(tree).matter == (
        "its images may be annotated: masks/1.png (in a folder called as one of masks)"
    )
    assert "masks are read as COCO has them" in find_doubt(tree).remedy
    assert "masks, which lies beside images" in find_doubt(tree.below("images")).matter
    assert "in a folder called as one of masks" in find_doubt(tree.below("masks")).matter
    assert len(list(READER.list_scans(tree, Counter()))) == 2
