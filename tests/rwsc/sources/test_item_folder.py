from collections import Counter

import cv2
import numpy as np
import pytest

from rwsc.errors import SourceError
from rwsc.sources.examine import Defaults, examine
from rwsc.sources.item_folder import READER
from rwsc.sources.tree import SourceTree, list_tree
from rwsc.storage.prefix import Prefix


def cut_out(seed=0, *, clear=True):
    image = np.random.default_rng(seed).integers(40, 200, (30, 40, 4), dtype=np.uint8)
    image[..., 3] = 255
    if clear:
        image[:5, :, 3] = 0
        image[-5:, :, 3] = 0
    return cv2.imencode(".png", image)[1].tobytes()


def put(root, **files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return list_tree(Prefix(str(root)))


def test_cut_outs_in_folders_are_items_of_their_class(tmp_path):
    tree = put(tmp_path, **{f"{place}.png": cut_out(number) for number, place in enumerate(
        ["Gun/glock_000", "Gun/glock_090", "Gun/my_gun_1_front", "Knife/glock_000", "Knife/blade"])})  # fmt: skip
    assert READER.recognise(tree) == "cut-outs such as Gun/glock_000.png"
    scans = list(READER.list_scans(tree, Counter()))
    assert [(scan.objects[0].label, scan.group) for scan in scans] == [
        ("Gun", "Gun/glock"), ("Gun", "Gun/glock"), ("Gun", "Gun/my_gun_1"), ("Knife", None),
        ("Knife", "Knife/glock")]  # fmt: skip
    assert {(scan.kind, scan.objects[0].bbox_xywh) for scan in scans} == {("isolated", None)}
    assert examine(scans[0], Defaults()).status == "ok"


def test_pictures_that_are_merely_numbered_do_not_say_which_show_one_item():
    names = ["001.png", "002.png", "blade.png", "_1.png", "glock_.png", "glock_090.png"]
    tree = SourceTree(
        Prefix("/nowhere"), {"Gun": names, "Gun/a": ["001.png", "x_1.png"], "Gun/b": ["x_1.png"]}, 0
    )
    groups = [scan.group for scan in READER.list_scans(tree, Counter())]
    assert groups == [None] * 5 + ["Gun/glock", None, "Gun/a/x", "Gun/b/x"]


@pytest.mark.parametrize(
    "odd",
    [{"Gun/b_1.png": cut_out(clear=False)}, {"Gun/b_1.png": b"damaged"}, {"Gun/b_1.jpg": b""},
     {"top.png": cut_out()}, {"Gun/deeper/c.png": cut_out()}, {"Zip/c.png": cut_out()[:60]}],
)  # fmt: skip
def test_folders_of_anything_else_are_not_taken_for_items_unasked(tmp_path, odd):
    good = {"Gun/c_1.png": cut_out(1), "Knife/d_1.png": cut_out(2)}
    assert READER.recognise(put(tmp_path, **good)) is not None
    assert READER.recognise(put(tmp_path, **odd)) is None


def test_folders_of_bags_are_not_taken_for_items_unless_asked(tmp_path, pixels, as_png):
    tree = put(tmp_path, **{"bags/1.png": as_png(pixels(1)), "more/2.png": as_png(pixels(2, gray=True))})
    assert READER.recognise(tree) is None
    assert [scan.kind for scan in READER.list_scans(tree, Counter())] == ["isolated"] * 2
    assert READER.recognise(list_tree(Prefix(str(tmp_path / "none")))) is None


def test_what_has_no_class_or_no_address_is_a_problem_of_its_row():
    tree = SourceTree(Prefix("/nowhere"), {"": ["a.png"], " ": ["b.png"], "Gun": ["c\n.png", "d_1.png"]}, 0)
    top, space, odd, fine = READER.list_scans(tree, Counter())
    assert "no folder that names its class" in top.problem
    assert "no folder that names its class" in space.problem
    assert odd.uri is None
    assert (fine.problem, fine.group) == (None, "Gun/d")


def test_nothing_to_list_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no images below"):
        READER.list_scans(put(tmp_path, **{"Gun/readme.md": b""}), Counter())
