from collections import Counter

import pytest
from support.source_trees import grow

from rwsc.sources.splits import read_list, split_in_path, stems_in_list


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train/images", "train"),
        ("images/Train2017", "train"),
        ("images/valid", "val"),
        ("STCray_TestSet", "test"),
        ("eval/image", "test"),
        ("test/train_like", "train"),
        ("trained", None),
        ("train_and_test", None),
        ("", None),
    ],
)
def test_the_last_segment_that_names_a_split_counts(path, split):
    assert split_in_path(path) == split


def test_a_list_may_hold_paths_endings_and_spaces():
    lines = ["\ufeffa"[1:], "", " images\\train/b c.JPG ", "../../etc/passwd", "d.v2"]
    assert list(stems_in_list(lines)) == ["a", "b c", "passwd", "d.v2"]


def test_a_list_that_is_no_text_is_counted(tmp_path):
    tree = grow(str(tmp_path), {"a.txt": b"\xff" * 9, "b.txt": b"\xef\xbb\xbfx\r\n"})
    dropped = Counter()
    assert [read_list(tree, key, dropped) for key in ("a.txt", "b.txt", "gone.txt")] == ["", "x\r\n", ""]
    assert dropped == {"list of images that cannot be read": 2}
