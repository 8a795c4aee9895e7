from collections import Counter

import pytest

from rwsc.sources.coco_document import CocoDocument
from rwsc.sources.coco_files import CocoFile
from rwsc.sources.coco_places import ImageRoot, UnlistedFolder
from rwsc.sources.coco_scans import list_document
from rwsc.storage.prefix import Prefix


def read(tree, root=("", False), **file):
    folder, place = UnlistedFolder(Prefix(str(tree.root))), CocoFile(key="annotations.json", **file)
    document = CocoDocument(tree.document, folder, place.key, Counter())
    return list_document(document, folder, place, ImageRoot(*root, is_found=True))


def test_scans_come_in_the_documents_order_with_their_objects(tree):
    tree.image("b.png")
    tree.annotation(tree.image("a.png"), bbox=[1, 2, 3, 4], category_id=2)
    first, second = read(tree)
    assert (first.uri, first.objects) == (str(tree.root / "b.png"), ())
    assert [(thing.label, thing.bbox_xywh) for thing in second.objects] == [("knife", (1, 2, 3, 4))]


def test_names_count_from_the_root_of_the_images(tree):
    tree.image("old/a.png")
    assert read(tree, ("train", False))[0].uri == str(tree.root / "train/old/a.png")
    assert read(tree, ("train", True))[0].uri == str(tree.root / "train/a.png")


def test_kind_follows_the_annotations_unless_it_is_stated(tree):
    tree.annotation(tree.image("threat.png"), bbox=[0, 0, 5, 5])
    tree.image("benign.png")
    tree.annotation(tree.image("alone.png", kind="isolated"), bbox=[0, 0, 5, 5])
    assert [scan.kind for scan in read(tree)] == ["threat", "benign", "isolated"]


def test_where_there_are_no_clean_bags_a_missing_annotation_is_told(tree):
    tree.image("a.png")
    (scan,) = read(tree, has_clean_bags=False)
    assert (scan.kind, scan.flags) == ("threat", ("no_annotation",))


def test_optional_fields_are_taken_over_and_unknown_ones_ignored(tree):
    facts = {"modality": "gray", "origin_dataset": "D", "group": "g", "split": "val", "subset": "extra"}
    tree.image("a.png", **facts, scanner_id="s1", colour_of_belt="black", width=7, height=8)
    (scan,) = read(tree)
    assert (scan.modality, scan.dataset, scan.group, scan.split, scan.subset) == tuple(facts.values())
    assert scan.scanner_id == "s1"
    assert scan.stated_size_wh == (7, 8)


def test_what_an_image_states_goes_before_what_its_file_says(tree):
    tree.image("a.png", origin_dataset="D", split="test", subset="extra")
    tree.image("b.png")
    tree.image("c.png", kind="odd")
    scans = read(tree, dataset="F", split="train", subset="hard")
    assert [(scan.dataset, scan.split, scan.subset) for scan in scans] == [
        ("D", "test", "extra"),
        ("F", "train", "hard"),
        ("F", "train", "hard"),
    ]
    assert scans[2].problem is not None


def test_missing_fields_are_none(tree):
    tree.image("a.png")
    (scan,) = read(tree)
    assert {
        scan.modality,
        scan.dataset,
        scan.group,
        scan.split,
        scan.subset,
        scan.scanner_id,
        scan.licence,
    } == {None}


def test_numbers_serve_as_group_and_scanner(tree):
    tree.image("a.png", group=12, scanner_id=3)
    (scan,) = read(tree)
    assert (scan.group, scan.scanner_id) == ("12", "3")


def test_a_licence_id_becomes_its_text(tree):
    tree.image("a.png", license=tree.licence("academic use only"))
    tree.image("b.png", license=99)
    tree.image("c.png", license="CC0")
    a, b, c = read(tree)
    assert (a.licence, a.flags) == ("academic use only", ())
    assert (b.licence, b.flags) == (None, ("unknown_licence",))
    assert c.licence == "CC0"


def test_a_damaged_licence_leaves_its_images_with_a_flag(tree):
    tree.document["licenses"] = [{"id": 1, "name": {}}, "x", {"id": 2, "url": "https://a.b/by"}]
    for licence in (1, [], 2):
        tree.image(f"{licence}.png", license=licence)
    scans = read(tree)
    assert [(scan.problem, scan.licence, scan.flags) for scan in scans] == [
        (None, None, ("unknown_licence",)),
        (None, None, ("unknown_licence",)),
        (None, "https://a.b/by", ()),
    ]


def test_an_image_with_an_object_of_unknown_category_is_not_harmless(tree):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5], category_id=77)
    (scan,) = read(tree)
    assert scan.kind == "threat"
    assert scan.flags == ("unknown_category",)


def test_a_harmless_scan_with_objects_is_flagged(tree):
    tree.annotation(tree.image("a.png", kind="benign"), bbox=[0, 0, 5, 5])
    assert read(tree)[0].flags == ("benign_with_objects",)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a/../../b.png", "..\\..\\b.png", "C:\\b.png", "..", "a\0b.png", "."],
)
def test_a_file_name_that_leaves_the_folder_has_no_address(tree, name):
    tree.image(name)
    (scan,) = read(tree)
    assert scan.uri is None
    assert "points out of the folder" in scan.problem


def test_a_name_that_no_store_can_hold_is_a_problem_of_its_row(tree):
    tree.image("a\nb.png")
    assert read(tree)[0].problem is not None


def test_an_image_id_used_twice_costs_both_images(tree):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5])
    tree.document["images"].append({"id": "1", "file_name": "b.png"})
    tree.image("c.png", kind="benign")
    tree.document["images"][2]["id"] = 3
    failed = {scan.uri.rsplit("/", 1)[1]: scan.problem for scan in read(tree)}
    assert "image id 1 is used twice" in failed["a.png"]
    assert "image id '1' is used twice" in failed["b.png"]
    assert failed["c.png"] is None


def test_ids_are_the_same_however_they_are_written(tree):
    tree.image("a.png")
    tree.document["images"][0]["id"] = 7.0
    tree.annotation("7", bbox=[0, 0, 5, 5], category_id="2")
    (scan,) = read(tree)
    assert [thing.label for thing in scan.objects] == ["knife"]


@pytest.mark.parametrize(
    "damage",
    [{"bbox": "everywhere"}, {"bbox": [1, 2]}, {"bbox": [0, 0, float("nan"), 5]}, {"bbox": [0, 0, 1e300, 5]},
     {"bbox": [0, 0, None, 5]}, {"category_id": None}, {"category_id": 1.5}, {"category_id": []}],
)  # fmt: skip
def test_an_image_with_a_damaged_annotation_is_never_harmless(tree, damage):
    tree.annotation(tree.image("a.png"), **({"bbox": [0, 0, 5, 5]} | damage))
    tree.annotation(1, bbox=[0, 0, 5, 5])
    tree.annotation(tree.image("b.png"), bbox=[0, 0, 5, 5])
    a, b = read(tree)
    assert a.uri == str(tree.root / "a.png")
    assert "annotations[0]" in a.problem
    assert (a.kind, b.problem) == ("threat", None)
