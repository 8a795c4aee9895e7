import pytest
from support.source_trees import JUNK, grow, is_damaged, objects_of, scans_of, voc

from rwsc.sources.voc import READER


@pytest.fixture
def tree(store_uri):
    return grow(
        store_uri,
        {
            "JPEGImages/a.jpg": b"",
            "JPEGImages/b.JPG": b"",
            "JPEGImages/c.jpg": b"",
            "JPEGImages/d.jpg": b"",
            "JPEGImages/e.png": b"",
            "JPEGImages/Thumbs.db": b"",
            "Annotations/a.xml": voc(("Gun", 30, 40, 10, 20), filename="b.jpg"),
            "Annotations/b.XML": voc(),
            "Annotations/c.xml": voc(("Knife", 1, 2, 3, 4)),
            "Annotations/gone.xml": voc(("Knife", 1, 2, 3, 4)),
            "Annotations/._a.xml": b"\0\5\26\7",
            "__MACOSX/Annotations/a.xml": b"",
            "ImageSets/Main/train.txt": b"\xef\xbb\xbfa\r\nb\r\nlost\r\n",
            "ImageSets/Main/val.txt": "c\nb\n",
            "ImageSets/Main/test.txt": "c\n",
            "ImageSets/Main/trainval.txt": "a\nb\nc\nd\n",
            "ImageSets/Main/gun_train.txt": "a  1\n",
            "SegmentationClass/a.png": b"",
        },
    )


def test_a_tree_with_its_oddities(tree):
    assert "Annotations" in READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert list(scans) == [f"JPEGImages/{name}" for name in ("a.jpg", "b.JPG", "c.jpg", "d.jpg", "e.png")]
    assert objects_of(scans["JPEGImages/a.jpg"]) == [("Gun", (30, 40, -20, -20), ())]
    assert objects_of(scans["JPEGImages/b.JPG"]) == []
    assert [scan.split for scan in scans.values()] == ["train", "val", "test", "train", None]
    assert {scan.kind for scan in scans.values()} == {"benign"}  # until the files are read
    assert [scan.flags for scan in scans.values()] == [
        (),
        (),
        (),
        ("no_annotation_file",),
        ("no_annotation_file",),
    ]
    assert dropped == {
        "annotation without an image": 1,
        "image in a folder without annotations": 1,
        "listed image missing": 1,
    }


def test_a_file_beside_each_image_and_a_folder_per_split(tmp_path):
    files = {
        f"{part}/{name}.{end}": voc()
        for part in ("train", "valid")
        for name in "ab"
        for end in ("jpg", "xml")
    }
    scans, dropped = scans_of(READER, grow(str(tmp_path), files))
    assert [scan.split for scan in scans.values()] == ["train", "train", "val", "val"]
    assert not dropped


def test_years_side_by_side_have_their_own_lists(tmp_path):
    files = {}
    for year, name in (("VOC2007", "train"), ("VOC2012", "val")):
        files |= {f"{year}/JPEGImages/1.jpg": b"", f"{year}/Annotations/1.xml": voc()}
        files |= {f"{year}/ImageSets/Main/{name}.txt": "1\n"}
    scans, dropped = scans_of(READER, grow(str(tmp_path), files))
    assert [scan.split for scan in scans.values()] == ["train", "val"]
    assert not dropped


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"images/a.jpg": b"", "Annotations/b.xml": voc()},
        {"images/a.jpg": b"", "Annotations/a.xml": b"<html/>"},
        {"images/a.jpg": b"", "Annotations/a.txt": b"0 0.5 0.5 0.1 0.1"},
        {"images/P00001.jpg": b"", "images/N0000001.jpg": b"", "annotations/P00001.xml": voc()},
    ],
)
def test_other_layouts_are_not_claimed(tmp_path, files):
    assert READER.recognise(grow(str(tmp_path), files)) is None


def test_every_kind_of_junk_costs_its_own_image_only(tmp_path):
    files = {f"images/{number}.jpg": b"" for number in range(len(JUNK))}
    files |= {f"Annotations/{number}.xml": data for number, data in enumerate(JUNK.values())}
    files |= {"images/zz.jpg": b"", "Annotations/zz.xml": voc(("gun", 1, 2, 3, 4))}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert len(scans) == len(JUNK) + 1
    assert not is_damaged(scans.pop("images/zz.jpg"))
    assert all(is_damaged(scan) for scan in scans.values())
