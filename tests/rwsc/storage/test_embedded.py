import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rwsc.errors import AccessDenied, ObjectMissing
from rwsc.storage import embedded
from rwsc.storage.embedded import embedded_uri, image_column, is_embedded, read_embedded
from rwsc.storage.files import open_write
from rwsc.storage.prefix import Prefix, read_uri, uri_exists

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture(autouse=True)
def _nothing_held():
    embedded._held.clear()


def write(uri, images, *, name="image", rows_per_group=2, kind=IMAGE):
    table = pa.table({"id": pa.array(range(len(images))), name: pa.array(images, kind)})
    with open_write(uri) as file:
        pq.write_table(table, file, row_group_size=rows_per_group)


def content(number):
    return {"bytes": f"image {number}".encode(), "path": None}


def test_every_row_has_an_address_that_is_read_like_a_file(store_uri):
    uri = f"{store_uri}/data/train.parquet"
    write(uri, [content(number) for number in range(5)])
    for row in (4, 0, 1, 3, 2):
        assert read_uri(embedded_uri(uri, row)) == f"image {row}".encode()
    with pytest.raises(ObjectMissing, match="has no row 5"):
        read_uri(embedded_uri(uri, 5))


def test_an_embedded_image_is_there_where_its_file_is(store_uri):
    uri = f"{store_uri}/a.parquet"
    assert not uri_exists(embedded_uri(uri, 0))
    with pytest.raises(ObjectMissing, match="nothing at"):
        read_uri(embedded_uri(uri, 0))
    write(uri, [content(0)])
    assert uri_exists(embedded_uri(uri, 0))
    assert uri_exists(uri)


def test_reading_in_order_unpacks_each_row_group_once(tmp_path, monkeypatch):
    uri = str(tmp_path / "a.parquet")
    write(uri, [content(number) for number in range(8)], rows_per_group=4)
    unpacked = []
    read_group = embedded._read_group
    monkeypatch.setattr(
        embedded, "_read_group", lambda *place: (unpacked.append(place), read_group(*place))[1]
    )
    found = {}

    def read_some(rows):
        found.update({row: read_embedded(embedded_uri(uri, row)) for row in rows})

    threads = [threading.Thread(target=read_some, args=([*range(first, 8, 2)],)) for first in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {row: f"image {row}".encode() for row in range(8)}
    assert len(unpacked) == 2


@pytest.mark.parametrize(
    ("uri", "embeds"),
    [("/a/b.parquet#row=0", True), ("s3://bucket/b.PARQUET#row=12", True), ("/a/b.parquet", False),
     ("/a/b.png#row=1", False), ("/a/b.parquet#row=-1", False), ("/a/b.parquet#row=٣", False),
     ("/a/b.parquet#row=1\n", False), (".parquet#row=1", False)],
)  # fmt: skip
def test_only_rows_of_parquet_files_are_embedded(uri, embeds):
    assert is_embedded(uri) == embeds


def test_a_name_with_a_hash_is_still_a_file(tmp_path):
    Prefix(str(tmp_path)).write("b.png#row=1", b"plain")
    assert read_uri(str(tmp_path / "b.png#row=1")) == b"plain"


def test_a_row_without_bytes_says_where_its_image_was(tmp_path):
    uri = str(tmp_path / "a.parquet")
    write(uri, [{"bytes": None, "path": "../../etc/passwd"}, None, {"bytes": b"", "path": None}])
    with pytest.raises(
        AccessDenied, match=r"row=0; the row names '../../etc/passwd', which is not looked for"
    ):
        read_embedded(embedded_uri(uri, 0))
    with pytest.raises(AccessDenied, match=r"no image at .*row=1$"):
        read_embedded(embedded_uri(uri, 1))
    assert read_embedded(embedded_uri(uri, 2)) == b""


def test_the_column_of_images_is_found_by_its_form():
    binary = pa.struct([("path", pa.string()), ("bytes", pa.large_binary())])
    assert image_column(pa.schema([("thumb", binary), ("image", IMAGE)])) == "image"
    assert image_column(pa.schema([("picture of it", binary)])) == "picture of it"
    assert image_column(pa.schema([("image", pa.string()), ("bytes", pa.binary())])) is None
    assert image_column(pa.schema([("image", pa.struct([("bytes", pa.string())]))])) is None
    assert image_column(pa.schema([("a.b", IMAGE)])) is None


def test_an_image_or_a_row_group_over_the_limit_is_refused(tmp_path, monkeypatch):
    uri = str(tmp_path / "a.parquet")
    write(uri, [content(0), {"bytes": b"x" * 5000, "path": None}])
    monkeypatch.setattr(embedded, "MAX_IMAGE_BYTES", 4000)
    assert read_embedded(embedded_uri(uri, 0)) == b"image 0"
    with pytest.raises(AccessDenied, match="has 5000 bytes"):
        read_embedded(embedded_uri(uri, 1))
    embedded._held.clear()
    monkeypatch.setattr(embedded, "MAX_GROUP_BYTES", 10)
    with pytest.raises(AccessDenied, match="more than 10"):
        read_embedded(embedded_uri(uri, 0))


def test_a_file_without_images_says_so(tmp_path):
    uri = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"image": ["a.png"]}), uri)
    with pytest.raises(AccessDenied, match="no column holds images"):
        read_embedded(embedded_uri(uri, 0))


def test_a_damaged_file_costs_one_kind_of_error(tmp_path):
    uri = str(tmp_path / "a.parquet")
    write(uri, [content(number) for number in range(4)])
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(AccessDenied, match="damaged"):
        read_embedded(embedded_uri(str(tmp_path / "text.parquet"), 0))
    messages = []
    for place in range(0, len(whole), 7):
        bad = tmp_path / "bad.parquet"
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        embedded._held.clear()
        try:
            read_embedded(embedded_uri(str(bad), 1))
        except (AccessDenied, ObjectMissing) as error:
            messages.append(error.message)
    assert messages
    assert not any("\n" in message for message in messages)
