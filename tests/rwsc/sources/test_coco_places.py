import pytest

from rwsc.sources.coco_files import CocoFile
from rwsc.sources.coco_places import ImageRoot, UnlistedFolder, find_image_root, key_inside
from rwsc.sources.tree import SourceTree, list_tree
from rwsc.storage.prefix import Prefix


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b.png",
        "..\\..\\b.png",
        "C:\\b.png",
        "..",
        "a\0b.png",
        ".",
        "",
    ],
)
def test_a_name_that_leaves_the_folder_is_no_key(name, tmp_path):
    assert key_inside(name) is None
    assert UnlistedFolder(Prefix(str(tmp_path))).uri_of(name) is None
    assert ImageRoot("images", is_flat=True, is_found=True).key_of(name) is None


def test_a_file_name_is_normalised_inside_the_folder():
    assert key_inside("./a//b/../c.png") == "a/c.png"
    assert key_inside("a\\b.png") == "a/b.png"


def test_an_unlisted_folder_is_asked_name_by_name(tmp_path):
    (tmp_path / "a.png").write_bytes(b"image")
    folder = UnlistedFolder(Prefix(str(tmp_path)))
    assert (folder.has("a.png"), folder.has("b.png"), folder.has("../a.png")) == (True, False, False)
    assert folder.uri_of("./a.png") == str(tmp_path / "a.png")
    assert folder.uri_of("a\nb.png") is None
    assert folder.read("a.png") == b"image"


def root_of(files, names, key="annotations/instances_train2017.json", **file):
    listing: dict[str, list[str]] = {}
    for path in sorted(files):
        folder, _, name = path.rpartition("/")
        listing.setdefault(folder, []).append(name)
    return find_image_root(SourceTree(Prefix("/source"), listing, 0), CocoFile(key=key, **file), names)


@pytest.mark.parametrize(
    "folder", ["annotations", "train2017", "images", "images/train2017", "instances_train2017", ""]
)
def test_images_are_found_near_a_folder_of_annotations(folder):
    root = root_of([f"{folder}/a.png".lstrip("/")], ["a.png"])
    assert root == ImageRoot(folder, is_flat=False, is_found=True)
    assert root.key_of("a.png") == f"{folder}/a.png".lstrip("/")


def test_folders_that_the_layout_knows_go_before_the_usual_ones():
    files = ["images/a.png", "odd/place/a.png"]
    assert root_of(files, ["a.png"]).folder == "images"
    assert root_of(files, ["a.png"], image_folders=("odd/place",)).folder == "odd/place"


@pytest.mark.parametrize("split", ["train", None])
def test_the_folder_with_most_of_the_images_is_taken_and_on_equal_numbers_the_splits_own(split):
    key = "annotations/train.json"
    files = ["images/1.jpg", "train/1.jpg", "train/2.jpg", "test/1.jpg"]
    assert root_of(files, ["1.jpg", "2.jpg"], key, split=split).folder == "train"
    assert root_of([*files, "images/2.jpg"], ["1.jpg", "2.jpg"], key, split=split).folder == "train"
    assert root_of([*files, "images/2.jpg"], ["1.jpg", "2.jpg"], "annotations/all.json").folder == "images"
    assert root_of(["valid/1.jpg", "images/1.jpg"], ["1.jpg"], "labels/x.json", split="val").folder == "valid"


def test_images_are_asked_for_all_along_the_list():
    names = [f"{number}.jpg" for number in range(1000)]
    files = [f"images/{name}" for name in names[:200]] + [f"train/{name}" for name in names]
    assert root_of(files, names, "annotations/x.json").folder == "train"
    assert root_of(files, names, "annotations/train.json").folder == "train"
    assert (
        root_of([*files[:200], *(f"all/{name}" for name in names)], names, "annotations/all.json").folder
        == "all"
    )


def test_folders_are_found_whatever_their_case():
    assert root_of(["Train/a.png"], ["a.png"], "annotations/instances_train.json").folder == "Train"
    assert root_of(["Images/VAL/a.png"], ["a.png"], "annotations/x.json", split="val").folder == "Images/VAL"


def test_a_folder_of_any_name_nearby_is_taken_if_there_is_but_one():
    assert root_of(["data/a.png"], ["a.png"], "labels.json").folder == "data"
    assert root_of(["pictures/a.png"], ["a.png"], "labels/x.json").folder == "pictures"
    assert not root_of(["one/a.png", "two/a.png"], ["a.png"], "x.json").is_found
    assert not root_of(["one/a.png"], ["a.png", "b.png", "c.png"], "x.json").is_found
    assert (
        root_of(["images/a.png", "one/a.png", "one/b.png"], ["a.png", "b.png", "c.png"], "x.json").folder
        == "one"
    )


def test_folders_in_names_that_are_not_there_are_left_away():
    names = ["old/place/a.png", "old/place/b.png"]
    assert root_of(["train/b.png"], names, "annotations/xray_train.json") == ImageRoot("train", True, True)
    assert root_of(["train/old/place/b.png", "b.png"], names, "annotations/xray_train.json") == ImageRoot(
        "train", False, True
    )


def test_where_no_image_is_found_names_count_from_the_jsons_folder():
    assert root_of(["x/y/z/a.png"], ["a.png", "../b.png"]) == ImageRoot("annotations", False, False)
    assert root_of(["b.png"], ["../b.png"], "all.json") == ImageRoot("", False, False)


def test_a_folder_that_nobody_has_listed_is_asked_for_a_few_images_only(tmp_path):
    names = [f"{number}.png" for number in range(10)]
    (tmp_path / "images").mkdir()
    (tmp_path / "images/9.png").touch()
    file = CocoFile(key="all.json")
    prefix = Prefix(str(tmp_path))
    assert not find_image_root(UnlistedFolder(prefix), file, names).is_found
    assert find_image_root(list_tree(prefix), file, names) == ImageRoot("images", False, True)
