import json

import pytest
from support.source_trees import JUNK, grow, is_damaged, objects_of, scans_of

from rwsc.sources.dvxray import READER

BAG = json.dumps(
    {
        "name": "000099",
        "objects": [
            {"label": "Gun", "ol_bb": [30, 40, 10, 20], "sd_bb": [1, 2, 3, 4]},
            {"label": "Saw_blade", "ol_bb": [5, 6, 7, 8], "sd_bb": "difficult"},
        ],
    }
)
NONE = '{"name": "1", "objects": "None"}'


def test_a_tree_with_its_oddities(store_uri):
    tree = grow(
        store_uri,
        {
            "DvXray_Positive_Samples/000001.json": BAG,
            "DvXray_Positive_Samples/000001_OL.png": b"",
            "DvXray_Positive_Samples/000001_SD.PNG": b"",
            "DvXray_Positive_Samples/000002_OL.png": b"",
            "DvXray_Positive_Samples/000009.json": BAG,
            "DvXray_Positive_Samples/._000001.json": b"\0",
            "DvXray_Positive_Samples/cover.png": b"",
            "DvXray_Negative_Samples/000001.JSON": NONE,
            "DvXray_Negative_Samples/000001_OL.png": b"",
            "DvXray_Negative_Samples/000003_SD.png": b"",
        },
    )
    assert "OL and SD" in READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    facts = {
        key.split("_", 1)[1]: (scan.kind, scan.group, scan.view, scan.flags) for key, scan in scans.items()
    }
    assert facts == {
        "Positive_Samples/000001_OL.png": ("threat", "positive-000001", "OL", ()),
        "Positive_Samples/000001_SD.PNG": ("threat", "positive-000001", "SD", ()),
        "Positive_Samples/000002_OL.png": ("threat", "positive-000002", "OL", ("no_annotation",)),
        "Negative_Samples/000001_OL.png": ("benign", "negative-000001", "OL", ()),
        "Negative_Samples/000003_SD.png": ("benign", "negative-000003", "SD", ()),
    }
    assert objects_of(scans["DvXray_Positive_Samples/000001_OL.png"]) == [
        ("Gun", (30, 40, -20, -20), ()),
        ("Saw_blade", (5, 6, 2, 2), ()),
    ]
    assert objects_of(scans["DvXray_Positive_Samples/000001_SD.PNG"]) == [
        ("Gun", (1, 2, 2, 2), ()),
        ("Saw_blade", None, ("difficult",)),
    ]
    assert objects_of(scans["DvXray_Negative_Samples/000001_OL.png"]) == []
    assert {(scan.dataset, scan.split) for scan in scans.values()} == {("DvXray", None)}
    assert dropped == {"annotation without an image": 1, "image whose name states no view": 1}


@pytest.mark.parametrize(("name", "kind"), [("Positive", "threat"), ("Negative", "benign")])
def test_one_part_alone_is_told_by_its_own_name(tmp_path, name, kind):
    tree = grow(str(tmp_path / f"DvXray_{name}_Samples"), {"sub/1_OL.png": b"", "sub/1.json": NONE})
    assert READER.recognise(tree)
    assert [scan.kind for scan in scans_of(READER, tree)[0].values()] == [kind]


@pytest.mark.parametrize(
    "files",
    [{}, {"1_OL.png": b"", "1.json": NONE}, {"Positive_Samples/a.png": b"", "Positive_Samples/a.json": NONE}],
)
def test_other_layouts_are_not_claimed(tmp_path, files):
    assert READER.recognise(grow(str(tmp_path), files)) is None


@pytest.mark.parametrize("part", ["Positive", "Negative"])
def test_every_kind_of_junk_costs_its_own_images_only(tmp_path, part):
    files = {}
    for number, data in enumerate(JUNK.values()):
        files |= {f"DvXray_{part}_Samples/{number}{end}": b"" for end in ("_OL.png", "_SD.png")}
        files |= {f"DvXray_{part}_Samples/{number}.json": data}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert len(scans) == 2 * len(JUNK)
    assert all(is_damaged(scan) for scan in scans.values())
