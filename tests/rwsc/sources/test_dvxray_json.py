import json

import pytest

from rwsc.sources.annotation import DamagedAnnotation
from rwsc.sources.dvxray_json import parse_dvxray


def parse(objects, view="OL"):
    data = json.dumps({"name": "../../etc/passwd", "objects": objects}).encode()
    return [
        (thing.label, thing.bbox_xywh, thing.flags)
        for thing in parse_dvxray(data, (9, 9), {"view": view}).objects
    ]


def test_each_view_has_its_own_box():
    objects = [{"label": "Gun", "ol_bb": [1, 2, 11, 22], "sd_bb": [5, 9, 3, 4]}]
    assert parse(objects) == [("Gun", (1, 2, 10, 20), ())]
    assert parse(objects, "SD") == [("Gun", (5, 9, -2, -5), ())]


def test_an_object_not_found_in_a_view_has_no_box_there():
    objects = [{"label": "Saw_blade", "ol_bb": "difficult", "sd_bb": [1, 2, 3, 4]}]
    assert parse(objects) == [("Saw_blade", None, ("difficult",))]
    assert parse(objects, "SD") == [("Saw_blade", (1, 2, 2, 2), ())]


@pytest.mark.parametrize("objects", ["None", " none ", []])
def test_harmless_bags_say_none_as_text(objects):
    assert parse(objects) == []


@pytest.mark.parametrize("box", [None, "None", [1, 2, 3], [1, 2, 3, "x"], {"x": 1}, [1, 2, 3, 1e308]])
def test_a_box_that_is_none_leaves_an_object_without_one(box):
    assert parse([{"label": "Gun", "ol_bb": box}]) == [("Gun", None, ("box_unreadable",))]


@pytest.mark.parametrize("objects", [None, "some", 3, {"label": "Gun"}, ["Gun"], [{"ol_bb": [1, 2, 3, 4]}]])
def test_what_states_no_objects_is_damage(objects):
    with pytest.raises(DamagedAnnotation):
        parse(objects)
