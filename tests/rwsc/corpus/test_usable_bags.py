from itertools import chain

import pyarrow as pa
import pytest

from rwsc.corpus.usable_bags import bag_kin, drawn_split, usable_bags
from rwsc.errors import SourceError
from rwsc.sources.catalogue import read_catalogue


@pytest.fixture(scope="module")
def catalogue(inputs_root):
    return read_catalogue(f"{inputs_root}/catalogue.parquet")


def test_only_usable_scans_of_the_wanted_kind_serve_as_bags(catalogue):
    bags = usable_bags(catalogue, ["benign"], None)
    assert set(bags["kind"].to_pylist()) == {"benign"}
    assert set(bags["status"].to_pylist()) == {"ok"}
    assert bags.num_rows == 5


def test_a_catalogue_without_such_bags_is_refused(catalogue):
    with pytest.raises(SourceError, match="no usable scan of kind threat"):
        usable_bags(catalogue, ["threat"], None)
    with pytest.raises(SourceError, match="in split 'nowhere'"):
        usable_bags(catalogue, ["benign"], "nowhere")


def with_column(table, name, values):
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))


def test_bags_that_state_no_split_are_shared_out_and_none_falls_into_two(catalogue):
    one = catalogue.filter(pa.array([kind == "benign" for kind in catalogue["kind"].to_pylist()]))
    many = pa.concat_tables([one] * 60)
    many = with_column(many, "scan_id", [f"{number:016x}" for number in range(many.num_rows)])
    many = with_column(many, "perceptual_hash", [None] * many.num_rows)
    parts = {
        name: usable_bags(many, ["benign"], name)["scan_id"].to_pylist() for name in ("train", "val", "test")
    }
    assert sorted(chain.from_iterable(parts.values())) == many["scan_id"].to_pylist()
    assert [round(len(part) / many.num_rows, 1) for part in parts.values()] == pytest.approx(
        [0.7, 0.15, 0.15], abs=0.06
    )
    grouped = with_column(many, "group", ["one bag"] * many.num_rows)
    assert len({drawn_split(row) for row in grouped.to_pylist()}) == 1


def test_kin_are_scans_of_one_group_of_one_dataset_or_else_those_that_look_alike():
    scan = {"dataset": "d", "group": "g", "perceptual_hash": "0f", "scan_id": "s"}
    others = [{"scan_id": "t"}, {"perceptual_hash": None}, {"group": None}, {"group": "h"}, {"dataset": "e"}]
    assert [bag_kin(scan | other) == bag_kin(scan) for other in others] == [True, True, False, False, False]
    alone = scan | {"group": None}
    assert bag_kin(alone) == bag_kin(alone | {"dataset": "e", "scan_id": "t"}) == "0f"
    assert bag_kin(alone | {"perceptual_hash": None}) == "s"


def test_a_split_that_bags_state_is_kept(catalogue):
    place = catalogue["kind"].to_pylist().index("benign")
    stated = with_column(
        catalogue, "split", ["test" if row == place else None for row in range(catalogue.num_rows)]
    )
    bags = usable_bags(stated, ["benign"], "test")
    assert bags["scan_id"].to_pylist() == [catalogue["scan_id"][place].as_py()]
    with pytest.raises(SourceError, match="in split 'train'"):
        usable_bags(stated, ["benign"], "train")
