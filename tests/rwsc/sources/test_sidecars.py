import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.source_trees import JUNK, labelme, voc

from rwsc.sources.schema import Sidecar, SourceObject
from rwsc.sources.sidecars import PARSERS, Annotation, DamagedAnnotation, parse_sidecar, settle_kind

VALID = {
    "voc_xml": voc(("gun", 1, 2, 30, 40), ("Knife", 5, 5, 9, 9)).encode(),
    "yolo_lines": b"0 0.5 0.5 0.25 0.5\r\n1 0.1 0.1 0.2 0.1 0.2 0.2\n",
    "labelme_json": labelme(
        {"label": "gun", "points": [[1, 2], [3, 4]], "shape_type": "rectangle"},
        {"label": "knife", "points": [[1, 2], [3, 4], [1, 5]], "shape_type": "polygon"},
        imageWidth=100,
        imageHeight=50,
    ).encode(),
    "box_lines": b"00001.jpg knife 231 194 402 431\n00001.jpg gun 1 2 3 4\n",
    "dvxray_json": json.dumps(
        {"name": "1", "objects": [{"label": "Gun", "ol_bb": [1, 2, 3, 4], "sd_bb": "difficult"}] * 2}
    ).encode(),
}
OPTIONS = {"view": "OL", "label": "gun", "occlusion": "1", "0": "gun"}
FORMS = sorted(VALID)


def parse(form, data, options=OPTIONS):
    return parse_sidecar(Sidecar(form=form, uri="x", options=options), data, (100, 50))


def mutated(data):
    """Valid files with a few bytes changed, cut out or put in, mostly such as mean something to a parser."""
    meaning = st.sampled_from(
        [b"<", b">", b'"', b"[", b"]", b"{", b"}", b",", b"-", b"1e308", b"NaN", b"null"]
    )
    piece = st.one_of(
        meaning, st.binary(max_size=4), st.sampled_from(["刀".encode("gbk"), b"\xff\xfe", b"\0"])
    )
    edit = st.tuples(st.integers(0, len(data)), st.integers(0, 12), piece)

    def apply(edits):
        changed = data
        for place, length, new in edits:
            changed = changed[:place] + new + changed[place + length :]
        return changed

    return st.lists(edit, min_size=1, max_size=6).map(apply)


def test_every_form_has_an_example():
    assert sorted(PARSERS) == FORMS


@pytest.mark.parametrize("form", FORMS)
def test_a_valid_file_states_two_objects(form):
    assert len(parse(form, VALID[form]).objects) == 2


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_changed_files_raise_nothing_but_damage(form, data):
    changed = data.draw(mutated(VALID[form]))
    check(form, changed, OPTIONS)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_damage(form, data):
    check(form, data, {})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["label", "points"]), inner),
    max_leaves=10,
)


@given(value=json_values)
def test_json_of_any_shape_raises_nothing_but_damage(value):
    documents = [
        {"shapes": value, "objects": value, "imageWidth": value},
        {"shapes": [value], "objects": [value]},
        {
            "shapes": [{"label": "a", "points": value, "shape_type": value}],
            "objects": [{"label": "a", "ol_bb": value}],
        },
        {
            "shapes": [{"label": value, "points": [[1, 2], [3, 4]]}],
            "objects": [{"label": value, "ol_bb": [1, 2, 3, 4]}],
        },
    ]
    for form in ("labelme_json", "dvxray_json"):
        for document in documents:
            check(form, json.dumps(document).encode(), {"view": "OL"})


def check(form, data, options):
    damage = None
    try:
        # The parser itself: what the net around it catches is a fault.
        found = PARSERS[form](data, (100, 50), options)
    except DamagedAnnotation as error:
        damage = str(error)
    if damage is not None:
        assert "\n" not in damage
        assert 0 < len(damage) < 500
        return
    for thing in found.objects:
        assert thing.label.encode()
        assert thing.label == thing.label.strip() != ""
        assert thing.bbox_xywh is None or all(abs(value) < 2**54 for value in thing.bbox_xywh)
        assert thing.bbox_xywh is None or len(thing.bbox_xywh) == 4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("junk", sorted(JUNK))
def test_junk_is_damage_within_seconds(form, junk):
    start = time.process_time()
    if form in ("yolo_lines", "box_lines") and junk == "empty":
        assert parse(form, b"") == Annotation()  # how background is written
    else:
        with pytest.raises(DamagedAnnotation) as caught:
            parse(form, JUNK[junk])
        assert "\n" not in str(caught.value)
        assert "root:" not in str(caught.value)
    assert time.process_time() - start < 3


def test_an_unknown_form_is_damage():
    with pytest.raises(DamagedAnnotation, match="form 'kitti'"):
        parse("kitti", b"")


def test_what_a_parser_did_not_foresee_is_damage_too():
    with pytest.raises(DamagedAnnotation, match="AttributeError"):
        parse_sidecar(Sidecar(form="box_lines", uri="x", options=None), b"a b 1 2 3 4", (100, 50))


@pytest.mark.parametrize(
    ("listed", "num_objects", "kind", "flags"),
    [
        ("benign", 0, "benign", ()),
        ("benign", 1, "threat", ()),
        ("threat", 1, "threat", ()),
        ("threat", 0, "threat", ("no_annotation",)),
        ("isolated", 1, "isolated", ()),
    ],
)
def test_a_scan_with_objects_is_never_harmless_and_a_threat_stays_one(listed, num_objects, kind, flags):
    found, annotation = settle_kind(listed, Annotation(objects=(SourceObject(label="gun"),) * num_objects))
    assert (found, annotation.flags) == (kind, flags)
