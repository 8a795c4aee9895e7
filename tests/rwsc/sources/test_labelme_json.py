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
