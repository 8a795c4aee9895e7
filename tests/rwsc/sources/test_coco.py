import json
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.errors import AccessDenied, SourceError
from rwsc.sources.coco import READER, read_coco
from rwsc.sources.tree import MAX_ANNOTATION_BYTES, list_tree
from rwsc.storage.prefix import Prefix


def read(tree, **options):
    return list(read_coco(tree.write(), **options))


def test_annotated_images_come_first_and_bring_their_annotations(tree):
    first, second = tree.image("b.png"), tree.image("a.png")
    tree.annotation(second, bbox=[1, 2, 3, 4], category_id=2)
    scans = read(tree)
    assert [scan.uri.rsplit("/", 1)[1] for scan in scans] == ["a.png", "b.png"]
    assert [thing.label for thing in scans[0].objects] == ["knife"]
    assert scans[0].objects[0].bbox_xywh == (1, 2, 3, 4)
    assert scans[1].objects == ()
    assert first != second


def test_a_file_without_annotations_does_not_declare_its_scans_harmless(tmp_path):
    (tmp_path / "hidden.json").write_text('{"images": [{"id": 1, "file_name": "a.png"}], "categories": []}')
    with pytest.raises(SourceError, match="has no 'annotations', so nobody can tell"):
        list(read_coco(str(tmp_path / "hidden.json")))


def test_annotations_of_unknown_images_and_categories_are_counted(tree):
    image_id = tree.image("a.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], category_id=77)
    tree.annotation(4711, bbox=[0, 0, 5, 5])
    tree.annotation(4711, bbox=[0, 0, 5, 5])
    dropped = Counter()
    (scan,) = read(tree, dropped=dropped)
    assert dropped == {"annotation of an unknown image": 2, "annotation of an unknown category": 1}
    assert scan.objects == ()


@pytest.mark.parametrize("place", ["train2017", "images", "images/train2017", "."])
def test_images_beside_a_folder_of_annotations_are_found(tree, pixels, place):
    tree.image("a.png", pixels(0))
    target = tree.root / place / "a.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    (tree.root / "a.png").rename(target)
    (scan,) = read_coco(tree.write("annotations/instances_train2017.json"))
    assert scan.uri == str(target)


def test_a_stated_split_goes_before_the_files(tree):
    tree.image("a.png", split="test")
    tree.image("b.png")
    assert [scan.split for scan in read(tree, split="train")] == ["test", "train"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\xff\xfe", "not JSON"),
        ("[]", "top level is a list"),
        ("7", "top level is a number"),
        ("{}", "has no 'images'"),
        ('{"images": []}', "lists no images"),
        ('{"images": {}}', "'images' is an object, not a list"),
        ("[" * 100_000, "nested too deeply"),
        ('{"images": [{"id": 1, "file_name": "a"}], "annotations": 3}', "'annotations' is a number, not a list"),
        ('{"images": [{"id": 1, "file_name": "a"}], "annotations": [], "categories": {}}', "not a list"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "annotations.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError, match=message) as caught:
        list(read_coco(str(path)))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("3", r"images[0] is a number"),
        ("null", r"images[0] is null"),
        ('{"id": 1}', "'file_name' should be text"),
        ('{"id": 1, "file_name": ""}', "'file_name' should be text"),
        ('{"file_name": "a"}', "'id' should be"),
        ('{"id": 1.5, "file_name": "a"}', "'id' should be"),
        ('{"id": true, "file_name": "a"}', "'id' should be"),
        ('{"id": null, "file_name": "a"}', "'id' should be"),
        ('{"id": [], "file_name": "a"}', "'id' should be"),
        ('{"id": 1, "file_name": "a", "width": NaN}', "'width' should be a finite number"),
        ('{"id": 1, "file_name": "a", "width": 1e999}', "'width' should be a finite number"),
        ('{"id": 1, "file_name": "a", "width": 1' + "0" * 5000 + "}", "'width' should be a finite number"),
        ('{"id": 1, "file_name": "a", "group": {}}', "'group' should be text"),
        ('{"id": 1, "file_name": "a", "kind": "odd"}', "kind is 'odd'"),
        ('{"id": 1, "file_name": "a\\ud800"}', "valid Unicode"),
        ('{"id": 1, "file_name": "\xe9.png"}', "valid Unicode"),
        ('{"id": 1, "file_name": "../../etc/passwd"}', "out of the folder"),
        ('{"id": 1, "file_name": "a", "modality": ' + "[" * 500 + "]" * 500 + "}", "'modality' should be text"),
    ],
)  # fmt: skip
def test_a_damaged_image_costs_its_own_row(tmp_path, record, message):
    sound = '{"id": 99, "file_name": "sound.png"}'
    text = f'{{"images": [{record}, {sound}], "annotations": [], "categories": []}}'
    (tmp_path / "annotations.json").write_bytes(text.encode("latin-1"))
    damaged, other = sorted(read_coco(str(tmp_path / "annotations.json")), key=lambda scan: not scan.problem)
    assert message in damaged.problem
    assert "\n" not in damaged.problem
    assert damaged.kind == "threat"
    assert (other.uri, other.problem) == (str(tmp_path / "sound.png"), None)


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("../../etc/passwd"),
    st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=3), st.none()), max_size=5),
    st.dictionaries(st.sampled_from(["size", "counts", "id"]), st.integers(), max_size=2),
)  # fmt: skip
IMAGES = st.dictionaries(st.sampled_from(["id", "file_name", "kind", "width", "license", "group"]), ODD)
ANNOTATIONS = st.dictionaries(
    st.sampled_from(["image_id", "category_id", "bbox", "segmentation", "mask_file", "iscrowd"]), ODD
)
CATEGORIES = st.dictionaries(st.sampled_from(["id", "name"]), ODD)


