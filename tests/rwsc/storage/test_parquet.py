import io
import random
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rwsc.errors import ObjectMissing, SourceError
from rwsc.storage import files
from rwsc.storage.files import open_read
from rwsc.storage.parquet import decode_table, encode_table, open_table, read_table, write_table
from rwsc.storage.prefix import Prefix

KIND = "rwsc.test"
TABLE = pa.table(
    {
        "scan_id": [f"{number:04}" for number in range(1000)],
        "width": pa.array(range(1000), pa.int32()),
        "objects": [[{"label": "knife", "bbox_xywh": [1.0, 2.0, 3.0, 4.0]}] * (n % 3) for n in range(1000)],
    }
)


def test_a_table_goes_round(store_uri):
    uri = f"{store_uri}/sub/table.parquet"
    write_table(uri, TABLE, kind=KIND, version=1, row_group_rows=100)
    assert read_table(uri, kind=KIND).equals(TABLE)
    assert read_table(uri, kind=KIND, version=1).equals(TABLE)
    with open_read(uri) as file:
        plain = pq.ParquetFile(file)
        assert plain.num_row_groups == 10
        assert plain.schema_arrow.metadata[b"rwsc.kind"] == KIND.encode()
        assert plain.schema_arrow.metadata[b"rwsc.version"] == b"1"


def test_columns_can_be_chosen_and_come_as_asked_for(store_uri):
    uri = f"{store_uri}/table.parquet"
    write_table(uri, TABLE, kind=KIND, version=1)
    chosen = read_table(uri, kind=KIND, columns=["width", "scan_id"])
    assert chosen.equals(TABLE.select(["width", "scan_id"]))


def test_columns_of_one_name_are_told(tmp_path):
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["width", "width"])
    write_table(f"{tmp_path}/t", twice, kind=KIND, version=1)
    with pytest.raises(SourceError, match=r"or a damaged one: .*width"):
        read_table(f"{tmp_path}/t", kind=KIND, columns=["width"])


def test_a_file_is_read_on_the_callers_thread_alone(tmp_path, monkeypatch):
    """Else a process that ends may be aborted: Arrow's threads let go of Python files when they come to it."""
    readers = set()

    class Watched(io.FileIO):
        def read(self, *args):
            readers.add(threading.get_ident())
            return super().read(*args)

    monkeypatch.setattr(files, "_open_local_read", Watched)
    uri = str(tmp_path / "t")
    write_table(uri, TABLE, kind=KIND, version=1, row_group_rows=100)
    read_table(uri, kind=KIND)
    read_table(uri, kind=KIND, columns=["objects", "width"])
    with open_table(uri, kind=KIND) as parquet:
        parquet.read_row_group(3, use_threads=False)
        list(parquet.iter_batches(batch_size=7, use_threads=False))
    assert readers == {threading.get_ident()}


def test_an_empty_table_keeps_its_columns(tmp_path):
    write_table(f"{tmp_path}/t", TABLE.slice(0, 0), kind=KIND, version=1)
    back = read_table(f"{tmp_path}/t", kind=KIND)
    assert back.num_rows == 0
    assert back.schema.equals(TABLE.schema)


def test_equal_rows_give_equal_bytes(tmp_path):
    in_chunks = pa.concat_tables([TABLE.slice(0, 7), TABLE.slice(7, 500), TABLE.slice(507)])
    from_pandas = TABLE.replace_schema_metadata({"pandas": '{"pandas_version": "1.2.3"}'})
    files = []
    for number, table in enumerate((TABLE, TABLE, in_chunks, from_pandas)):
        write_table(f"{tmp_path}/{number}", table, kind=KIND, version=1, row_group_rows=300)
        files.append((tmp_path / str(number)).read_bytes())
    assert len(set(files)) == 1
    write_table(f"{tmp_path}/plain", TABLE, kind=KIND, version=1)
    assert encode_table(in_chunks, kind=KIND, version=1) == (tmp_path / "plain").read_bytes()


def test_another_kind_is_refused(tmp_path):
    uri = f"{tmp_path}/table.parquet"
    write_table(uri, TABLE, kind="rwsc.items", version=1)
    with pytest.raises(SourceError, match=r"a table of the kind 'rwsc\.items', not 'rwsc\.test'"):
        read_table(uri, kind=KIND)


def test_a_newer_version_is_refused(tmp_path):
    uri = f"{tmp_path}/table.parquet"
    write_table(uri, TABLE, kind=KIND, version=3)
    with pytest.raises(SourceError, match=r"has version 3 of 'rwsc\.test'; this rwsc knows versions up to 2"):
        read_table(uri, kind=KIND, version=2)
    assert read_table(uri, kind=KIND, version=4).num_rows == 1000


