from collections import Counter

import cv2
import pytest
from support.source_trees import grow

from rwsc.sources.layout import recognise
from rwsc.sources.look import look_at
from rwsc.sources.schema import SourceScan
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix


def looks_at(uri, *, wants_header=True):
    source = recognise(str(uri), None)
    return [
        look_at(scan, number, wants_header, source)
        for number, scan in enumerate(source.list_scans(Counter()))
    ]


def test_the_size_is_that_of_the_header_or_without_one_as_stated(tree, pixels):
    tree.image("a.png", pixels(0), width=600, height=400)
    tree.image("b.png", pixels(1))
    tree.write()
    one, other = looks_at(tree.root)
    assert one.size_wh == other.size_wh == (60, 40)
    assert (one.header.width, one.header.height, one.header.channels) == (60, 40, 3)
    one, other = looks_at(tree.root, wants_header=False)
    assert (one.header, one.size_wh) == (None, (600, 400))
    assert (other.header, other.size_wh) == (None, None)
    assert [look.number for look in (one, other)] == [0, 1]


def test_a_header_that_lies_behind_much_else_is_found(tree, pixels):
    jpeg = encode_image(pixels(0), codec="jpeg")
    comment = b"\xff\xfe\xff\xff" + bytes(0xFFFD)
    tree.image("a.jpg", jpeg[:2] + 2 * comment + jpeg[2:])
    tree.write()
    assert looks_at(tree.root)[0].size_wh == (60, 40)


def test_boxes_in_shares_of_the_image_are_laid_out_in_the_size_that_is_known(tmp_path, pixels):
    grow(
        str(tmp_path),
        {
            "images/a.png": encode_image(pixels(0)),
            "labels/a.txt": "0 0.5 0.5 0.2 0.5",
            "obj.names": "gun",
        },
    )
    (look,) = looks_at(tmp_path)
    assert look.scan.objects[0].bbox_xywh == pytest.approx((24, 10, 12, 20))
    (look,) = looks_at(tmp_path, wants_header=False)
    assert look.size_wh is None
    _, _, width, height = look.scan.objects[0].bbox_xywh
    assert height / width == pytest.approx(0.5 / 0.2)


def test_what_the_listing_lacks_is_absent_and_of_what_lies_outside_only_a_look_tells(tree, pixels, tmp_path):
    tree.image("a.png", pixels(0))
    tree.image("gone.png")
    tree.write()
    for wants_header in (True, False):
        there, gone = looks_at(tree.root, wants_header=wants_header)
        assert (there.fault, there.is_absent) == (None, False)
        assert (gone.fault, gone.is_absent) == ("no such file", True)
    source = recognise(str(tree.root), None)
    outside = SourceScan(uri=str(tmp_path / "elsewhere.png"))
    assert look_at(outside, 0, False, source).fault is None
    assert look_at(outside, 0, True, source).is_absent


def test_one_file_of_a_pair_of_energies_that_is_gone_makes_the_scan_absent(tmp_path, pixels):
    grey = cv2.imencode(".png", pixels(0, gray=True))[1].tobytes()
    for name in ("a_low.png", "a_high.png", "b_low.png", "b_high.png"):
        (tmp_path / name).write_bytes(grey)
    one, other = looks_at(tmp_path)
    assert (one.header.channels, one.size_wh) == (2, (60, 40))
    source = recognise(str(tmp_path), None)
    gone = SourceScan(uri=other.scan.uri.replace("b_high", "c_high"))
    assert look_at(gone, 0, False, source).is_absent


@pytest.mark.parametrize(
    ("image", "annotation", "fault"),
    [
        (b"no picture", "001.jpg Scissor 5 5 15 15\n", "no picture"),
        (None, "001.jpg Scissor 1 2 x 4\n", "1 2 x 4"),
    ],
)
def test_an_image_or_annotation_that_is_damaged_is_a_fault(store_uri, pixels, image, annotation, fault):
    root = Prefix(store_uri)
    root.write("train/train_image/001.jpg", image or encode_image(pixels(1), codec="jpeg"))
    root.write("train/train_annotation/001.txt", annotation.encode())
    root.write("train/train_knife.txt", b"001\n")
    (look,) = looks_at(store_uri)
    assert fault in look.fault
    assert not look.is_absent


def test_an_image_of_a_name_that_cannot_be_one_is_a_fault(tree, pixels):
    tree.image("a.png", pixels(0))
    source = recognise(tree.write(), None)
    assert look_at(SourceScan(uri=None), 0, True, source).fault == "no address"
    assert look_at(SourceScan(uri=None, problem="it points out"), 0, True, source).fault == "it points out"
