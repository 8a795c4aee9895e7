import base64

import cv2
import numpy as np
import pytest
from support.source_trees import labelme

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.labelme_json import parse_labelme
from rwsc.sources.masks import mask_from_segmentation


def parse(*shapes, options=None, **fields):
    return parse_labelme(labelme(*shapes, **fields).encode(), (100, 50), options or {})


def shape(points, form=None, label="gun"):
    return {"label": label, "points": points} | ({"shape_type": form} if form else {})


def test_rectangles_are_boxes_with_corners_in_any_order():
    found = parse(
        shape([[30, 40], [10, 20]], "rectangle"),
        shape([[1, 2], [5, 2], [5, 9], [1, 9]], "rectangle"),
        imageWidth=100,
        imageHeight=50,
        imageData="AAAA",
    )
    assert [thing.bbox_xywh for thing in found.objects] == [(30, 40, -20, -20), (1, 2, 4, 7)]
    assert found.stated_size_wh == (100, 50)


def test_two_points_without_a_type_are_a_rectangle_and_three_a_polygon():
    box, polygon = parse(shape([[1, 2], [3, 4]]), shape([[0, 0], [10, 0], [0, 10]])).objects
    assert (box.bbox_xywh, box.segmentation) == ((1, 2, 2, 2), None)
    assert (polygon.bbox_xywh, polygon.segmentation) == ((0, 0, 10, 10), [[0, 0, 10, 0, 0, 10]])


def test_a_circle_is_given_by_its_centre_and_a_point_of_its_rim():
    (thing,) = parse(shape([[40, 20], [43, 24]], "circle")).objects
    assert thing.bbox_xywh == pytest.approx((35, 15, 10, 10))
    mask_HW = mask_from_segmentation(thing.segmentation, height=50, width=100)
    assert mask_HW.sum() == pytest.approx(3.14159 * 25, rel=0.1)


@pytest.mark.parametrize("form", ["point", "line", "linestrip", "points", "something new"])
def test_shapes_without_an_area_are_kept_without_a_box(form):
    (thing,) = parse(shape([[1, 2], [3, 4], [5, 5]], form)).objects
    assert (thing.bbox_xywh, thing.segmentation, thing.flags) == (None, None, ("no_area",))


@pytest.mark.parametrize(
    "points", [None, [], {}, "x", [[1]], [[1, 2, 3]], [[1, "x"]], [[1, 2], [1e308, 3]], [3]]
)
def test_points_that_cannot_be_read_leave_an_object_without_a_box(points):
    (thing,) = parse(shape(points, "rectangle")).objects
    assert (thing.bbox_xywh, thing.flags) == (None, ("box_unreadable",))


def painted(patch_hw, corners, **fields):
    """A shape as LabelMe stores a mask: a PNG of its box, whose corners are its first and last pixel."""
    data = patch_hw if isinstance(patch_hw, bytes) else cv2.imencode(".png", patch_hw)[1].tobytes()
    return shape(corners, "mask") | {"mask": base64.b64encode(data).decode()} | fields


@pytest.mark.parametrize("full", [1, 255])
@pytest.mark.parametrize("points", [[[5, 6], [25, 16]], [[25, 16], [5, 6]], [[5.0, 6.0], [26.0, 17.0]]])
def test_a_painted_mask_keeps_its_place_and_its_holes(full, points):
    patch_hw = np.full((11, 21), full, np.uint8)
    patch_hw[4:7, 5:15] = 0
    (thing,) = parse(painted(patch_hw, points)).objects
    mask_HW = mask_from_segmentation(thing.segmentation, height=50, width=100)
    expected_HW = np.zeros((50, 100), bool)
    expected_HW[6:17, 5:26] = patch_hw > 0
    np.testing.assert_array_equal(mask_HW, expected_HW)
    assert (thing.bbox_xywh, thing.flags) == ((5, 6, 21, 11), ())


def test_a_painted_mask_is_cut_off_where_the_image_ends():
    patch_hw = np.ones((20, 30), np.uint8)
    for points, (rows, columns) in (
        ([[-10, -5], [19, 14]], (slice(0, 15), slice(0, 20))),
        ([[85, 40], [114, 59]], (slice(40, 50), slice(85, 100))),
        ([[200, 10], [229, 29]], (slice(0, 0), slice(0, 0))),
    ):
        (thing,) = parse(painted(patch_hw, points)).objects
        mask_HW = mask_from_segmentation(thing.segmentation, height=50, width=100)
        assert mask_HW[rows, columns].all()
        assert mask_HW.sum() == mask_HW[rows, columns].size


@pytest.mark.parametrize(
    "fields",
    [
        {"mask": None},
        {"mask": 7},
        {"mask": ""},
        {"mask": "not base64"},
        {"mask": base64.b64encode(b"\x89PNG").decode()},
        {
            "mask": base64.b64encode(
                cv2.imencode(".png", np.ones((9, 9), np.uint8))[1].tobytes()[:60]
            ).decode()
        },
        {"points": [[0, 0], [80, 40]]},
        {"points": [[0, 0], [5, 8]]},
        {"points": [[-9e15, 0], [9e15, 8]]},
    ],
)
def test_a_painted_mask_that_cannot_be_read_leaves_a_flagged_box(fields):
    (thing,) = parse(painted(np.ones((9, 9), np.uint8), [[0, 0], [8, 8]], **fields)).objects
    assert (thing.segmentation, thing.flags) in ((None, ("mask_unreadable",)), (None, ("box_unreadable",)))
    assert (thing.bbox_xywh is None) == ("box_unreadable" in thing.flags)


def test_the_fallback_stands_in_for_a_missing_label():
    found = parse(shape([[1, 2], [3, 4]], label=""), shape([[1, 2], [3, 4]]), options={"label": "Hammer"})
    assert [thing.label for thing in found.objects] == ["Hammer", "gun"]
    with pytest.raises(DamagedAnnotation, match="shape 1 has no label"):
        parse(shape([[1, 2], [3, 4]], label=None))


@pytest.mark.parametrize("shapes", [None, {}, "x", [3], [[]]])
def test_what_holds_no_shapes_is_damage(shapes):
    with pytest.raises(DamagedAnnotation):
        parse(shapes=shapes)


def test_labels_in_gbk_are_read():
    text = '{"shapes": [{"label": "刀", "points": [[1, 2], [3, 4]]}]}'
    assert parse_labelme(text.encode("gbk"), (9, 9), {}).objects[0].label == "刀"
