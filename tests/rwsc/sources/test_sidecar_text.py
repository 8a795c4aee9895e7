import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.sidecar_text import (
    MAX_OBJECTS,
    MAX_TEXT_BYTES,
    box_around,
    box_of_corners,
    check_count,
    json_object_of,
    label_of,
    number_of,
    text_of,
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
def test_text_is_read_in_the_encodings_that_tools_write(encoding):
    assert text_of("打火机 lighter".encode(encoding)) == "打火机 lighter"


@pytest.mark.parametrize("data", [b"\xff" * 9, b"\xff\xfe\x00", b"a" * (MAX_TEXT_BYTES + 1)])
def test_what_is_no_text_or_too_much_is_damage(data):
    with pytest.raises(DamagedAnnotation):
        text_of(data)


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", 1), (" 2.5\n", 2.5), (3, 3), (-0.5, -0.5), ("1e3", 1000)]
    + [(value, None) for value in ("", "x", "nan", "inf", "1e308", 1e308, 10**400, "1_0", "9" * 99)]
    + [(value, None) for value in (True, None, [], float("nan"))],
)
def test_numbers_are_finite_and_plain(value, number):
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("value", "label"), [(" Gun ", "Gun"), ("", None), ("  ", None), (None, None), (3, None)]
)
def test_labels_are_stripped_text(value, label):
    assert label_of(value) == label


def test_labels_in_any_script_are_kept():
    assert label_of("多用刀 Multi-tool Knife") == "多用刀 Multi-tool Knife"


@pytest.mark.parametrize("value", ["a\0b", "a\x1b[31m", "\ud800", "x" * 201])
def test_what_cannot_be_a_name_is_damage(value):
    with pytest.raises(DamagedAnnotation, match="no class is called"):
        label_of(value)


@given(corners=st.lists(st.integers(-500, 500), min_size=4, max_size=4))
def test_corners_are_handed_on_as_stated(corners):
    x, y, w, h = box_of_corners(*corners)
    assert [x, y, x + w, y + h] == corners


def test_a_box_needs_four_numbers():
    assert box_of_corners(1, 2, "x", 4) is None


def test_a_box_around_a_polygon():
    assert box_around([3, 9, 1, 4, 8, 5]) == (1, 4, 7, 5)


def test_more_objects_than_an_image_can_have_are_damage():
    check_count(MAX_OBJECTS)
    with pytest.raises(DamagedAnnotation, match="too many"):
        check_count(MAX_OBJECTS + 1)


@pytest.mark.parametrize("data", [b"[]", b"{", b'{"a": NaN}', b'{"a": Infinity}', b"[" * 100_000, b""])
def test_only_json_objects_are_taken(data):
    with pytest.raises(DamagedAnnotation):
        json_object_of(data)
