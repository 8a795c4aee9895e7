import random
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rwsc.errors import ObjectExists, SourceError
from rwsc.sources.catalogue import catalogue_hash, iter_scans, read_catalogue, write_catalogue
from rwsc.sources.schema import CATALOGUE_SCHEMA, Scan, ScanObject


def a_scan(number, **changes):
    thing = ScanObject(label="gun", bbox_xywh=[1.0, 2.0, 3.5, 4.0], mask_rle="abc", flags=["clipped"])
    scan = Scan(
        uri=f"/data/{number}.png", kind="threat", status="ok",
        scan_id=f"{number:016x}", sha256=f"{number:064x}",
        width=4, height=5, bit_depth=8, modality="colour", dataset="d", licence="CC0", air_level=[255.0],
        objects=[thing], flags=["size_mismatch"],
    )  # fmt: skip
    return replace(scan, **changes)


FAILED = Scan(uri="/data/broken.png", kind="benign", status="failed", reason="no such file")


def hash_of(tmp_path, scans):
    uri = str(tmp_path / "hashed.parquet")
    write_catalogue(uri, scans, overwrite=True)
    return catalogue_hash(read_catalogue(uri))


def test_what_is_written_is_read_back(tmp_path):
    uri = str(tmp_path / "catalogue.parquet")
    scans = [a_scan(1), FAILED, a_scan(2, objects=[], split="val", subset="extra", group="g")]
    assert write_catalogue(uri, iter(scans)) == 3
    table = read_catalogue(uri)
    assert table.schema.names == CATALOGUE_SCHEMA.names
    assert list(iter_scans(table)) == scans


def test_rows_beyond_one_batch_keep_their_order(tmp_path):
    uri = str(tmp_path / "catalogue.parquet")
    write_catalogue(uri, (a_scan(number) for number in range(2500)))
    assert read_catalogue(uri, columns=["scan_id"])["scan_id"].to_pylist() == [
        f"{n:016x}" for n in range(2500)
    ]


def test_a_catalogue_of_no_rows_has_its_columns(tmp_path):
    uri = str(tmp_path / "catalogue.parquet")
    assert write_catalogue(uri, []) == 0
    assert read_catalogue(uri).schema.names == CATALOGUE_SCHEMA.names


def test_nothing_is_replaced_unasked(tmp_path):
    uri = str(tmp_path / "catalogue.parquet")
    write_catalogue(uri, [a_scan(1)])
    with pytest.raises(ObjectExists, match="there already"):
        write_catalogue(uri, [a_scan(2)])
    assert list(iter_scans(read_catalogue(uri))) == [a_scan(1)]


def test_a_source_that_breaks_off_leaves_the_older_catalogue(tmp_path):
    def rows():
        yield a_scan(2)
        raise SourceError("the source broke off")

    uri = str(tmp_path / "catalogue.parquet")
    write_catalogue(uri, [a_scan(1)])
    with pytest.raises(SourceError, match="broke off"):
        write_catalogue(uri, rows(), overwrite=True)
    assert list(iter_scans(read_catalogue(uri))) == [a_scan(1)]


def test_another_file_is_not_taken_for_a_catalogue(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError):
        read_catalogue(str(tmp_path / "x.parquet"))


def test_the_hash_knows_neither_order_nor_place_nor_what_is_unusable(tmp_path):
    scans = [a_scan(number) for number in range(9)]
    shuffled = random.Random(0).sample(scans, len(scans))
    moved = [replace(scan, uri=f"s3://bucket/{scan.scan_id}") for scan in shuffled]
    assert hash_of(tmp_path, scans) == hash_of(tmp_path, [*moved, FAILED])


@pytest.mark.parametrize(
    "change",
    [{"sha256": "0" * 64}, {"kind": "benign"}, {"licence": "academic"}, {"split": "val"},
     {"air_level": [254.0]}, {"objects": []}, {"group": "g"}, {"status": "rejected", "reason": "r"}],
)  # fmt: skip
def test_the_hash_knows_what_matters(tmp_path, change):
    assert hash_of(tmp_path, [a_scan(1)]) != hash_of(tmp_path, [a_scan(1, **change)])


def test_a_reason_goes_with_every_status_but_ok():
    with pytest.raises(ValueError, match="a reason goes with"):
        a_scan(1, reason="odd")
    with pytest.raises(ValueError, match="a reason goes with"):
        a_scan(1, status="failed")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("status", ["rejected", "failed"], "a reason goes with every status but ok"),
        ("uri", ["", None], "an empty address"),
        ("uri", [None, None], "values of uri are missing"),
        ("sha256", [None, None], "values of sha256 are missing"),
        ("air_level", [[float("nan")], None], "an air level is not above 0"),
        ("air_level", [[-1.0], None], "an air level is not above 0"),
        ("air_level", [[None], None], "a list of its column air_level lacks a value"),
        ("kind", [None, "benign"], "values of kind are missing"),
        ("objects", [[None], []], "a list of its column objects lacks a value"),
        ("objects", [["gun"], []], "its column objects holds"),
    ],
)
def test_a_catalogue_that_others_changed_is_told_by_file_and_column(tmp_path, column, values, message):
    uri = str(tmp_path / "catalogue.parquet")
    write_catalogue(uri, [a_scan(1), replace(FAILED, air_level=None)])
    table = pq.read_table(uri)
    kind = pa.list_(pa.string()) if values == [["gun"], []] else table.schema.field(column).type
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, pa.array(values, kind)), uri)
    with pytest.raises(SourceError, match=message) as caught:
        list(iter_scans(read_catalogue(uri)))
    assert uri in caught.value.message
