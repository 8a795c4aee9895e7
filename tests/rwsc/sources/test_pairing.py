import time
from collections import Counter

import pytest
from support.source_trees import grow

from rwsc.sources.pairing import (
    Convention,
    Pairing,
    Stems,
    annotated_first,
    count_strays,
    folders_below,
    listed_scan,
    read_first,
)
from rwsc.sources.tree import SourceTree
from rwsc.storage.prefix import Prefix

CONVENTION = Convention(
    suffixes=(".xml",),
    annotation_folders=("annotations", "labels"),
    image_folders=("images", "jpegimages"),
    ignored=frozenset({"about.xml"}),
)


def pairs(tmp_path, *keys):
    tree = grow(str(tmp_path), dict.fromkeys(keys, b""))
    dropped = Counter()
    found = list(Pairing(tree, CONVENTION).pairs(dropped))
    assert len({pair.image for pair in found}) == len(found), "an image was listed twice"
    return {pair.image: pair.annotation or pair.problem for pair in found}, dropped


@pytest.mark.parametrize(
    ("image", "annotation"),
    [
        ("a.jpg", "a.xml"),
        ("train/a.JPG", "train/a.XML"),
        ("images/a.jpg", "Annotations/a.xml"),
        ("JPEGImages/a.b.jpg", "annotations/a.b.xml"),
        ("images/train/a.jpg", "labels/train/a.xml"),
        ("images/Train/a.jpg", "labels/train/a.xml"),
        ("train/images/a.jpg", "train/labels/a.xml"),
        ("images/train/a.jpg", "labels/a.xml"),
        ("images/a.jpg", "labels/train/a.xml"),
        ("VOC2007/JPEGImages/a.jpg", "VOC2007/Annotations/a.xml"),
        ("a.jpg", "labels/a.xml"),
    ],
)
def test_partners_are_found_in_every_usual_place(tmp_path, image, annotation):
    assert pairs(tmp_path, image, annotation) == ({image: annotation}, {})


def test_images_with_an_annotation_come_first(tmp_path):
    found, _ = pairs(tmp_path, "images/a.jpg", "images/b.jpg", "images/c.jpg", "labels/b.xml")
    assert list(found.items()) == [
        ("images/b.jpg", "labels/b.xml"),
        ("images/a.jpg", None),
        ("images/c.jpg", None),
    ]


def test_a_few_annotations_are_spread_over_all(tmp_path):
    keys = [f"{name}.{end}" for name in "abcdefg" for end in ("jpg", "xml")]
    pairing = Pairing(grow(str(tmp_path), dict.fromkeys([*keys, "x.jpg", "y.xml"], b"")), CONVENTION)
    assert pairing.annotations(3) == ["a.xml", "b.xml", "c.xml"]
    assert pairing.spread_annotations(3) == ["a.xml", "d.xml", "g.xml"]
    assert len(pairing.spread_annotations(100)) == 7


def test_the_same_stem_in_two_splits_is_told_apart(tmp_path):
    found, dropped = pairs(
        tmp_path,
        *(f"{top}/{part}/1.{end}" for top, end in (("images", "jpg"), ("labels", "xml")) for part in "ab"),
    )
    assert found == {"images/a/1.jpg": "labels/a/1.xml", "images/b/1.jpg": "labels/b/1.xml"}
    assert not dropped


def test_folders_whose_names_begin_alike_are_not_one_below_the_other(tmp_path):
    found, dropped = pairs(
        tmp_path,
        *("images/a/1.jpg", "images/a-b/1.jpg", "images/a0/1.jpg", "images/a/c/2.jpg"),
        *("labels/a/1.xml", "labels/a/2.xml", "labels/a-b/1.xml", "labels/a0/1.xml"),
    )
    assert found == {
        "images/a/1.jpg": "labels/a/1.xml",
        "images/a-b/1.jpg": "labels/a-b/1.xml",
        "images/a0/1.jpg": "labels/a0/1.xml",
        "images/a/c/2.jpg": "labels/a/2.xml",
    }
    assert not dropped


