from collections import Counter

import numpy as np
import pytest
from scipy.io import savemat

from rwsc.errors import SourceError
from rwsc.sources.examine import Defaults, examine
from rwsc.sources.gdxray import READER
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix


class Series:
    def __init__(self, root, name, images=2):
        self.folder = root / name
        self.folder.mkdir(parents=True)
        for k in range(1, images + 1):
            (self.folder / f"{name[-5:]}_{k:04d}.png").write_bytes(b"")

    def txt(self, content):
        (self.folder / "ground_truth.txt").write_text(content)
        return self

    def mat(self, rows):
        savemat(self.folder / "BoundingBox.mat", {"bb": np.array(rows, float)})
        return self


def read(root):
    dropped = Counter()
    scans = READER.list_scans(list_tree(Prefix(str(root))), dropped)
    return {scan.uri.rsplit("/", 1)[1]: scan for scan in scans}, dropped


def test_boxes_and_class_come_from_the_series(tmp_path):
    Series(tmp_path, "Baggages/B0008").txt("1 10 30 5 9\n2 1 2 3 4\n2 5 6 7 8\n")
    scans, dropped = read(tmp_path)
    first, second = scans["B0008_0001.png"], scans["B0008_0002.png"]
    assert [(thing.label, thing.bbox_xywh) for thing in first.objects] == [("knife", (10, 5, 20, 4))]
    assert len(second.objects) == 2
    assert (first.kind, first.dataset, first.modality, first.group) == ("threat", "GDXray", "gray", "B0008")
    assert (first.flags, dropped) == ((), {})


def test_a_series_without_a_class_of_its_own_holds_objects(tmp_path):
    Series(tmp_path, "Baggages/B0046", images=1).mat([[1, 10, 30, 5, 9]])
    scans, _ = read(tmp_path)
    (thing,) = scans["B0046_0001.png"].objects
    assert (thing.label, thing.flags) == ("object", ("unknown_class",))


def test_items_alone_need_no_boxes(tmp_path):
    Series(tmp_path, "Baggages/B0049")
    Series(tmp_path, "Baggages/B0052", images=1).txt("1 10 30 5 9\n")
    scans, _ = read(tmp_path)
    gun, shuriken = scans["B0049_0001.png"], scans["B0052_0001.png"]
    assert (gun.kind, gun.objects[0].label, gun.objects[0].bbox_xywh) == ("isolated", "handgun", None)
    assert gun.flags == ()
    assert (shuriken.kind, shuriken.objects[0].bbox_xywh) == ("isolated", (10, 5, 20, 4))


def test_an_image_without_boxes_is_never_harmless(tmp_path):
    Series(tmp_path, "Baggages/B0044")
    Series(tmp_path, "Baggages/B0045").txt("1 10 30 5 9\n")
    scans, _ = read(tmp_path)
    for name in ("B0044_0001.png", "B0045_0002.png"):
        assert (scans[name].kind, scans[name].objects, scans[name].flags) == (
            "threat",
            (),
            ("no_annotation",),
        )


def test_distractors_are_marked(tmp_path):
    Series(tmp_path, "Baggages/B0082", images=1).txt("1 10 30 5 9\n")
    scans, _ = read(tmp_path)
    assert scans["B0082_0001.png"].objects[0].flags == ("harmless",)


def test_swapped_corners_are_turned_round_where_the_image_is_read(tmp_path, pixels, as_png):
    series = Series(tmp_path, "Baggages/B0031", images=1).txt("1 10 30 25 5\n")
    (series.folder / "B0031_0001.png").write_bytes(as_png(pixels(1, gray=True)))
    scans, _ = read(tmp_path)
    row = examine(scans["B0031_0001.png"], Defaults())
    assert row.objects[0].bbox_xywh == [10, 5, 20, 20]
    assert "swapped" in row.objects[0].flags


