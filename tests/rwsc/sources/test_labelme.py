import pytest
from support.source_trees import JUNK, grow, is_damaged, labelme, objects_of, scans_of

from rwsc.sources.labelme import READER

GUN = labelme({"label": "gun", "points": [[1, 2], [3, 4]], "shape_type": "rectangle"})


def test_a_tree_with_its_oddities(store_uri):
    tree = grow(
        store_uri,
        {
            "train/a.jpg": b"",
            "train/a.json": GUN,
            "train/b.PNG": b"",
            "train/b.JSON": labelme(),
            "train/c.jpg": b"",
            "train/gone.json": GUN,
            "train/._a.json": b"\0",
            "more/images/d.jpg": b"",
            "more/json/d.json": b"\xef\xbb\xbf" + GUN.encode(),
        },
    )
    assert "LabelMe" in READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert list(scans) == ["more/images/d.jpg", "train/a.jpg", "train/b.PNG", "train/c.jpg"]
    assert (
        objects_of(scans["train/a.jpg"])
        == objects_of(scans["more/images/d.jpg"])
        == [("gun", (1, 2, 2, 2), ())]
    )
    assert objects_of(scans["train/b.PNG"]) == []
    assert scans["train/c.jpg"].flags == ("no_annotation_file",)
    assert [scan.split for scan in scans.values()] == [None, "train", "train", "train"]
    assert dropped == {"annotation without an image": 1}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"a.jpg": b"", "b.json": GUN},
        {"a.jpg": b"", "a.json": b'{"images": []}'},
        {"1_OL.png": b"", "1_SD.png": b"", "1.json": b'{"objects": "None"}'},
        {"Images/Class 01_Gun/a.jpg": b"", "Json_BB/Class 01_Gun/a.json": GUN},
    ],
)
def test_other_layouts_are_not_claimed(tmp_path, files):
    assert READER.recognise(grow(str(tmp_path), files)) is None


def test_every_kind_of_junk_costs_its_own_image_only(tmp_path):
    files = {f"{number}.jpg": b"" for number in range(len(JUNK))}
    files |= {f"{number}.json": data for number, data in enumerate(JUNK.values())}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert len(scans) == len(JUNK)
    assert all(is_damaged(scan) for scan in scans.values())
