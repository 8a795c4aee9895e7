import json
from collections import Counter

import pytest

from rwsc.errors import SourceError
from rwsc.sources.coco import key_inside, read_coco


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


def test_kind_follows_the_annotations_unless_it_is_stated(tree):
    tree.annotation(tree.image("threat.png"), bbox=[0, 0, 5, 5])
    tree.image("benign.png")
    tree.annotation(tree.image("alone.png", kind="isolated"), bbox=[0, 0, 5, 5])
    assert [scan.kind for scan in read(tree)] == ["threat", "isolated", "benign"]


def test_a_file_without_annotations_does_not_declare_its_scans_harmless(tmp_path):
    (tmp_path / "hidden.json").write_text('{"images": [{"id": 1, "file_name": "a.png"}], "categories": []}')
    with pytest.raises(SourceError, match="has no 'annotations', so nobody can tell"):
        list(read_coco(str(tmp_path / "hidden.json")))


def test_optional_fields_are_taken_over_and_unknown_ones_ignored(tree):
    facts = {"modality": "gray", "origin_dataset": "D", "group": "g", "split": "val", "subset": "extra"}
    tree.image("a.png", **facts, scanner_id="s1", colour_of_belt="black", width=7, height=8)
    (scan,) = read(tree)
    assert (scan.modality, scan.dataset, scan.group, scan.split, scan.subset) == tuple(facts.values())
    assert scan.scanner_id == "s1"
    assert scan.stated_size_wh == (7, 8)


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


def test_annotations_of_unknown_images_and_categories_are_counted(tree):
    image_id = tree.image("a.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], category_id=77)
    tree.annotation(4711, bbox=[0, 0, 5, 5])
    tree.annotation(4711, bbox=[0, 0, 5, 5])
    dropped = Counter()
    (scan,) = read(tree, dropped=dropped)
    assert dropped == {"annotation of an unknown image": 2, "annotation of an unknown category": 1}
    assert scan.objects == ()


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


def test_a_file_name_is_normalised_inside_the_folder():
    assert key_inside("./a//b/../c.png") == "a/c.png"
    assert key_inside("a\\b.png") == "a/b.png"


def test_a_name_that_no_store_can_hold_is_a_problem_of_its_row(tree):
    tree.image("a\nb.png")
    assert read(tree)[0].problem is not None


def test_masks_count_from_the_jsons_folder(tree):
    image_id = tree.image("a.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], mask_file="masks/a.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], mask_file="../../secret.png")
    tree.annotation(image_id, bbox=[0, 0, 5, 5], segmentation="no polygons")
    (scan,) = read(tree)
    assert scan.objects[0].mask_uri == str(tree.root / "masks/a.png")
    assert scan.objects[1].mask_uri is None
    assert [thing.flags for thing in scan.objects] == [(), ("mask_unreadable",), ("mask_unreadable",)]


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


def test_an_image_id_used_twice_is_refused(tree):
    tree.image("a.png")
    tree.document["images"].append({"id": 1, "file_name": "b.png"})
    with pytest.raises(SourceError, match="image id 1 is used twice"):
        read(tree)


def test_a_category_id_for_two_classes_is_refused(tree):
    tree.image("a.png")
    tree.document["categories"].append({"id": 1, "name": "bottle"})
    with pytest.raises(SourceError, match="id 1 stands for two categories"):
        read(tree)


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
        ('{"images": [3]}', r"images\[0\] is a number"),
        ('{"images": [{"id": 1}]}', "'file_name' should be text"),
        ('{"images": [{"id": 1, "file_name": ""}]}', "'file_name' should be text"),
        ('{"images": [{"file_name": "a"}]}', "'id' should be"),
        ('{"images": [{"id": 1.5, "file_name": "a"}]}', "'id' should be"),
        ('{"images": [{"id": true, "file_name": "a"}]}', "'id' should be"),
        ('{"images": [{"id": 1, "file_name": "a", "width": NaN}]}', "NaN is no JSON number"),
        ('{"images": [{"id": 1, "file_name": "a", "width": 1e999}]}', "'width' should be a finite number"),
        ('{"images": [{"id": 1, "file_name": "a", "group": {}}]}', "'group' should be text"),
        ('{"images": [{"id": 1, "file_name": "a", "kind": "odd"}]}', "kind is 'odd'"),
        ('{"images": [{"id": 1, "file_name": "a\\ud800"}]}', "valid Unicode"),
        ('{"images": [{"id": 1, "file_name": "a", "license": []}]}', "'license' should be"),
        ("[" * 100_000, "nested too deeply"),
        ('{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "category_id": 1, '
         '"bbox": [1, 2]}], "categories": [{"id": 1, "name": "gun"}]}', "'bbox' should be 4 finite numbers"),
        ('{"images": [{"id": 1, "file_name": "a"}], "categories": [{"id": 1}]}', "'name' should be text"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "annotations.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError, match=message) as caught:
        list(read_coco(str(path)))
    assert "\n" not in caught.value.message


def test_the_whole_file_is_checked_before_the_first_image_is_given(tree):
    tree.annotation(tree.image("a.png"), bbox="everywhere")
    with pytest.raises(SourceError, match="bbox"):
        read_coco(tree.write())


def test_a_byte_order_mark_does_no_harm(tree):
    tree.image("a.png")
    path = tree.write()
    text = json.dumps(tree.document)
    tree.root.joinpath("annotations.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(list(read_coco(path))) == 1
