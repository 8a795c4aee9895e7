"""What a table must hold before its rows are believed: a Parquet file may come from anybody."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rwsc.errors import SourceError


def check_table(
    table: pa.Table,
    uri: str,
    *,
    schema: pa.Schema,
    required: Iterable[str] = (),
    lengths: Mapping[str, int] | None = None,
) -> None:
    """Refuse a table whose values its readers would stumble over.

    Columns that are not there are not looked for: a reader may ask for some, and an older file has fewer.

    Args:
        table: The rows, or some columns of them.
        uri: Where they were read, for messages.
        schema: Columns of its kind. Others may stand beside them; a struct may lack fields that are not required.
        required: Columns without a missing value; ``objects.label`` is a field of the structs in a list, which they
            must have. No list of any column may hold a missing value.
        lengths: How many values each list of a column has, where it is there.

    Raises:
        SourceError: A column is of another type, or lacks a value.
    """
    for name in (name for name in table.column_names if name in schema.names):
        _check_column(table[name], name, schema.field(name).type, uri)
    for path in required:
        _check_required(table, path, uri)
    for path, length in (lengths or {}).items():
        for part in _parts_at(table, path):
            found = set(pc.list_value_length(part.drop_null()).to_pylist())
            if others := found - {length}:
                raise _refused(uri, f"{path} has {max(others)} numbers, not {length}")


def _check_required(table: pa.Table, path: str, uri: str) -> None:
    name, *fields = path.split(".")
    if name in table.column_names and not _has_field(table.schema.field(name).type, fields):
        raise _refused(uri, f"its column {name} has no field {'.'.join(fields)}")
    if number := sum(part.null_count for part in _parts_at(table, path)):
        raise _refused(uri, f"{number:,} values of {path} are missing")


def _has_field(kind: pa.DataType, fields: list[str]) -> bool:
    for field in fields:
        struct = kind.value_type if _is_list(kind) else kind
        if struct.get_field_index(field) < 0:
            return False
        kind = struct.field(field).type
    return True


def _check_column(column: pa.ChunkedArray, name: str, wanted: pa.DataType, uri: str) -> None:
    if not _fits(column.type, wanted):
        raise _refused(uri, f"its column {name} holds {_short(column.type)}, not {_short(wanted)}")
    if any(map(_has_gap, column.chunks)):
        raise _refused(uri, f"a list of its column {name} lacks a value")


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Say whether values read as the same plain values; widths of numbers and of offsets do not matter."""
    if _is_list(wanted):
        return _is_list(found) and _fits(found.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        if not pa.types.is_struct(found):
            return False
        known = {field.name: field.type for field in wanted}
        return all(_fits(field.type, known[field.name]) for field in found if field.name in known)
    return _family(found) == _family(wanted)


def _family(kind: pa.DataType) -> str:
    for name, is_of_it in (
        ("text", lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind)),
        ("bytes", lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind)),
        ("integer", pa.types.is_integer),
        ("float", pa.types.is_floating),
    ):
        if is_of_it(kind):
            return name
    return str(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _has_gap(column: Any) -> bool:  # noqa: ANN401 - an Arrow array of any kind
    if _is_list(column.type):
        values = column.flatten()
        return bool(values.null_count) or _has_gap(values)
    if pa.types.is_struct(column.type):
        present = column.drop_null()
        return any(_has_gap(present.field(place)) for place in range(column.type.num_fields))
    return False


def _parts_at(table: pa.Table, path: str) -> list[pa.Array]:
    """Give the values of a column, or of a field inside its structs; nothing where there is none."""
    name, *fields = path.split(".")
    parts = table[name].chunks if name in table.column_names else []
    for field in fields:
        structs = [(part.flatten() if _is_list(part.type) else part).drop_null() for part in parts]
        parts = [part.field(field) for part in structs if part.type.get_field_index(field) >= 0]
    return parts


def _short(kind: pa.DataType) -> str:
    text = " ".join(str(kind).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _refused(uri: str, reason: str) -> SourceError:
    return SourceError(
        f"{uri} is damaged, or was not written by rwsc: {reason}", remedy="make the file again"
    )
