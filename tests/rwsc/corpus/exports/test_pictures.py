import numpy as np
import pytest
from support.exports import made_of, rows_of

from rwsc.corpus.commit import commit_shard, committed_shards
from rwsc.corpus.exports.pictures import is_labelled, labels_of, made_rows, pictures_of
from rwsc.errors import SourceError
from rwsc.sources.masks import decode_rle, encode_rle
from rwsc.storage.prefix import Prefix


def test_made_rows_alone_are_exported_without_objects_of_no_extent(corpus):
    rows = list(made_rows(corpus, sorted(committed_shards(corpus))))
    assert [row["image_id"] for row in rows] == list(made_of(corpus))
    assert sum(len(row["bag_objects"]) for row in rows) == 1
    assert sum(len(row["bag_objects"]) for row in rows_of(corpus)) == 2


def test_things_are_those_put_in_and_then_those_of_the_bag(corpus):
    rows = made_rows(corpus, committed_shards(corpus))
    for picture in pictures_of(rows, ["axe", "gun", "knife"], lambda row: "val"):
        assert picture.split == "val"
        assert [thing.label for thing in picture.things] == list(labels_of(picture.row))
        assert bool(picture.things) == is_labelled(picture.row)
        for thing in picture.things:
            assert ["axe", "gun", "knife"][thing.class_id] == thing.label
            if thing.synthetic:
                mask = decode_rle(thing.mask_rle, height=picture.size_hw[0], width=picture.size_hw[1])
                assert thing.area == mask.sum()
            else:
                assert (thing.mask_rle, thing.area, thing.item_id) == (None, 200.0, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"role": None}, "values of role are missing"),
        ({"sha256": None, "width": None}, "has no sha256, width"),
        ({"bag_objects": [{"label": "", "bbox_xywh": [1, 2, 3, 4]}]}, "an object ''"),
        ({"bag_objects": [{"label": None, "bbox_xywh": [1, 2, 3, 4]}]}, "bag_objects.label are missing"),
        ({"bag_objects": [{"label": "gun", "bbox_xywh": None}]}, "bag_objects.bbox_xywh are missing"),
        ({"bag_objects": [{"label": "gun", "bbox_xywh": [1, 2, 3]}]}, "whose box is"),
        ({"bag_objects": [{"label": "gun", "bbox_xywh": [1, 2, 3, float("nan")]}]}, "whose box is"),
    ],
)
def test_damaged_rows_are_refused_in_words(corpus, tmp_path, changes, told):
    other = Prefix(str(tmp_path))
    commit_shard(other, "s", [{**next(iter(made_of(corpus).values())), **changes}])
    with pytest.raises(SourceError, match=told):
        list(made_rows(other, ["s"]))


def test_a_damaged_mask_is_refused_in_words(corpus):
    row = next(row for row in made_of(corpus).values() if row["objects"])
    row = {**row, "objects": [{**row["objects"][0], "mask_rle": "000"}], "bag_objects": []}
    (picture,) = pictures_of([row], ["gun", "knife"], lambda row: "train")
    with pytest.raises(SourceError, match="mask '000' of an object is damaged"):
        picture.things[0].mask_HW(picture.size_hw)
    empty = encode_rle(np.zeros(picture.size_hw, bool))
    (picture,) = pictures_of(
        [{**row, "objects": [{**row["objects"][0], "mask_rle": empty}]}],
        ["gun", "knife"],
        lambda row: "train",
    )
    assert picture.things[0].mask_HW(picture.size_hw) is None


@pytest.mark.parametrize(
    "names",
    [
        {"image_id": "../x"},
        {"image_id": "a.b"},
        {"image_id": "刀"},
        {"image_id": ""},
        {"uri": "images/x.exe"},
    ],
)
def test_names_that_would_leave_the_export_are_refused(corpus, tmp_path, names):
    other = Prefix(str(tmp_path))
    commit_shard(other, "s", [{**next(iter(made_of(corpus).values())), **names}])
    with pytest.raises(SourceError, match="no name that rwsc gives"):
        list(made_rows(other, ["s"]))