@given(
    st.lists(IMAGES | ODD, max_size=4), st.lists(ANNOTATIONS | ODD, max_size=4),
    st.lists(CATEGORIES | ODD, max_size=3), st.lists(CATEGORIES | ODD, max_size=2) | ODD,
)  # fmt: skip
def test_whatever_the_records_hold_every_image_is_one_row(
    tmp_path_factory, images, annotations, categories, licences
):
    sound = {"id": "sound", "file_name": "sound.png"}
    annotations = [
        *annotations,
        {"image_id": "sound", "category_id": 1},
    ]  # where none has an image, the file is refused
    document = {
        "images": [*images, sound], "annotations": annotations, "categories": categories, "licenses": licences
    }  # fmt: skip
    path = tmp_path_factory.getbasetemp() / "fuzz" / "annotations.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))
    scans = list(read_coco(str(path)))
    assert len(scans) == len(images) + 1
    assert all(scan.uri is None or scan.uri.startswith(f"{path.parent}/") for scan in scans)


def listed(root, *, dropped=None):
    counts = Counter() if dropped is None else dropped
    return list(READER.list_scans(list_tree(Prefix(str(root))), counts))


def test_files_that_list_the_same_images_are_joined(tree, pixels):
    for number, name in enumerate(["both.png", "gun.png", "knife.png", "none.png"]):
        tree.image(f"images/{name}", pixels(number))
    images = tree.document["images"]
    for image in images:
        image["file_name"] = image["file_name"].removeprefix("images/")
    tree.annotation(1, bbox=[0, 0, 5, 5])
    tree.annotation(2, bbox=[0, 0, 6, 6])
    tree.write("annotations/guns.json")
    # The second file numbers the images from the other end, and repeats one annotation of the first.
    tree.document["images"] = [{**image, "id": 5 - image["id"]} for image in images]
    tree.document["annotations"] = []
    tree.annotation(4, bbox=[0, 0, 5, 5])
    tree.annotation(4, bbox=[1, 1, 5, 5], category_id=2)
    tree.annotation(2, bbox=[0, 0, 7, 7], category_id=2)
    tree.write("annotations/knives.json")
    dropped = Counter()
    found = {
        scan.uri.rsplit("/", 1)[1]: (scan.kind, [thing.label for thing in scan.objects])
        for scan in listed(tree.root, dropped=dropped)
    }
    assert found == {
        "both.png": ("threat", ["gun", "knife"]),
        "gun.png": ("threat", ["gun"]),
        "knife.png": ("threat", ["knife"]),
        "none.png": ("benign", []),
    }
    assert dropped == {"repeated annotation": 1}


def test_an_image_in_two_splits_is_flagged_and_a_damaged_listing_goes_first(tree, pixels):
    tree.image("train.png", pixels(0))
    tree.image("b.png", pixels(1))
    tree.write("annotations/instances_train.json")
    tree.annotation(2, bbox="everywhere")
    tree.write("annotations/instances_test.json")
    a, b = sorted(listed(tree.root), key=lambda scan: scan.problem or "")
    assert (a.flags, b.kind) == (("in_several_splits",), "threat")
    assert "bbox" in b.problem


def test_one_bad_file_of_several_is_one_failed_row(tree):
    tree.image("a.png")
    tree.write("annotations/instances_train.json")
    (tree.root / "annotations/instances_test.json").write_text('{"images": [')
    a, bad = listed(tree.root)
    assert (a.problem, a.split) == (None, "train")
    assert bad.uri == str(tree.root / "annotations/instances_test.json")
    assert "is not JSON" in bad.problem
    (tree.root / "annotations/instances_train.json").write_text("[]")
    with pytest.raises(SourceError, match="not JSON"):
        listed(tree.root)


