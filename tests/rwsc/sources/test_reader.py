"""What the registered readers have in common; each has tests of its own for its layout."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import pytest
from support.source_trees import JUNK, grow

from rwsc.errors import SourceError
from rwsc.sources.layout import READERS
from rwsc.sources.schema import KINDS, SourceScan
from rwsc.sources.sidecars import PARSERS
from rwsc.sources.tree import list_tree
from rwsc.storage.prefix import Prefix

MIXED = {
    "readme.txt": "hello",
    "a.png": b"",
    "b/a.jpg": b"",
    "b/a.xml": JUNK["truncated xml"],
    "b/a.json": JUNK["nan"],
    "b/a.txt": JUNK["wrong words"],
    "annotations/instances_train.json": JUNK["json list"],
    "train/train_annotation/1.txt": JUNK["binary"],
    "train/train_image/1.jpg": b"",
    "images/x.png": b"",
    "labels/x.txt": JUNK["huge numbers"],
    "classes.txt": JUNK["binary"],
    "data.yaml": "names: [",
    "B0001/ground_truth.txt": JUNK["wrong words"],
    "B0001/B0001_0001.png": b"",
    "\N{SNOWMAN} and spaces/\N{SNOWMAN}.png": b"",
}
"""A bit of every layout, all of it damaged."""

readers = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.layout)


def listed(reader, tree):
    """What a reader lists and counts, or its refusal."""
    dropped: Counter[str] = Counter()
    try:
        return list(reader.list_scans(tree, dropped)), dropped
    except SourceError as error:
        return error, dropped


def test_every_layout_has_one_reader_and_a_name_that_a_flag_can_take():
    names = [reader.layout for reader in READERS]
    assert len(names) == len(set(names))
    assert all(
        name == name.lower().strip() and name.replace("_", "").replace("-", "").isalnum() for name in names
    )


def test_a_reader_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        READERS[0].layout = "other"


@readers
def test_an_empty_folder_is_nobodys_and_holds_nothing(reader, tmp_path):
    tree = list_tree(Prefix(str(tmp_path)))
    assert reader.recognise(tree) is None
    scans, dropped = listed(reader, tree)
    assert scans == [] or isinstance(scans, SourceError)
    assert not dropped


@readers
def test_images_come_one_after_the_other(reader, tmp_path):
    tree = grow(str(tmp_path), MIXED)
    try:
        scans = reader.list_scans(tree, Counter())
    except SourceError:
        return  # nothing of this layout can be listed, and that is known before the first image
    assert isinstance(scans, Iterator)
    assert iter(scans) is scans


@readers
def test_a_damaged_mixture_is_listed_or_refused_in_one_line(reader, tmp_path):
    tree = grow(str(tmp_path), MIXED)
    why = reader.recognise(tree)
    assert why is None or "\n" not in why
    found, dropped = listed(reader, tree)
    assert all(isinstance(reason, str) and number > 0 for reason, number in dropped.items())
    if isinstance(found, SourceError):
        assert "\n" not in found.message
        return
    for scan in found:
        assert isinstance(scan, SourceScan)
        assert scan.kind in KINDS
        assert scan.split in ("train", "val", "test", None)
        assert scan.uri is not None or scan.problem is not None
        assert scan.uri is None or scan.uri.startswith(f"{tmp_path}/")
        if scan.sidecar is not None:
            assert scan.sidecar.form in PARSERS
            assert scan.sidecar.uri.startswith(f"{tmp_path}/")


@readers
def test_the_order_does_not_depend_on_how_the_files_came_there(reader, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    (found, dropped), (again, dropped_again) = (
        listed(reader, grow(str(root), dict(files)))
        for root, files in ((first, MIXED.items()), (second, reversed(MIXED.items())))
    )
    assert dropped == dropped_again
    if isinstance(found, SourceError):
        assert isinstance(again, SourceError)
        return
    assert [str(scan).replace(str(first), "") for scan in found] == [
        str(scan).replace(str(second), "") for scan in again
    ]