def test_of_two_box_files_the_text_is_believed_and_a_difference_flagged(tmp_path):
    series = Series(tmp_path, "Baggages/B0045", images=3)
    series.txt("1 10 30 5 9\n2 10 30 5 9\n").mat([[1, 10, 30, 5, 9.5], [2, 90, 95, 5, 9], [3, 1, 2, 3, 4]])
    scans, _ = read(tmp_path)
    one, two, three = (scans[f"B0045_000{k}.png"] for k in (1, 2, 3))
    assert one.flags == ()
    assert (two.flags, two.objects[0].bbox_xywh) == (("boxes_disagree",), (10, 5, 20, 4))
    assert (three.flags, three.objects[0].bbox_xywh) == (("boxes_disagree",), (1, 3, 1, 1))


@pytest.mark.parametrize("content", ["", "\0\1\2", "404: not found", "1 2 3 4 5\n" * 500_000])
def test_a_damaged_box_file_is_one_failed_row_and_its_images_are_not_harmless(tmp_path, content):
    Series(tmp_path, "Baggages/B0045").txt(content)
    scans, _ = read(tmp_path)
    fault = scans.pop("ground_truth.txt")
    assert fault.problem.startswith("box file cannot be used")
    assert {(scan.kind, scan.problem, scan.flags) for scan in scans.values()} == {
        ("threat", None, ("no_annotation",))
    }


def test_where_one_box_file_is_damaged_the_other_serves(tmp_path):
    series = Series(tmp_path, "Baggages/B0045", images=1).txt("1 10 30 5 9\n")
    (series.folder / "boundingbox.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(600))
    scans, _ = read(tmp_path)
    assert "7.3" in scans["boundingbox.mat"].problem
    assert (len(scans["B0045_0001.png"].objects), scans["B0045_0001.png"].flags) == (1, ())


def test_damaged_rows_cost_their_image_or_are_counted(tmp_path):
    Series(tmp_path, "Baggages/B0045").txt("1 10 30 5 9\n1 10 x 5 9\n2 1 2 3 4\nnan 1 2 3 4\n77 1 2 3 4\n")
    scans, dropped = read(tmp_path)
    assert "row 2" in scans["B0045_0001.png"].problem
    assert scans["B0045_0002.png"].problem is None
    assert dropped == {"annotation of an unknown image": 1, "damaged row of a box file": 1}


def test_other_groups_and_other_files_are_left_alone(tmp_path):
    series = Series(tmp_path, "baggages/b0044", images=1)
    (series.folder / "Pmatrices.mat").write_bytes(b"\0")
    Series(tmp_path, "Castings/C0001", images=3)
    Series(tmp_path, "Welds/W0001", images=2)
    tree = list_tree(Prefix(str(tmp_path)))
    assert READER.recognise(tree) == "baggages/b0044/b0044_0001.png"
    scans, dropped = read(tmp_path)
    assert list(scans) == ["b0044_0001.png"]
    assert dropped == {"image of a group that shows no baggage": 5}


def test_a_group_unpacked_into_a_folder_called_like_it_is_read(tmp_path):
    Series(tmp_path, "Baggages/baggages/B0008", images=1).txt("1 10 30 5 9\n")
    Series(tmp_path, "Castings/Castings/C0001", images=3)
    Series(tmp_path, "Welds", images=0).txt("1 1 2 3 4\n")
    assert READER.recognise(list_tree(Prefix(str(tmp_path)))) == "Baggages/baggages/B0008/B0008_0001.png"
    scans, dropped = read(tmp_path)
    assert [(thing.label, thing.bbox_xywh) for thing in scans["B0008_0001.png"].objects] == [
        ("knife", (10, 5, 20, 4))
    ]
    assert dropped == {"image of a group that shows no baggage": 3}


def test_the_group_itself_is_recognised_and_other_trees_are_not(tmp_path):
    Series(tmp_path / "gd", "B0044")
    assert READER.recognise(list_tree(Prefix(str(tmp_path / "gd")))) == "B0044/B0044_0001.png"
    (tmp_path / "other" / "B0044").mkdir(parents=True)
    (tmp_path / "other" / "B0044" / "photo.png").write_bytes(b"")
    assert READER.recognise(list_tree(Prefix(str(tmp_path / "other")))) is None
    with pytest.raises(SourceError, match="no series of baggage"):
        READER.list_scans(list_tree(Prefix(str(tmp_path / "none"))), Counter())
