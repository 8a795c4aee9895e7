import pytest
from support.source_trees import JUNK, grow, is_damaged, objects_of, scans_of

from rwsc.sources.opixray import HIXRAY, OPIXRAY

KNIFE = "009999.jpg Folding_Knife 40 30 10 20\r\n"


@pytest.fixture
def tree(store_uri):
    return grow(
        store_uri,
        {
            "train/train_image/000001.jpg": b"",
            "train/train_image/000002.JPG": b"",
            "train/train_image/Thumbs.db": b"",
            "train/train_annotation/000002.txt": KNIFE * 2,
            "train/train_annotation/000099.txt": KNIFE,
            "train/train_annotation/._000002.txt": b"\0",
            "train/train_knife.txt": "000001\r\n000002\r\n000098\r\n",
            "test/test_image/000003.jpg": b"",
            "test/test_image/000004.jpg": b"",
            "test/test_image/000005.jpg": b"",
            "test/test_annotation/000003.txt": KNIFE,
            "test/test_annotation/000004.txt": KNIFE,
            "test/test_annotation/000005.TXT": b"",
            "test/test_knife.txt": "000003\n000004\n000005\n",
            "test/test_knife-1.txt": b"\xef\xbb\xbf000003\r\n",
            "test/test_knife-2.txt": "000004\n",
            "test/test_knife-3.txt": "000004\n",
        },
    )


def test_a_tree_with_its_oddities(tree):
    assert "train_knife.txt" in OPIXRAY.recognise(tree) or "test_knife.txt" in OPIXRAY.recognise(tree)
    assert HIXRAY.recognise(tree) is None
    scans, dropped = scans_of(OPIXRAY, tree)
    assert {key.rsplit("/", 1)[1]: scan.split for key, scan in scans.items()} == {
        "000003.jpg": "test",
        "000004.jpg": "test",
        "000005.jpg": "test",
        "000002.JPG": "train",
        "000001.jpg": "train",
    }
    assert {scan.kind for scan in scans.values()} == {"threat"}
    assert {scan.dataset for scan in scans.values()} == {"OPIXray"}
    assert (
        objects_of(scans["train/train_image/000002.JPG"]) == [("Folding_Knife", (40, 30, -30, -10), ())] * 2
    )
    assert objects_of(scans["test/test_image/000003.jpg"])[0][2] == ("occlusion_1",)
    assert objects_of(scans["test/test_image/000004.jpg"])[0][2] == ("occlusion_3",)
    assert objects_of(scans["test/test_image/000005.jpg"]) == []
    assert scans["train/train_image/000001.jpg"].flags == ("no_annotation",)
    assert dropped == {"annotation without an image": 1, "listed image missing": 1}


def hixray(**more):
    return {
        "train/train_image/a.TIFF": b"",
        "train/train_image/b.tiff": b"",
        "test/test_image/c.jpg": b"",
        "train/train_annotation/a.txt": "a.tiff Mobile_Phone 1 2 3 4\n",
        "train/train_annotation/b.txt": "a.tiff Water 1 2 3 4\n",
        "test/test_annotation/c.txt": "a.tiff Laptop 1 2 3 4\n",
    } | more


@pytest.mark.parametrize("lists", [{"train/train_name.txt": "a\nb\n", "test/test_name.txt": "c\n"}, {}])
def test_hixray_is_told_by_its_lists_or_its_classes(tmp_path, lists):
    tree = grow(str(tmp_path), hixray(**lists))
    assert HIXRAY.recognise(tree)
    assert OPIXRAY.recognise(tree) is None
    scans, dropped = scans_of(HIXRAY, tree)
    assert {scan.dataset for scan in scans.values()} == {"HiXray"}
    assert objects_of(scans["train/train_image/a.TIFF"]) == [("Mobile_Phone", (1, 2, 2, 2), ())]
    assert not dropped


def test_one_half_alone_is_recognised_by_its_classes(tmp_path):
    files = {"Train/train_image/a.jpg": b"", "Train/train_annotation/a.txt": KNIFE}
    tree = grow(str(tmp_path), files)
    assert OPIXRAY.recognise(tree)
    assert [scan.split for scan in scans_of(OPIXRAY, tree)[0].values()] == ["train"]


@pytest.mark.parametrize("reader", [OPIXRAY, HIXRAY])
def test_a_part_without_annotations_holds_no_harmless_bags(tmp_path, reader):
    label = {"opixray": "Scissor", "hixray": "Laptop"}[reader.layout]
    files = {"train/train_image/a.jpg": b"", "train/train_annotation/a.txt": f"a.jpg {label} 1 2 3 4"}
    tree = grow(str(tmp_path), files | {"test/test_image/b.jpg": b"", "test/test_knife.txt": "b\nc"})
    assert reader.recognise(tree)
    scans, dropped = scans_of(reader, tree)
    assert {key: (scan.kind, scan.split, scan.flags) for key, scan in scans.items()} == {
        "train/train_image/a.jpg": ("threat", "train", ()),
        "test/test_image/b.jpg": ("threat", "test", ("no_annotation",)),
    }
    assert dropped == ({"listed image missing": 1} if reader is OPIXRAY else {})


@pytest.mark.parametrize(
    ("root", "more", "reader"),
    [
        ("set", {}, OPIXRAY),
        ("HiXray", {}, HIXRAY),
        ("set", {"test/test_image/b.TIFF": b""}, HIXRAY),
        ("set", {"train/train_name.txt": "a"}, HIXRAY),
        ("HiXray", {"train/train_knife.txt": "a"}, OPIXRAY),
    ],
)
def test_without_any_annotations_names_tell_the_dataset_and_nothing_is_harmless(tmp_path, root, more, reader):
    tree = grow(str(tmp_path / root), {"train/train_image/a.jpg": b"", "README.md": b"x"} | more)
    recognised = [each for each in (OPIXRAY, HIXRAY) if each.recognise(tree)]
    assert recognised == [reader]
    scans, dropped = scans_of(reader, tree)
    assert {(scan.kind, scan.flags) for scan in scans.values()} == {("threat", ("no_annotation",))}
    assert not dropped


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"mine/mine_image/a.jpg": b""},
        {"train/train_images/a.jpg": b""},
        {"train/train_image/a.jpg": b"", "train/train_label/a.txt": b"0 0.5 0.5 0.1 0.1"},
        {"train/train_image/a.jpg": b"", "train/train_name.txt": "a", "annotations.json": b"{}"},
        {"train/train_image/a.jpg": b"", "train/train_annotation/a.txt": "a Teapot 1 2 3 4"},
        {"train/image/P00001.jpg": b"", "train/annotation/P00001.xml": b""},
    ],
)
def test_other_layouts_are_not_claimed(tmp_path, files):
    tree = grow(str(tmp_path), files)
    assert (OPIXRAY.recognise(tree), HIXRAY.recognise(tree)) == (None, None)


def test_every_kind_of_junk_costs_its_own_image_only(tmp_path):
    files = {"train/train_knife.txt": b"\xff" * 9}
    for number, data in enumerate(data for data in JUNK.values() if data):
        files |= {f"train/train_image/{number}.jpg": b"", f"train/train_annotation/{number}.txt": data}
    scans, dropped = scans_of(OPIXRAY, grow(str(tmp_path), files))
    assert len(scans) == len(JUNK) - 1
    assert all(is_damaged(scan) for scan in scans.values())
    assert dropped == {"list of images that cannot be read": 1}