def test_a_missing_column_is_named(tmp_path):
    uri = f"{tmp_path}/table.parquet"
    write_table(uri, TABLE, kind=KIND, version=1)
    with pytest.raises(SourceError, match="has no column height, depth"):
        read_table(uri, kind=KIND, columns=["width", "height", "depth"])


def test_a_parquet_file_of_others_is_refused(tmp_path):
    pq.write_table(TABLE, tmp_path / "other.parquet")
    with pytest.raises(SourceError, match="a Parquet file that rwsc did not write"):
        read_table(f"{tmp_path}/other.parquet", kind=KIND)


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"PAR1", b"PAR1" * 100, b"\x89PNG\r\n\x1a\n" * 9])
def test_what_is_no_parquet_file_is_told(store_uri, data):
    Prefix(store_uri).write("table.parquet", data)
    with pytest.raises(SourceError, match="is no Parquet file, or a damaged one") as caught:
        read_table(f"{store_uri}/table.parquet", kind=KIND)
    assert "\n" not in caught.value.message
    assert caught.value.remedy


def test_a_missing_table_is_told(store_uri):
    with pytest.raises(ObjectMissing, match=r"none\.parquet"):
        read_table(f"{store_uri}/none.parquet", kind=KIND)


def read_or_reason(uri):
    """Read; nothing but a table and a one-line refusal may come out."""
    try:
        return read_table(uri, kind=KIND)
    except SourceError as refusal:
        message = refusal.message
    assert len(message.splitlines()) == 1
    return message


def read_with_a_damaged_byte(folder, part, *, times):
    """Flip one bit of the rows or of the footer, many times; give what each reading came to."""
    data = encode_table(TABLE, kind=KIND, version=1)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    first, end = {"rows": (4, footer), "footer": (footer, len(data))}[part]
    draw = random.Random(part)
    for _ in range(times):
        damaged = bytearray(data)
        damaged[draw.randrange(first, end)] ^= 1 << draw.randrange(8)
        (folder / "t").write_bytes(damaged)
        yield read_or_reason(f"{folder}/t")


def test_damaged_rows_are_never_read_as_others(tmp_path):
    found = list(read_with_a_damaged_byte(tmp_path, "rows", times=100))
    assert all(isinstance(table, str) or table.equals(TABLE) for table in found)
    assert sum(isinstance(table, str) for table in found) > 50


def test_a_damaged_footer_is_refused_or_harmless(tmp_path):
    found = list(read_with_a_damaged_byte(tmp_path, "footer", times=200))
    assert sum(isinstance(table, str) for table in found) > 20


def test_bytes_and_row_groups_are_read_as_checked_as_files(store_uri):
    data = encode_table(TABLE, kind=KIND, version=2)
    assert decode_table(data, "here", kind=KIND, version=2).equals(TABLE)
    write_table(f"{store_uri}/t", TABLE, kind=KIND, version=2, row_group_rows=300)
    with open_table(f"{store_uri}/t", kind=KIND, version=2) as file:
        assert file.read_row_group(3, columns=["scan_id"])["scan_id"].to_pylist() == [
            "0900",
            *names(901, 1000),
        ]
    for read in (
        lambda kind, version: decode_table(data, "here", kind=kind, version=version),
        lambda kind, version: open_table(f"{store_uri}/t", kind=kind, version=version).__enter__(),
    ):
        with pytest.raises(SourceError, match=r"is a table of the kind 'rwsc.test', not 'rwsc.other'"):
            read("rwsc.other", 2)
        with pytest.raises(SourceError, match="knows versions up to 1"):
            read(KIND, 1)


def test_damaged_bytes_are_told(tmp_path):
    data = encode_table(TABLE, kind=KIND, version=1)
    broken = bytearray(data)
    broken[len(data) // 4] ^= 0xFF
    for bad in (b"", data[:-9], bytes(broken)):
        with pytest.raises(SourceError, match="here is no Parquet file, or a damaged one"):
            decode_table(bad, "here", kind=KIND)
        (tmp_path / "t").write_bytes(bad)
        with (
            pytest.raises(SourceError, match="no Parquet file, or a damaged one"),
            open_table(str(tmp_path / "t"), kind=KIND) as file,
        ):
            file.read_row_group(0)


def names(first, end):
    return [f"{number:04}" for number in range(first, end)]


@pytest.mark.parametrize("version", ["9" * 5000, "\u00b2", "", "-1", "1.5"])
def test_a_version_that_is_no_number_is_told(version):
    table = pa.table({"a": [1]}).replace_schema_metadata({"rwsc.kind": KIND, "rwsc.version": version})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    with pytest.raises(SourceError, match="does not name the version"):
        decode_table(buffer.getvalue().to_pybytes(), "here", kind=KIND)