def test_a_list_of_files_is_recognised_by_name_and_by_its_first_bytes(tree, tmp_path):
    tree.image("a.png")
    path = tree.write("annotations/anything.json")
    assert READER.recognise(list_tree(Prefix(str(tree.root)))) == "annotations/anything.json"
    tree.root.joinpath("annotations/anything.json").write_text('{"shapes": [], "imagePath": "a.png"}')
    assert READER.recognise(list_tree(Prefix(str(tree.root)))) is None
    tree.root.joinpath("annotations/anything.json").write_bytes(b"\x00damaged")
    assert READER.recognise(list_tree(Prefix(str(tree.root)))) == "annotations/anything.json"
    assert path
    with pytest.raises(SourceError, match="no COCO annotation file"):
        listed(tmp_path)


def test_folders_in_file_names_that_are_not_there_are_left_away(tree, pixels):
    tree.image("old/place/a.png")
    tree.image("old/place/b.png")
    (tree.root / "train").mkdir(parents=True)
    for number, name in enumerate("ab"):
        cv2.imwrite(str(tree.root / f"train/{name}.png"), pixels(number))
    tree.write("annotations/xray_train.json")
    assert [scan.uri for scan in listed(tree.root)] == [str(tree.root / f"train/{name}.png") for name in "ab"]


def test_a_byte_order_mark_does_no_harm(tree):
    tree.image("a.png")
    path = tree.write()
    text = json.dumps(tree.document)
    tree.root.joinpath("annotations.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(list(read_coco(path))) == 1


def test_a_file_over_the_limit_is_refused_and_costs_one_row_among_others(tree):
    tree.image("a.png")
    tree.write("annotations/instances_train.json")
    huge = tree.root / "annotations/instances_test.json"
    with huge.open("wb") as file:
        file.truncate(MAX_ANNOTATION_BYTES + 1)
    a, bad = listed(tree.root)
    assert (a.problem, bad.uri) == (None, str(huge))
    assert "has 1,073,741,825 bytes, over the limit" in bad.problem
    with pytest.raises(AccessDenied, match=r"instances_test\.json has 1,073,741,825 bytes") as caught:
        list(read_coco(str(huge)))
    assert "split it into smaller files" in caught.value.remedy


def test_images_that_no_file_lists_are_counted_and_are_no_harmless_bags(tree, pixels):
    listed = tree.image("train/a.png", pixels(0))
    tree.annotation(listed, bbox=[1, 2, 3, 4], mask_file="../masks/outside.png")
    tree.annotation(listed, bbox=[1, 2, 3, 4], mask_file="masks/a.png")
    tree.mask("annotations/masks/a.png", np.ones((2, 2), bool))
    tree.image("train/gone.png")
    tree.write("annotations/instances_train.json")
    for name in ("train/b.png", "hidden/c.JPG", "._d.png", "e.txt"):
        (tree.root / name).parent.mkdir(exist_ok=True)
        (tree.root / name).write_bytes(b"")
    dropped = Counter()
    scans = list(READER.list_scans(list_tree(Prefix(str(tree.root))), dropped))
    assert [scan.uri.rsplit("/", 1)[1] for scan in scans] == ["a.png", "gone.png"]
    assert dropped == {"image that no annotation file lists": 2}


def test_the_other_energy_of_a_listed_image_is_listed_with_it(tree, pixels):
    tree.image("a_low.png", pixels(0))
    tree.write()
    for name in ("a_high.png", "b_high.png"):
        (tree.root / name).write_bytes(b"")
    dropped = Counter()
    list(READER.list_scans(list_tree(Prefix(str(tree.root))), dropped))
    assert dropped == {"image that no annotation file lists": 1}


def test_files_beside_their_images_give_the_split_by_their_folder(tree, pixels):
    tree.annotation(tree.image("a.png", pixels(0)), bbox=[1, 2, 3, 4])
    for split in ("train", "valid"):
        tree.write(f"{split}/boxes of all.json")
        (tree.root / split / "a.png").write_bytes((tree.root / "a.png").read_bytes())
    (tree.root / "a.png").unlink()
    scans = list(READER.list_scans(list_tree(Prefix(str(tree.root))), Counter()))
    assert sorted((scan.split, scan.uri.split("/")[-2]) for scan in scans) == [
        ("train", "train"),
        ("val", "valid"),
    ]
