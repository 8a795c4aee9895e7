from collections import Counter

import pytest
from support.exports import made_of

from rwsc.corpus.exports.pictures import made_rows
from rwsc.corpus.exports.splits import Relations
from rwsc.corpus.exports.survey import Survey, look_at
from rwsc.errors import SourceError


def test_counts_are_those_of_the_rows(corpus):
    rows = list(made_of(corpus).values())
    shards = {row["shard_id"] for row in rows}
    relations = Relations()
    survey = look_at(made_rows(corpus, shards), keep_negatives=True, relations=relations)
    negatives = sum(row["role"] != "positive" for row in rows)
    assert (survey.num_images, survey.num_unlabelled) == (len(rows), negatives)
    assert survey.num_by_label.total() == sum(len(row["objects"]) for row in rows) + 1
    assert survey.num_without_mask == 1
    assert survey.num_by_suffix == {".png": len(rows)}
    assert relations.components().keys() == {row["scan_id"] for row in rows}
    dropped = look_at(made_rows(corpus, shards), keep_negatives=False)
    assert (dropped.num_images, dropped.num_unlabelled) == (len(rows) - negatives, negatives)


def test_both_views_of_a_bag_hang_together_without_any_item(corpus):
    rows = list(made_of(corpus).values())
    pair = [
        {**row, "scan_id": name, "objects": [], "pair_id": "p"} for row, name in zip(rows, "ab", strict=False)
    ]
    relations = Relations()
    look_at(
        [*pair, {**rows[0], "scan_id": "c", "objects": [], "pair_id": None}],
        keep_negatives=True,
        relations=relations,
    )
    components = relations.components()
    assert components["a"] == components["b"] != components["c"]


def test_the_licence_is_the_strictest():
    assert Survey(num_by_licence=Counter({"CC0": 9, "academic use only": 1})).licence == "academic use only"
    assert Survey(num_by_licence=Counter({"CC0": 9, "": 1})).licence is None
    assert Survey().licence is None


def test_arrays_are_refused_with_their_number():
    survey = Survey(num_images=7, num_by_suffix=Counter({".png": 5, ".npy": 2}))
    with pytest.raises(SourceError, match=r"X wants pictures, but 2 of 7 images"):
        survey.refuse_arrays("X")
    Survey(num_images=5, num_by_suffix=Counter({".png": 5})).refuse_arrays("X")
