import pytest

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.masks import mask_from_segmentation
from rwsc.sources.yolo_lines import parse_yolo

NAMES = {"0": "gun", "1": "knife"}


def parse(data, names=NAMES):
    return parse_yolo(data, (200, 100), names)


def test_boxes_are_scaled_by_the_image():
    found = parse(b"\xef\xbb\xbf1 0.5 0.5 0.25 0.5\r\n0.0 0.25 0.25 0.1 0.1 0.87\r\n")
    knife, gun = found.objects
    assert (knife.label, knife.bbox_xywh, knife.segmentation) == ("knife", (75, 25, 50, 50), None)
    assert gun.label == "gun"
    assert gun.bbox_xywh == pytest.approx((40, 20, 20, 10))
    assert found.flags == ()


def test_polygons_become_masks_of_the_right_pixels():
    (thing,) = parse(b"0 0.1 0.1 0.3 0.1 0.3 0.5 0.1 0.5").objects
    assert thing.bbox_xywh == pytest.approx((20, 10, 40, 40))
    mask_HW = mask_from_segmentation(thing.segmentation, height=100, width=200)
    assert mask_HW[12:48, 22:58].all()
    assert mask_HW.sum() == pytest.approx(40 * 40, rel=0.05)


def test_a_class_without_a_name_is_kept_and_flagged():
    found = parse(b"7 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1")
    assert [thing.label for thing in found.objects] == ["class_7", "gun"]
    assert found.flags == ("unknown_class",)


def test_an_empty_file_is_background():
    assert parse(b"").objects == parse(b"\r\n").objects == ()


@pytest.mark.parametrize(
    "line",
    [
        "0",
        "0 0.5 0.5 0.1",
        "0 0.1 0.1 0.2 0.2 0.3 0.3 0.4",
        "gun 0.5 0.5 0.1 0.1",
        "-1 0.5 0.5 0.1 0.1",
        "0.5 0.5 0.5 0.1 0.1",
        "0 0.5 x 0.1 0.1",
        "0 nan 0.5 0.1 0.1",
        "0 0.5 0.5 1e308 0.1",
        "0 120 80 40 30",
        "1e308 0.5 0.5 0.1 0.1",
    ],
)
def test_a_line_of_another_form_or_in_pixels_is_damage(line):
    with pytest.raises(DamagedAnnotation, match="line 1"):
        parse(line.encode())