def test_many_mirrored_folders_take_time_in_proportion():
    def listed(num_folders):
        names = [f"b{number:05}" for number in range(num_folders)]
        files = {f"images/{name}": ["1.jpg"] for name in names} | {
            f"labels/{name}": ["1.xml"] for name in names
        }
        tree = SourceTree(Prefix("/nowhere"), files, 0)
        start = time.process_time()
        assert sum(1 for _ in Pairing(tree, CONVENTION).pairs(Counter())) == num_folders
        return time.process_time() - start

    # Sixteen times as many folders took 250 times as long when each was looked for among all.
    assert listed(16_000) < 80 * max(listed(1000), 0.01)


def test_what_cannot_be_told_apart_is_a_problem(tmp_path):
    found, _ = pairs(
        tmp_path, "images/a/1.jpg", "images/b/1.jpg", "images/b/2.jpg", "labels/1.xml", "labels/2.xml"
    )
    assert found["images/b/2.jpg"] == "labels/2.xml"
    assert "have this name" in found["images/a/1.jpg"]
    assert "have this name" in found["images/b/1.jpg"]
    assert len(found) == 3


def test_strays_are_counted(tmp_path):
    found, dropped = pairs(
        tmp_path,
        *("images/a.jpg", "labels/a.xml", "labels/gone.xml", "labels/about.xml"),
        *("images/test/b.jpg", "images/test/c.jpg", "previews/d.png"),
    )
    assert list(found) == ["images/a.jpg"]
    assert dropped == {"annotation without an image": 1, "image in a folder without annotations": 3}


def test_stems_are_found_whatever_the_case_of_the_ending(tmp_path):
    tree = grow(str(tmp_path), dict.fromkeys(["x/a.xml", "x/b.XML", "x/c.Xml", "x/d.txt"], b""))
    stems = Stems(tree, "x", (".xml",))
    assert [stems.find(stem) for stem in "abcd"] == ["x/a.xml", "x/b.XML", "x/c.Xml", None]


def test_annotated_images_of_a_folder_come_first(tmp_path):
    tree = grow(str(tmp_path), dict.fromkeys(["i/a.png", "i/b.png", "t/b.txt"], b""))
    assert list(annotated_first(tree, "i", "t", (".txt",))) == [("i/b.png", "t/b.txt"), ("i/a.png", None)]
    assert list(annotated_first(tree, "i", None, (".txt",))) == [("i/a.png", None), ("i/b.png", None)]


def test_annotations_without_an_image_are_counted(tmp_path):
    tree = grow(
        str(tmp_path), dict.fromkeys(["i/a.png", "i/n.txt", "t/a.TXT", "t/b.txt", "t/n.txt", "t/c.md"], b"")
    )
    dropped = Counter()
    count_strays(tree, "i", "t", (".txt",), dropped)
    assert dropped == {"annotation without an image": 2}
    count_strays(tree, None, "t", (".txt",), dropped)
    assert dropped == {"annotation without an image": 5}
    none = Counter()
    count_strays(tree, "i", "nowhere", (".txt",), none)
    assert "annotation without an image" not in none


def test_folders_of_any_depth_are_walked(tmp_path):
    deep = "/".join("d" * 1000)
    tree = grow(str(tmp_path), {"b/x": b"", "a/y/z": b""})
    assert list(folders_below(tree)) == ["", "a", "a/y", "b"]
    tree._files[deep] = ["x"]
    tree._add_folder(deep)
    assert len(list(folders_below(tree))) == 1004


def test_files_that_are_gone_are_passed_over(tmp_path):
    assert list(read_first(grow(str(tmp_path), {"a": b"1"}), ["gone", "a"])) == [b"1"]


def test_a_name_that_no_store_can_hold_is_a_problem(tmp_path):
    tree = grow(str(tmp_path), {"a.png": b""})
    for name in ("../../etc/passwd", "a\nb.png"):
        for keys in ({"image": name}, {"image": "a.png", "annotation": name}):
            scan = listed_scan(tree, **keys, form="voc_xml")
            assert scan.uri is None
            assert "cannot be an address" in scan.problem
            assert "\n" not in scan.problem
