import pytest

from rwsc.sources.coco_files import coco_keys, coco_keys_by_content, image_folders, json_files, split_of
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix

COCO = '{"images": []}'


@pytest.fixture
def listed(tmp_path):
    """Makes a source of files with these texts, and lists it."""

    def write(files):
        for key, text in files.items():
            path = tmp_path / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("latin-1"))
        return list_tree(Prefix(str(tmp_path)))

    return write


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["annotations.json", "annotations/a.json"], ["annotations.json"]),
        (["_annotations.coco.json", "train/_annotations.coco.json"], ["_annotations.coco.json"]),
        (
            ["Annotations/b.json", "Annotations/a.json", "instances_x.json"],
            ["Annotations/a.json", "Annotations/b.json"],
        ),
        (
            ["annotations/captions_val.json", "annotations/instances_val.json"],
            ["annotations/instances_val.json"],
        ),
        (
            ["valid/_annotations.coco.json", "test/_annotations.coco.json", "instances_x.json"],
            ["valid/_annotations.coco.json", "test/_annotations.coco.json"],
        ),
        (["instances_x.json", "other.json"], ["instances_x.json"]),
        (["Annotations.JSON"], ["Annotations.JSON"]),
        (["Train/_Annotations.coco.json"], ["Train/_Annotations.coco.json"]),
        (["annotations/Captions.json", "annotations/Instances_a.json"], ["annotations/Instances_a.json"]),
        (["Instances_X.json", "other.json"], ["Instances_X.json"]),
        (["other.json", "annotations/a.txt"], []),
    ],
)
def test_files_are_found_by_name_the_surest_first(listed, keys, chosen):
    assert coco_keys(listed(dict.fromkeys(keys, COCO))) == chosen


@pytest.mark.parametrize(
    ("text", "is_coco"),
    [(COCO, True), ("\xef\xbb\xbf \n" + COCO, True), ("\0damaged", True), ('{"shapes": [], "imagePath": "a"}', False),
     ("[]", False)],
)  # fmt: skip
def test_a_folder_of_annotations_is_told_by_the_first_bytes_of_its_files(listed, text, is_coco):
    assert coco_keys(listed({"annotations/a.json": text})) == ["annotations/a.json"] * is_coco


WHOLE = '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}'
LONG = '{"annotations": [' + '{"bbox": [1, 2, 3, 4]}, ' * 10_000 + '{}], "images": [{"file_name": "a.png"}]}'


@pytest.mark.parametrize(
    "key", ["train.json", "labels.JSON", "labels/x.json", "train/all.json", "Val2017/x.json"]
)
@pytest.mark.parametrize("text", [WHOLE, LONG])
def test_a_file_of_any_name_is_told_by_its_ends(listed, key, text):
    assert coco_keys(listed({key: text})) == []
    assert coco_keys_by_content(listed({key: text, "x.json": "{}"})) == [key]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"images": 4, "categories": []}', '{"shapes": []}', '{"categories": [], "items": []}',
             '[{"image": "a.png", "annotations": []}]', COCO],
)  # fmt: skip
def test_what_holds_no_images_or_no_annotations_is_not_taken_for_coco(listed, text):
    assert coco_keys_by_content(listed({"x.json": text})) == []


def test_files_by_the_hundred_are_one_images_each(listed):
    assert coco_keys_by_content(listed({f"{number}.json": WHOLE for number in range(30)})) != []
    assert coco_keys_by_content(listed({f"{number}.json": WHOLE for number in range(31)})) == []


@pytest.mark.parametrize(
    ("key", "split"),
    [("instances_train2017.json", "train"), ("s3://b/Valid.json", "val"), ("xray_test_easy.json", "test"),
     ("valid/_annotations.coco.json", "val"), ("odd/_annotations.coco.json", None), ("train/all.json", None),
     ("trainer.json", None)],
)  # fmt: skip
def test_a_split_is_read_out_of_a_name(key, split):
    assert split_of(key) == split


def test_json_files_match_by_their_whole_name_in_any_case(listed):
    tree = listed(dict.fromkeys(["Annotation/Part_A.JSON", "Annotation/part_ab.json", "part_b.json"], COCO))
    assert [(key, match["name"]) for key, match in json_files(tree, "part_(?P<name>[a-z])")] == [
        ("Annotation/Part_A.JSON", "A")
    ]
    assert [key for key, _ in json_files(tree, "part_b")] == ["part_b.json"]
    assert json_files(tree, "part") == []


def test_folders_of_images_are_found_in_any_case_in_the_root_in_images_and_in_test(listed):
    tree = listed(dict.fromkeys(["TRAIN/a.png", "Images/train/a.png", "test/easy/a.png"], ""))
    assert image_folders(tree, "train", "easy") == ("TRAIN", "Images/train", "test/easy")
    assert image_folders(tree, "hard") == ()


def test_nested_folders_of_annotations_and_splits_are_looked_in_where_nothing_is_nearer(listed):
    nested = {
        "val/annotations/x.json": WHOLE,
        "annotations/coco/train.json": WHOLE,
        "other/annotations/y.json": WHOLE,
    }
    assert coco_keys_by_content(listed(nested)) == ["annotations/coco/train.json", "val/annotations/x.json"]
    assert coco_keys_by_content(listed({"z.json": WHOLE})) == ["z.json"]
