import json
from collections import Counter

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.errors import SourceError
from rwsc.sources.coco import READER, key_inside, read_coco
from rwsc.sources.tree import list_tree
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


@pytest.mark.parametrize(
    "segmentation",
    [json.loads("[" * 500 + "]" * 500), [[1, 2, [3]]], [[1, 2, 3, None, 5, 6]], [1, 2, 3, 4, 5, 6], 7, True,
     {"size": [4, 4], "counts": {}}, {"size": "4x4", "counts": "ab"}, {"counts": "ab"}],
)  # fmt: skip
def test_a_mask_of_any_other_form_is_told_and_not_handed_on(tree, segmentation):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5], segmentation=segmentation)
    (thing,) = read(tree)[0].objects
    assert (thing.segmentation, thing.flags, thing.bbox_xywh) == (None, ("mask_unreadable",), (0, 0, 5, 5))


@pytest.mark.parametrize(
    "segmentation",
    [[[1, 2, 3, 4, 5, 6.5]], {"size": [40, 60], "counts": "ab0"}, {"size": [40, 60], "counts": [400, 2000]}],
)
def test_polygons_and_run_lengths_are_handed_on(tree, segmentation):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5], segmentation=segmentation)
    (thing,) = read(tree)[0].objects
    assert (thing.segmentation, thing.flags) == (segmentation, ())


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


def test_an_image_id_used_twice_costs_both_images(tree):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5])
    tree.document["images"].append({"id": "1", "file_name": "b.png"})
    tree.image("c.png", kind="benign")
    tree.document["images"][2]["id"] = 3
    failed = {scan.uri.rsplit("/", 1)[1]: scan.problem for scan in read(tree)}
    assert "image id 1 is used twice" in failed["a.png"]
    assert "image id '1' is used twice" in failed["b.png"]
    assert failed["c.png"] is None


def test_objects_of_an_unclear_category_keep_their_boxes(tree):
    tree.annotation(tree.image("a.png"), bbox=[0, 0, 5, 5])
    tree.annotation(1, bbox=[0, 0, 6, 6], category_id=3)
    tree.document["categories"] += [{"id": 1, "name": "bottle"}, {"id": 3, "name": " "}, {"name": "no id"}, 7]
    dropped = Counter()
    (scan,) = read(tree, dropped=dropped)
    assert [(thing.label, thing.flags) for thing in scan.objects] == [
        ("category 1", ("ambiguous_category",)),
        ("category 3", ("unnamed_category",)),
    ]
    assert dropped == {"damaged category": 2}


def test_ids_are_the_same_however_they_are_written(tree):
    tree.image("a.png")
    tree.document["images"][0]["id"] = 7.0
    tree.annotation("7", bbox=[0, 0, 5, 5], category_id="2")
    (scan,) = read(tree)
    assert [thing.label for thing in scan.objects] == ["knife"]


def test_a_damaged_licence_leaves_its_images_with_a_flag(tree):
    tree.document["licenses"] = [{"id": 1, "name": {}}, "x", {"id": 2, "url": "https://a.b/by"}]
    for licence in (1, [], 2):
        tree.image(f"{licence}.png", license=licence)
    dropped = Counter()
    scans = read(tree, dropped=dropped)
    assert [(scan.problem, scan.licence, scan.flags) for scan in scans] == [
        (None, None, ("unknown_licence",)),
        (None, None, ("unknown_licence",)),
        (None, "https://a.b/by", ()),
    ]
    assert dropped == {"damaged licence": 2}


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


@pytest.mark.parametrize(
    "damage",
    [{"bbox": "everywhere"}, {"bbox": [1, 2]}, {"bbox": [0, 0, float("nan"), 5]}, {"bbox": [0, 0, 1e300, 5]},
     {"bbox": [0, 0, None, 5]}, {"category_id": None}, {"category_id": 1.5}, {"category_id": []}],
)  # fmt: skip
def test_an_image_with_a_damaged_annotation_is_never_harmless(tree, damage):
    tree.annotation(tree.image("a.png"), **({"bbox": [0, 0, 5, 5]} | damage))
    tree.annotation(1, bbox=[0, 0, 5, 5])
    tree.annotation(tree.image("b.png"), bbox=[0, 0, 5, 5])
    b, a = read(tree)
    assert a.uri == str(tree.root / "a.png")
    assert "annotations[0]" in a.problem
    assert (a.kind, b.problem) == ("threat", None)


def test_annotations_that_name_no_image_are_counted(tree):
    tree.image("a.png")
    tree.document["annotations"] = [3, None, {}, {"image_id": [1]}, {"image_id": 2}]
    dropped = Counter()
    assert len(read(tree, dropped=dropped)) == 1
    assert dropped == {"annotation of an unknown image": 5}


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
