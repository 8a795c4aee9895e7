import json
from collections import Counter

import pytest

from rwsc.errors import SourceError
from rwsc.sources.coco_document import CocoDocument, id_of
from rwsc.sources.coco_places import UnlistedFolder
from rwsc.storage.prefix import Prefix


@pytest.fixture
def parsed(tree):
    """Checks the tree's document as it is now."""

    def parse(dropped=None):
        folder = UnlistedFolder(Prefix(str(tree.root)))
        counts = Counter() if dropped is None else dropped
        return CocoDocument(tree.document, folder, "annotations.json", counts)

    return parse


def test_objects_are_sorted_by_image(tree, parsed):
    first, second = tree.image("a.png"), tree.image("b.png")
    tree.annotation(second, bbox=[1, 2, 3, 4], category_id=2)
    tree.annotation(first, bbox=[0, 0, 5, 5], iscrowd=1)
    tree.annotation(second, bbox=[5, 6, 7, 8])
    found = parsed()
    assert found.file_names() == ["a.png", "b.png"]
    assert {
        key: [(thing.label, thing.bbox_xywh, thing.flags) for thing in things]
        for key, things in found.objects.items()
    } == {
        "1": [("gun", (0, 0, 5, 5), ("crowd",))],
        "2": [("knife", (1, 2, 3, 4), ()), ("gun", (5, 6, 7, 8), ())],
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "has no 'images'"),
        ({"images": []}, "lists no images"),
        ({"images": {}}, "'images' is an object, not a list"),
        ({"images": [{}]}, "has no 'annotations', so nobody can tell"),
        ({"images": [{}], "annotations": 3}, "'annotations' is a number, not a list"),
        ({"images": [{}], "annotations": [], "categories": {}}, "'categories' is an object, not a list"),
    ],
)
def test_what_is_no_coco_is_refused_under_its_address(tmp_path, document, message):
    with pytest.raises(SourceError, match=message) as caught:
        CocoDocument(document, UnlistedFolder(Prefix(str(tmp_path))), "a/b.json", Counter())
    assert caught.value.message.startswith(f"{tmp_path}/a/b.json ")


def test_annotations_may_be_missing_where_every_image_states_its_kind(tree, parsed):
    tree.image("a.png", kind="benign")
    del tree.document["annotations"]
    assert parsed().objects == {}


def test_annotations_that_name_no_image_or_category_are_counted(tree, parsed):
    image_id = tree.image("a.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], category_id=77)
    tree.document["annotations"] += [3, None, {}, {"image_id": [1]}, {"image_id": 2}]
    dropped = Counter()
    assert parsed(dropped).objects == {"1": [None]}
    assert dropped == {"annotation of an unknown image": 5, "annotation of an unknown category": 1}


def test_objects_of_an_unclear_category_keep_their_boxes(tree, parsed):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5])
    tree.annotation(1, bbox=[0, 0, 6, 6], category_id=3)
    tree.document["categories"] += [{"id": 1, "name": "bottle"}, {"id": 3, "name": " "}, {"name": "no id"}, 7]
    dropped = Counter()
    assert [(thing.label, thing.flags) for thing in parsed(dropped).objects["1"]] == [
        ("category 1", ("ambiguous_category",)),
        ("category 3", ("unnamed_category",)),
    ]
    assert dropped == {"damaged category": 2}


@pytest.mark.parametrize("name", ["gun\nknife", "gun\x1b[31m", "g" * 5_000, "gun\udc80", " ", None, 7])
def test_a_name_that_no_class_can_have_is_replaced_by_the_categorys_number(tree, parsed, name):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5], category_id=3)
    tree.document["categories"] += [{"id": 3, "name": name}]
    (thing,) = parsed().objects["1"]
    assert (thing.label, thing.flags) == ("category 3", ("unnamed_category",))


def test_a_category_whose_id_is_no_name_either_is_damaged(tree, parsed):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5], category_id="9" * 5_000)
    tree.document["categories"] += [{"id": "9" * 5_000, "name": "gun"}]
    dropped = Counter()
    assert parsed(dropped).objects["1"] == [None]
    assert dropped == {"damaged category": 1, "annotation of an unknown category": 1}


