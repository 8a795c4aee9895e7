import numpy as np
import pyarrow as pa
import pytest

from rwsc.errors import SourceError
from rwsc.storage.table_check import check_table

THING = pa.struct([("label", pa.string()), ("box", pa.list_(pa.float64())), ("mask", pa.string())])
SCHEMA = pa.schema(
    [("name", pa.string()), ("width", pa.int32()), ("level", pa.list_(pa.float32())), ("things", pa.list_(THING)),
     ("data", pa.binary()), ("good", pa.bool_())]
)  # fmt: skip
ROWS = [
    {"name": "a", "width": 3, "level": [1.0], "things": [], "data": b"x", "good": True},
    {"name": "b", "width": None, "level": None, "things": [{"label": "gun", "box": [1, 2, 3, 4], "mask": None}],
     "data": None, "good": False},
]  # fmt: skip
TABLE = pa.Table.from_pylist(ROWS, schema=SCHEMA)
RULES = {"required": ("name", "things.label", "things.box"), "lengths": {"things.box": 4}}


def check(table):
    check_table(table, "here.parquet", schema=SCHEMA, **RULES)


def changed(**columns):
    table = TABLE
    for name, column in columns.items():
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def things(*values, kind=THING):
    return pa.array([[], list(values)], pa.list_(kind))


def test_sound_rows_pass_whole_in_parts_and_in_any_cut():
    check(TABLE)
    check(TABLE.select(["things", "width"]))
    check(TABLE.slice(1))
    check(TABLE.slice(0, 0))
    check(pa.concat_tables([TABLE, TABLE.slice(1), TABLE.slice(0, 1)]))


def test_what_other_writers_make_of_the_same_values_passes():
    check(changed(name=pa.array(["a", "b"], pa.large_string()), width=pa.array([1, 2], pa.int64())))
    check(changed(level=pa.array([[1.0], None], pa.large_list(pa.float64()))))
    fewer = pa.struct([("label", pa.string()), ("box", pa.list_(pa.float64())), ("new", pa.int8())])
    check(changed(things=things({"label": "gun", "box": [1, 2, 3, 4], "new": 3}, kind=fewer)))
    check(TABLE.append_column("more", pa.array([b"x", b"y"])))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed(name=pa.array([1, 2])), "column name holds int64, not string"),
        (changed(data=pa.array(["x", "y"])), "column data holds string"),
        (changed(good=pa.array([1, 0])), "column good holds int64"),
        (changed(width=pa.array([1.5, 2.0])), "column width holds double"),
        (changed(level=pa.array([1.0, 2.0])), "column level holds double"),
        (changed(level=pa.array([["x"], None])), "column level holds list"),
        (changed(things=pa.array([[1], [2]])), "column things holds list"),
        (changed(name=pa.array(["a", None])), "1 values of name are missing"),
        (changed(level=pa.array([[1.0, None], None], pa.list_(pa.float32()))), "a list of its column level lacks"),
        (changed(things=things(None)), "a list of its column things lacks a value"),
        (changed(things=things({"label": None, "box": [1, 2, 3, 4]})), "1 values of things.label are missing"),
        (changed(things=things({"label": "x", "box": None})), "1 values of things.box are missing"),
        (changed(things=things({"box": [1, 2, 3, 4]}, kind=pa.struct([THING.field("box")]))), "things has no field label"),
        (changed(things=things({"label": "x", "box": [1, None, 3, 4]})), "a list of its column things lacks a value"),
        (changed(things=things({"label": "x", "box": [1, 2, 3]})), "things.box has 3 numbers, not 4"),
        (changed(things=things({"label": "x", "box": []})), "things.box has 0 numbers, not 4"),
    ],
)  # fmt: skip
def test_what_readers_would_stumble_over_is_refused_by_name(table, message):
    with pytest.raises(SourceError, match=message) as caught:
        check(table)
    assert caught.value.message.startswith("here.parquet ")
    assert "\n" not in caught.value.message


def test_a_gap_outside_a_slice_is_not_held_against_it():
    table = changed(things=pa.array([[None], [ROWS[1]["things"][0]]], pa.list_(THING)))
    with pytest.raises(SourceError):
        check(table)
    check(table.slice(1))


def test_a_table_of_many_rows_passes():
    number = 200_000
    lists = pa.ListArray.from_arrays(np.arange(0, number + 1) * 4, pa.array(np.ones(number * 4)))
    structs = pa.StructArray.from_arrays([pa.array(["gun"] * number), lists], names=["label", "box"])
    check(pa.table({"things": pa.ListArray.from_arrays(np.arange(number + 1), structs)}))
