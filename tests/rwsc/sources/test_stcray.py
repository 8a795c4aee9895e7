import pytest
from support.source_trees import JUNK, grow, is_damaged, labelme, objects_of, scans_of

from rwsc.sources.stcray import READER, class_of

GUN = labelme({"label": "Gun", "points": [[30, 40], [10, 20]]}, imageWidth=100, imageHeight=50)
NAMELESS = labelme({"label": "", "points": [[1, 2], [3, 4]]})


def test_a_tree_with_its_oddities(store_uri):
    tree = grow(
        store_uri,
        {
            "STCray_TrainSet/Images/Class 01_Gun/a.jpg": b"",
            "STCray_TrainSet/Images/Class 01_Gun/b.JPG": b"",
            "STCray_TrainSet/Images/Class 01_Gun/c.jpg": b"",
            "STCray_TrainSet/Images/Class 22_Non Threat/a.jpg": b"",
            "STCray_TrainSet/Json_BB/Class 01_Gun/b.json": GUN,
            "STCray_TrainSet/Json_BB/Class 01_Gun/c.JSON": NAMELESS,
            "STCray_TrainSet/Json_BB/Class 01_Gun/gone.json": GUN,
            "STCray_TrainSet/Json_BB/Class 99_Gone/gone.json": GUN,
            "STCray_TestSet/Images/Class 07_Multilabel Threat/a.jpg": b"",
            "STCray_TestSet/Json_BB/class 07_multilabel threat/a.json": GUN,
            "STCray_TestSet/Images/.DS_Store": b"",
        },
    )
    assert "Json_BB" in READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert {key.split("/", 2)[2]: (scan.kind, scan.split, scan.flags) for key, scan in scans.items()} == {
        "Class 07_Multilabel Threat/a.jpg": ("threat", "test", ()),
        "Class 01_Gun/b.JPG": ("threat", "train", ()),
        "Class 01_Gun/c.jpg": ("threat", "train", ()),
        "Class 01_Gun/a.jpg": ("threat", "train", ("no_annotation",)),
        "Class 22_Non Threat/a.jpg": ("benign", "train", ()),
    }
    assert objects_of(scans["STCray_TrainSet/Images/Class 01_Gun/b.JPG"]) == [("Gun", (30, 40, -20, -20), ())]
    assert objects_of(scans["STCray_TrainSet/Images/Class 01_Gun/c.jpg"]) == [("Gun", (1, 2, 2, 2), ())]
    assert objects_of(scans["STCray_TestSet/Images/Class 07_Multilabel Threat/a.jpg"])[0][0] == "Gun"
    assert {scan.dataset for scan in scans.values()} == {"STCray"}
    assert dropped == {"annotation without an image": 2}


def test_one_part_alone_takes_its_split_from_its_own_name(tmp_path):
    files = {"Images/Class 1_Gun/a.jpg": b"", "Json_BB/Class 1_Gun/a.json": GUN}
    tree = grow(str(tmp_path / "STCray_TestSet"), files)
    assert READER.recognise(tree)
    assert [scan.split for scan in scans_of(READER, tree)[0].values()] == ["test"]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Images/Class 01_Explosive", "Explosive"),
        ("Images/class_12_3D Gun", "3D Gun"),
        ("Images/Hammer", "Hammer"),
        ("Images/Class 5", "Class 5"),
        ("Images/Class 22_Non Threat", None),
        ("Images/Class 22_Non-threat", None),
        ("Images/NonThreat", None),
    ],
)
def test_the_folder_names_the_class(folder, name):
    assert class_of(folder) == name


@pytest.mark.parametrize("texts", [{"STCray_TrainSet/Json_BB/Class 01_Gun/a.json": GUN}, {}])
def test_a_part_without_annotations_is_harmless_only_where_its_folder_says_so(tmp_path, texts):
    tests = "STCray_TestSet/Images/Class"
    images = [
        f"{tests} 01_Gun/a.jpg",
        f"{tests} 22_Non Threat/b.jpg",
        "STCray_TrainSet/Images/Class 01_Gun/a.jpg",
    ]
    tree = grow(str(tmp_path), dict.fromkeys(images, b"") | texts)
    assert READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert {key: (scan.dataset, scan.kind, scan.split, scan.flags) for key, scan in scans.items()} == {
        images[0]: ("STCray", "threat", "test", ("no_annotation",)),
        images[1]: ("STCray", "benign", "test", ()),
        images[2]: ("STCray", "threat", "train", () if texts else ("no_annotation",)),
    }
    assert not dropped


def test_one_part_without_annotations_is_told_by_the_name_of_the_source(tmp_path):
    images = {"Images/Class 01_Gun/a.jpg": b""}
    assert READER.recognise(grow(str(tmp_path / "STCray_TestSet"), images))
    assert READER.recognise(grow(str(tmp_path / "mine"), images)) is None


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"Images/a.jpg": b""},
        {"images/a.jpg": b"", "json/a.json": GUN},
        {"STCray_TrainSet/Images/a.jpg": b""},
        {
            "STCray_TrainSet/Images/Class 01_Gun/a.jpg": b"",
            "STCray_TrainSet/labels/a.txt": "0 0.5 0.5 0.1 0.1",
        },
    ],
)
def test_other_layouts_are_not_claimed(tmp_path, files):
    assert READER.recognise(grow(str(tmp_path), files)) is None


def test_every_kind_of_junk_costs_its_own_image_only(tmp_path):
    files = {}
    for number, data in enumerate(JUNK.values()):
        files |= {f"x/Images/Class 1_A/{number}.jpg": b"", f"x/Json_BB/Class 1_A/{number}.json": data}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert len(scans) == len(JUNK)
    assert all(is_damaged(scan) for scan in scans.values())
