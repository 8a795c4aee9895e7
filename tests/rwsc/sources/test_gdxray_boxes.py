import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from rwsc.sources.gdxray_boxes import MAX_MAT_BYTES, MAX_TXT_BYTES, DamagedBoxes, parse_mat, parse_txt

TABLE = [[1, 10, 30, 5, 9], [1, 40, 44, 6, 8], [12, 7, 3, 20, 2]]
BOXES = {1: [(10, 5, 20, 4), (40, 6, 4, 2)], 12: [(7, 20, -4, -18)]}


def mat(**variables):
    buffer = io.BytesIO()
    savemat(buffer, variables)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "text",
    ["1 10 30 5 9\n1 40 44 6 8\n12 7 3 20 2\n", "\ufeff 1\t10\t30\t5\t9\r\n1,40,44,6,8\r\r\n12 7 3 20 2",
     "# k x x y y\n  1.0000000e+00 1.0e+01 30 5 9 % first\n1 40 44 6 8\n\n12 7 3 20 2"],
)  # fmt: skip
def test_columns_are_the_number_then_x_then_y(text):
    assert parse_txt(text.encode()).by_number == BOXES


@pytest.mark.parametrize("kind", [float, np.float32, np.uint16, np.int64])
def test_a_mat_file_holds_the_same_table(kind):
    found = parse_mat(mat(bb=np.array(TABLE, kind), other={"a": [1, "x"]}))
    assert found.by_number == BOXES
    assert (found.damaged, found.num_lost) == ({}, 0)


def test_a_damaged_row_is_told_by_its_image_where_it_names_one():
    found = parse_txt(b"1 10 30 5\n2 1 2 nan 4\n3 1 2 1e300 4\nx 1 2 3 4\n1.5 1 2 3 4\n-1 1 2 3 4\n4 1 2 3 4")
    assert sorted(found.damaged) == [1, 2, 3]
    assert found.by_number == {4: [(1, 3, 1, 1)]}
    assert found.num_lost == 3
    found = parse_mat(mat(bb=np.array([[1, 1, np.inf, 2, 3], [np.nan, 1, 2, 3, 4], [2, 1, 2, 3, 4]])))
    assert (list(found.damaged), list(found.by_number), found.num_lost) == ([1], [2], 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no row holds"),
        (b"# only a remark\n", "no row holds"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "no text"),
        (b"<html>not found</html>", "no row holds"),
        (b"1 2 3 4 5\n" * (MAX_TXT_BYTES // 10 + 1), "more than"),
    ],
)
def test_a_text_without_boxes_is_refused(data, message):
    with pytest.raises(DamagedBoxes, match=message):
        parse_txt(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no MATLAB file"),
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128) + b"\x89HDF\r\n\x1a\n", "7.3"),
        (mat(boxes=np.zeros((3, 5))), "0 variables 'bb'"),
        (mat(bb=np.zeros((3, 4))), "has 4 columns"),
        (mat(bb=np.zeros((0, 5))), "no row holds"),
        (mat(bb="text here"), "no table of real numbers"),
        (mat(bb=np.zeros((MAX_MAT_BYTES // 40 + 1, 5))), "more than"),
    ],
)
def test_a_mat_file_without_boxes_is_refused(data, message):
    with pytest.raises(DamagedBoxes, match=message) as caught:
        parse_mat(data)
    assert "\n" not in str(caught.value)


@given(
    st.one_of(st.binary(max_size=200), st.text("0123456789.-+e naif#,\t\n\x00", max_size=200).map(str.encode))
)
def test_whatever_the_text_nothing_else_is_raised(data):
    try:
        found = parse_txt(data)
    except DamagedBoxes:
        return
    assert all(len(box) == 4 for boxes in found.by_number.values() for box in boxes)


SOUND = [mat(bb=np.array(TABLE, float)), mat(bb=np.array(TABLE, np.uint8), c={"a": [1, "x"]})]


@given(
    st.sampled_from(SOUND),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 400),
)
def test_whatever_the_mat_file_nothing_else_is_raised(data, changes, num_cut):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        found = parse_mat(bytes(damaged[: len(damaged) - num_cut]))
    except DamagedBoxes:
        return
    assert all(len(box) == 4 for boxes in found.by_number.values() for box in boxes)
