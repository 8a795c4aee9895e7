from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.source_trees import grow

from rwsc.sources.class_names import read_data_yaml, read_names, usable_name

UNREADABLE = {"file of class names that cannot be read": 1}


def described(tmp_path, text, name="data.yaml", **others):
    dropped = Counter()
    return read_data_yaml(grow(str(tmp_path), {name: text, **others}), dropped), dropped


@pytest.mark.parametrize(
    "names",
    ["[gun, no, 3]", "\n  0: gun\n  1: no\n  2: 3", "\n- gun\n- 'no'\n- \"3\"", "{0: gun, '01': no, 2: 3}"],
)
def test_names_come_as_a_list_or_a_mapping_and_stay_text(tmp_path, names):
    found, _ = described(tmp_path, f"\ufeffnc: 3\r\nnames: {names}\n")
    assert found.names == {"0": "gun", "1": "no", "2": "3"}


@pytest.mark.parametrize("name", ["data.yaml", "Dataset.YAML", "xray.yml"])
def test_the_file_may_have_other_names(tmp_path, name):
    assert described(tmp_path, "names: [gun]", name)[0].names == {"0": "gun"}


def test_a_file_without_names_is_passed_over(tmp_path):
    found, dropped = described(tmp_path, "version: 2", **{"other.yaml": "names: [gun]"})
    assert found.names == {"0": "gun"}
    assert not dropped


def test_paths_become_keys_below_the_folder(tmp_path):
    found, _ = described(
        tmp_path,
        "path: ../datasets/xray\ntrain: [images/train, ../train/images]\nvalid: ./valid/images/\n"
        "test: /home/u/test\nnames: [gun]",
    )
    assert found.places["train"][:2] == ["images/train", "datasets/xray/images/train"]
    assert "train/images" in found.places["train"]
    assert "valid/images" in found.places["val"]
    assert found.places["test"] == []


@pytest.mark.parametrize(
    "path", ["../../../etc/passwd", "..", "C:\\x", "https://example.org/x.zip", "\\\\host\\x", 3]
)
def test_no_path_leaves_the_folder(tmp_path, path):
    found, _ = described(tmp_path, f"names: [gun]\ntrain: {path}")
    assert all(not key.startswith(("/", "..", "C:")) and ":" not in key for key in found.places["train"])


@pytest.mark.parametrize(
    "text",
    [
        b"\xff" * 9,
        b"names: [gun",
        b"[" * 100_000,
        b"a: &a [x]\n" * 50_000,
        b"names: *nothing",
    ],
)
def test_a_damaged_file_is_counted(tmp_path, text):
    found, dropped = described(tmp_path, text)
    assert found is None
    assert dropped in (UNREADABLE, {})


def test_a_tag_makes_no_object(tmp_path):
    mark = tmp_path / "made"
    found, _ = described(tmp_path / "tree", f"names: !!python/object/apply:os.mkdir ['{mark}']")
    assert found.names == {"0": str(mark)}
    assert not mark.exists()


def test_a_bomb_of_aliases_names_nothing(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 30)]
    found, _ = described(tmp_path, "\n".join([*lines, "names: *a29"]))
    assert found is None


@given(data=st.binary(max_size=60) | st.text("names: []{}&*!|>-\n'\"0a?%", max_size=60).map(str.encode))
def test_any_bytes_cost_no_more_than_a_count(tmp_path_factory, data):
    described(tmp_path_factory.mktemp("any"), b"names: " + data)


def test_names_one_a_line(tmp_path):
    tree = grow(
        str(tmp_path), {"labels/classes.txt": b"\xef\xbb\xbfgun\r\n\r\nknife\r\n", "obj.names": "Blade\n"}
    )
    assert read_names(tree, "labels", Counter()) == {"0": "gun", "2": "knife"}
    assert read_names(tree, "", Counter()) == {"0": "Blade"}
    assert read_names(tree, "images", Counter()) == {}


def test_names_that_cannot_be_read_are_counted(tmp_path):
    dropped = Counter()
    assert read_names(grow(str(tmp_path), {"classes.txt": b"\xff" * 9}), "", dropped) == {}
    assert dropped == UNREADABLE


def test_more_names_than_any_scanner_knows_are_none(tmp_path):
    assert read_names(grow(str(tmp_path), {"classes.txt": "x\n" * 3000}), "", Counter()) == {}


def test_a_name_is_one_line_that_can_be_printed():
    assert [usable_name(name) for name in (" gun ", "\u5200", "hair\u3000dryer", "\ufeffgun")] == [
        "gun", "\u5200", "hair\u3000dryer", "gun"]  # fmt: skip
    unusable = [None, 7, "", "  ", "gun\nknife", "a\u2028b", "gun\x1b[31m", "gun\udc80", "g" * 201]
    assert [usable_name(name) for name in unusable] == [None] * len(unusable)


def test_a_name_of_several_lines_is_left_out(tmp_path):
    assert described(tmp_path, 'names: ["gun\\nknife", knife]')[0].names == {"1": "knife"}
