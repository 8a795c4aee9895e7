import numpy as np
import pyarrow as pa
import pytest

from rwsc.errors import ConfigError
from rwsc.evaluation.study import StudyConfig
from rwsc.evaluation.study_scores import draw_pairs
from rwsc.runs import held_out as module
from rwsc.runs.held_out import open_held_out, pairs_key
from rwsc.sources.schema import CATALOGUE_SCHEMA
from rwsc.training.phantom_samples import PhantomSource


def study(**values):
    return StudyConfig(
        **{"output": "unused", "phantoms": 2, "held_out_pairs": 2, "pairs": {"crop_px": 40}, **values}
    )


def test_phantoms_held_out_are_no_phantoms_of_training():
    some = study()
    source, licence = open_held_out(some)
    held = [pair.sample.bag_CHW for pair in draw_pairs(source, 4)]
    assert "Apache" in licence
    for name in ("train", "validation"):
        trained = PhantomSource(2, config=some.pairs, seed=0, name=name)
        for index in range(4):
            bag_CHW = trained.draw(index).bag_CHW
            assert not any(np.array_equal(bag_CHW, other) for other in held)


def test_other_pairs_have_another_key():
    pairs = draw_pairs(open_held_out(study())[0], 2)
    assert pairs_key(pairs) == pairs_key(draw_pairs(open_held_out(study())[0], 2))
    assert pairs_key(pairs) != pairs_key(pairs[:1])
    assert pairs_key(pairs) != pairs_key(draw_pairs(open_held_out(study(pairs_seed=1))[0], 2))


@pytest.mark.parametrize("what", ["physical item", "group of bags"])
def test_what_is_on_both_sides_is_named(what):
    with pytest.raises(ConfigError, match=f"the {what} 'b' is both trained on and held out"):
        module._refuse_shared(what, {"a", "b"}, {"b", "c"})


def test_a_catalogue_without_bags_of_a_split_is_one_clear_line():
    empty = pa.Table.from_pylist([], schema=CATALOGUE_SCHEMA)
    with pytest.raises(ConfigError, match="no bag in split 'val' or 'test'"):
        module._rows(empty, ["benign"], ["val", "test"])
