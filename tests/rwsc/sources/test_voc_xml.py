import pytest
from support.source_trees import voc

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.voc_xml import parse_voc


def parse(text):
    return parse_voc(text if isinstance(text, bytes) else text.encode(), (100, 50), {})


def test_objects_size_and_flags_are_read():
    found = parse(
        """<?xml version="1.0"?>
        <annotation><folder>x</folder><filename>../../etc/passwd</filename>
        <size><width>640</width><height>480</height><depth>3</depth></size>
        <object><name> Gun </name><difficult>1</difficult><truncated>0</truncated>
            <bndbox><xmin>10.5</xmin><ymin>20</ymin><xmax>30</xmax><ymax>60</ymax></bndbox>
            <part><name>trigger</name><bndbox><xmin>1</xmin></bndbox></part></object>
        <object><name>Knife</name><truncated>1</truncated>
            <bndbox><xmax>5</xmax><ymax>6</ymax><xmin>15</xmin><ymin>26</ymin></bndbox></object>
        </annotation>"""
    )
    assert found.stated_size_wh == (640, 480)
    assert [(thing.label, thing.bbox_xywh, thing.flags) for thing in found.objects] == [
        ("Gun", (10.5, 20, 19.5, 40), ("difficult",)),
        ("Knife", (15, 26, -10, -20), ("truncated_in_source",)),
    ]


def test_a_file_without_objects_states_none():
    assert parse("<annotation></annotation>").objects == ()


def test_a_size_of_zero_is_no_size():
    assert parse("<annotation><size><width>0</width></size></annotation>").stated_size_wh == (None, None)


@pytest.mark.parametrize(
    "box",
    [
        "",
        "<bndbox/>",
        "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax></bndbox>",
        "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>NaN</ymax></bndbox>",
        "<bndbox><xmin>1e308</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>",
    ],
)
def test_an_object_whose_box_cannot_be_read_is_kept_without_one(box):
    (thing,) = parse(f"<annotation><object><name>gun</name>{box}</object></annotation>").objects
    assert (thing.bbox_xywh, thing.flags) == (None, ("box_unreadable",))


BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>5</ymax></bndbox>"
GUN = f"<object><name>gun</name>{BOX}</object>"


@pytest.mark.parametrize(
    "text",
    [
        f"<annotation><objects>{GUN}</objects></annotation>",
        f"<Annotation>{GUN.replace('object', 'Object').replace('name', 'Name')}</Annotation>",
        f"<annotation>{GUN.upper().replace('GUN', 'gun')}</annotation>",
        f'<annotation xmlns="http://x">{GUN}</annotation>',
    ],
)
def test_gathered_objects_and_names_in_any_case_or_space_are_read(text):
    (thing,) = parse(text).objects
    assert (thing.label, thing.bbox_xywh, thing.flags) == ("gun", (1, 2, 2, 3), ())


def test_an_object_of_two_boxes_is_two_objects():
    second = BOX.replace("1", "0")
    found = parse(f"<annotation>{GUN.replace(BOX, BOX + second + '<truncated>1</truncated>')}</annotation>")
    assert [(thing.label, thing.bbox_xywh, thing.flags) for thing in found.objects] == [
        ("gun", (1, 2, 2, 3), ("truncated_in_source",)),
        ("gun", (0, 2, 3, 3), ("truncated_in_source",)),
    ]


@pytest.mark.parametrize(
    "inner",
    [
        f"<item><name>gun</name>{BOX}</item>",
        f"<objects><item>{BOX.replace('bndbox', 'BBox')}</item></objects>",
        "<Gun><XMin>1</XMin><YMin>2</YMin></Gun>",
        f'<item xmlns="http://x">{BOX}</item>',
        "<shape><polygon><x1>1</x1></polygon></shape>",
        f"{GUN}<item><name>knife</name>{BOX}</item>",
    ],
)
def test_a_box_of_no_object_is_damage(inner):
    with pytest.raises(DamagedAnnotation, match="in no object"):
        parse(f"<annotation>{inner}</annotation>")


def test_boxes_are_counted_as_objects():
    with pytest.raises(DamagedAnnotation, match="too many"):
        parse(f"<annotation><object><name>gun</name>{'<bndbox/>' * 10_001}</object></annotation>")


@pytest.mark.parametrize("name", ["", "<name/>", "<name>  </name>", "<name>a&#1;b</name>"])
def test_an_object_without_a_name_is_damage(name):
    with pytest.raises(DamagedAnnotation):
        parse(f"<annotation><object>{name}</object></annotation>")


@pytest.mark.parametrize(
    "declaration", ['<?xml version="1.0" encoding="GBK"?>', "", '<?xml version="1.0"?>\n']
)
def test_paths_and_names_in_gbk_are_read_whatever_is_declared(declaration):
    text = declaration + voc(("刀", 1, 2, 3, 4), filename="图片/扫描.jpg")
    assert parse(text.encode("gbk")).objects[0].label == "刀"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_and_leading_space_do_no_harm(encoding):
    text = '\r\n <?xml version="1.0" encoding="utf-8"?>\r\n' + voc(("gun", 1, 2, 3, 4))
    assert len(parse(text.encode(encoding)).objects) == 1


def test_any_document_type_is_refused():
    with pytest.raises(DamagedAnnotation, match="document type"):
        parse("<!DOCTYPE annotation><annotation/>")