def test_licences_are_texts_by_id(tree, parsed):
    tree.image("a.png")
    tree.document["licenses"] = [
        {"id": 1, "name": {}}, "x", {"id": 2, "url": "https://a.b/by"}, {"id": "3", "name": "CC0"},
        {"id": 3, "name": "academic use only"},
    ]  # fmt: skip
    dropped = Counter()
    assert parsed(dropped).licences == {"2": "https://a.b/by", "3": "academic use only"}
    assert dropped == {"damaged licence": 2}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, "7"), (7.0, "7"), ("7", "7"), (" 7 ", "7"), (10**30, str(10**30)), ("a b", "a b"),
     (7.5, None), (1e300, None), (float("nan"), None), (True, None), (None, None), ("", None), (" ", None),
     ("a\nb", None), ("\x1b[31m", None), ([], None), ({}, None)],
)  # fmt: skip
def test_ids_are_the_same_however_they_are_written(value, expected):
    assert id_of(value) == expected


def test_an_id_used_twice_is_counted(tree, parsed):
    tree.image("a.png")
    tree.document["images"] += [{"id": "1"}, {"id": 2}, {"id": None}, 3]
    assert parsed().num_by_id == {"1": 2, "2": 1}


@pytest.mark.parametrize(
    "damage",
    [{"bbox": "everywhere"}, {"bbox": [1, 2]}, {"category_id": None}, {"category_id": 1.5}],
)  # fmt: skip
def test_the_first_damage_of_an_image_is_remembered(tree, parsed, damage):
    tree.image("a.png")
    tree.annotation(1, bbox=[0, 0, 5, 5])
    tree.annotation(1, **({"bbox": [0, 0, 5, 5]} | damage))
    tree.annotation(1, bbox=7)
    damaged = parsed().damaged
    assert list(damaged) == ["1"]
    assert "annotations[1]" in damaged["1"]


def test_masks_count_from_the_jsons_folder(tree, parsed):
    image_id = tree.image("a.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], mask_file="masks/a.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], mask_file="../../secret.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], segmentation="no polygons")
    found = parsed().objects["1"]
    assert found[0].mask_uri == str(tree.root / "masks/a.png")
    assert found[1].mask_uri is None
    assert [thing.flags for thing in found] == [(), ("mask_unreadable",), ("mask_unreadable",)]


@pytest.mark.parametrize(
    "segmentation",
    [json.loads("[" * 500 + "]" * 500), [[1, 2, [3]]], [[1, 2, 3, None, 5, 6]], [1, 2, 3, 4, 5, 6], 7, True,
     {"size": [4, 4], "counts": {}}, {"size": "4x4", "counts": "ab"}, {"counts": "ab"}],
)  # fmt: skip
def test_a_mask_of_any_other_form_is_told_and_not_handed_on(tree, parsed, segmentation):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5], segmentation=segmentation)
    (thing,) = parsed().objects["1"]
    assert (thing.segmentation, thing.flags, thing.bbox_xywh) == (None, ("mask_unreadable",), (0, 0, 5, 5))


@pytest.mark.parametrize(
    "segmentation",
    [[[1, 2, 3, 4, 5, 6.5]], {"size": [40, 60], "counts": "ab0"}, {"size": [40, 60], "counts": [400, 2000]}],
)
def test_polygons_and_run_lengths_are_handed_on(tree, parsed, segmentation):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5], segmentation=segmentation)
    (thing,) = parsed().objects["1"]
    assert (thing.segmentation, thing.flags) == (segmentation, ())


def test_ids_that_are_equal_as_numbers_are_one_image(tree, parsed):
    for name in ("a.png", "b.png", "c.png"):
        tree.image(name)
    for record, image_id in zip(tree.document["images"], ["000001", "02", "2"], strict=True):
        record["id"] = image_id
    tree.annotation(1, bbox=[0, 0, 5, 5])
    tree.annotation("0002", bbox=[0, 0, 6, 6])
    tree.annotation(2, bbox=[0, 0, 7, 7])
    dropped = Counter()
    objects = parsed(dropped).objects
    assert {key: [thing.bbox_xywh[2] for thing in things] for key, things in objects.items()} == {
        "000001": [5],
        "2": [7],
    }
    assert dropped == {"annotation of an unknown image": 1}  # that of 0002, which may be 02 or 2


def test_annotations_of_which_none_finds_its_image_make_no_image_harmless(tree, parsed):
    tree.image("a.png")
    tree.annotation("a", bbox=[0, 0, 5, 5])
    with pytest.raises(SourceError, match="none of its 1 annotations has the 'image_id' of an image"):
        parsed()
    tree.document["images"][0]["kind"] = "benign"
    assert parsed().objects == {}
