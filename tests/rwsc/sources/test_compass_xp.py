from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.errors import SourceError
from rwsc.sources.compass_xp import READER
from rwsc.sources.layout import recognise
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix

META = (
    "basename\tclass\tdangerous\tinstance\tpose\n"
    "0001\tpistol\tTrue\t1\t2\n0002\tpistol\ttrue\t1\t3\n0003\ttoy  car \tFalse\t1\t0\n"
)


@pytest.fixture
def root(tmp_path):
    for folder in ("Colour", "Density", "Grey"):
        (tmp_path / folder).mkdir()
        for number in (1, 2, 3):
            (tmp_path / folder / f"{number:04d}.png").write_bytes(b"")
    (tmp_path / "meta.txt").write_text(META)
    return tmp_path


def read(root):
    dropped = Counter()
    scans = READER.list_scans(list_tree(Prefix(str(root))), dropped)
    return {scan.uri.removeprefix(f"{root}/"): scan for scan in scans}, dropped


def test_every_scan_is_one_item_in_colour(root):
    assert READER.recognise(list_tree(Prefix(str(root)))) == "meta.txt"
    scans, dropped = read(root)
    assert list(scans) == ["Colour/0001.png", "Colour/0002.png", "Colour/0003.png"]
    pistol, again, car = scans.values()
    assert (pistol.kind, pistol.dataset, pistol.modality) == ("isolated", "COMPASS-XP", "colour")
    assert [(thing.label, thing.bbox_xywh, thing.flags) for thing in pistol.objects] == [("pistol", None, ())]
    assert [(thing.label, thing.flags) for thing in car.objects] == [("toy  car", ("harmless",))]
    assert pistol.group == again.group != car.group
    assert dropped == {"another rendering of a listed scan": 6}


def test_another_rendering_serves_where_there_is_no_colour(root):
    (root / "Colour" / "0002.png").unlink()
    scans, dropped = read(root)
    assert (scans["Density/0002.png"].objects[0].label, scans["Density/0002.png"].modality) == (
        "pistol",
        None,
    )
    assert dropped == {"another rendering of a listed scan": 5}
    for path in (root / "Colour").iterdir():
        path.unlink()
    assert list(read(root)[0]) == ["Density/0001.png", "Density/0002.png", "Density/0003.png"]


def test_two_energies_are_a_scan_beside_its_colours(root):
    for folder, numbers in (("Low", (1, 2)), ("High", (1, 3))):
        (root / folder).mkdir()
        for number in numbers:
            (root / folder / f"{number:04d}.png").write_bytes(b"")
    dropped = Counter()
    scans = list(recognise(str(root)).list_scans(dropped))
    assert [scan.uri.removeprefix(f"{root}/") for scan in scans] == [
        "Colour/0001.png",
        "Colour/0002.png",
        "Colour/0003.png",
        "Low/0001.png#high=High/0001.png",
    ]
    assert (scans[3].modality, scans[3].group, scans[3].objects) == (
        "dual_energy",
        scans[0].group,
        scans[0].objects,
    )
    assert dropped == {"another rendering of a listed scan": 8}


def test_damaged_lines_cost_their_image_or_are_counted(root):
    (root / "meta.txt").write_bytes(
        META.encode() + b"0002\tknife\tTrue\t1\t3\n0004\n\tgun\tTrue\n\xff\xfe\tgun\tTrue\t1\t1\n"
        b"../../etc/passwd\tgun\tTrue\t1\t1\n0001\tpistol\tTrue\t1\t2\n"
    )
    (root / "Colour" / "0004.png").write_bytes(b"")
    (root / "Colour" / "0005.png").write_bytes(b"")
    scans, dropped = read(root)
    assert scans["Colour/0001.png"].problem is None
    assert "twice" in scans["Colour/0002.png"].problem
    assert "damaged line" in scans["Colour/0004.png"].problem
    unlisted = scans["Colour/0005.png"]
    assert (unlisted.kind, unlisted.objects, unlisted.flags) == ("isolated", (), ("no_annotation",))
    assert dropped["damaged line of meta.txt"] == 2
    assert dropped["annotation without an image"] == 1


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"<html>", b"a b c\nd e f\n"])
def test_a_damaged_list_is_one_failed_row_and_the_images_have_no_class(root, content):
    (root / "meta.txt").write_bytes(content)
    scans, _ = read(root)
    assert scans.pop("meta.txt").problem
    assert {(scan.kind, scan.objects, scan.flags) for scan in scans.values()} == {
        ("isolated", (), ("no_annotation",))
    }


def test_a_list_without_a_heading_and_names_with_endings_are_read(root):
    (root / "meta.txt").write_text("0001.png\tpistol\tTrue\t1\t2\r\n0002.png\tknife\t0\t7\t2\r\n")
    scans, _ = read(root)
    assert [thing.label for thing in scans["Colour/0001.png"].objects] == ["pistol"]
    assert scans["Colour/0002.png"].objects[0].flags == ("harmless",)


def test_other_sources_are_not_claimed(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "meta.txt").write_text("just a remark\n")
    assert READER.recognise(list_tree(Prefix(str(tmp_path)))) is None
    with pytest.raises(SourceError, match="no folder of images"):
        READER.list_scans(list_tree(Prefix(str(tmp_path))), Counter())


@given(st.text("01\t\n.pngTrueFalse \r\0ü", max_size=200))
def test_whatever_the_list_every_image_is_one_row(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp() / "compass"
    (root / "Colour").mkdir(parents=True, exist_ok=True)
    for name in ("0", "1"):
        (root / "Colour" / f"{name}.png").write_bytes(b"")
    (root / "meta.txt").write_text(text)
    scans, _ = read(root)
    assert {"Colour/0.png", "Colour/1.png"} <= set(scans) <= {"Colour/0.png", "Colour/1.png", "meta.txt"}
