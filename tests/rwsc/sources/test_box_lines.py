import pytest

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.box_lines import parse_box_lines


def parse(data, **options):
    found = parse_box_lines(data, (100, 50), options)
    return [(thing.label, thing.bbox_xywh, thing.flags) for thing in found.objects]


def test_lines_with_stale_names_marks_and_dos_ends():
    data = b"\xef\xbb\xbfother.jpg knife 231 194 402 431\r\n\r\n  a b.jpg Multi-tool_Knife 9 8.5 3 2 \r\n"
    assert parse(data) == [
        ("knife", (231, 194, 171, 237), ()),
        ("Multi-tool_Knife", (9, 8.5, -6, -6.5), ()),
    ]


def test_names_in_gbk_are_read_over():
    assert parse("扫描.jpg knife 1 2 3 4".encode("gbk"))[0][0] == "knife"


@pytest.mark.parametrize(
    ("line", "label"),
    [
        (b"x.jpg Folding Knife 1 2 3 4", "Folding_Knife"),
        (b"a b.TIFF Multi-tool  Knife 1 2 3 4", "Multi-tool_Knife"),
        (b"x.jpg copy.jpg knife 1 2 3 4", "knife"),
        (b"a b knife 1 2 3 4", "knife"),
    ],
)
def test_the_class_is_all_that_stands_between_image_and_corners(line, label):
    assert parse(line) == [(label, (1, 2, 2, 2), ())]


def test_the_level_of_occlusion_becomes_a_flag():
    assert parse(b"a knife 1 2 3 4", occlusion="3")[0][2] == ("occlusion_3",)


def test_an_empty_file_states_nothing():
    assert parse(b"\n \n") == []


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"knife 1 2 3 4",
            b"a knife 1 2 3",
            b"a knife 1 2 3 x",
            b"a knife 1 2 3 nan",
            b"a knife 1 2 3 1e308",
        ),
        *(b"x.jpg knife 1 2 30 40 0", b"a knife 1 2 30 40 0", b"x.jpg 3 1 2 30 40", b"a b.jpg 1 2 30 40"),
    ],
)
def test_a_line_of_another_form_is_damage_with_its_number(line):
    with pytest.raises(DamagedAnnotation, match="line 2 is not"):
        parse(b"a knife 1 2 3 4\n" + line)
