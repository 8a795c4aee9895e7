import hashlib
import io
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rwsc.corpus import containers
from rwsc.corpus.commit import image_key
from rwsc.corpus.containers import (
    IMAGE,
    IMAGES_KIND,
    IMAGES_VERSION,
    ImageReader,
    container_key,
    member_names,
    parts_of,
    read_image,
    write_container,
)
from rwsc.errors import AccessDenied, ObjectMissing, SourceError
from rwsc.storage.parquet import encode_table
from rwsc.storage.prefix import Prefix

IMAGES = {"a1": b"first" * 40, "b2": b"", "c3": bytes(range(256)) * 3}


@pytest.fixture(params=["parquet", "webdataset"])
def layout(request):
    return request.param


def uri_of(name, layout, codec="png"):
    return image_key("shard", name, codec, layout)


def rows_of(images, layout):
    made = [
        {"status": "made", "uri": uri_of(name, layout), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in images.items()
    ]
    return [*made[:1], {"status": "failed", "uri": None, "sha256": None}, *made[1:]]


def written(corpus, layout, images=IMAGES):
    """A container of these images; gives its key."""
    write_container(
        corpus, rows_of(images, layout), {uri_of(name, layout): data for name, data in images.items()}
    )
    return container_key("shard", layout)


def test_every_image_comes_back_under_its_name(store_uri, layout):
    corpus = Prefix(store_uri)
    container = written(corpus, layout)
    assert list(corpus.list_keys()) == [container]
    assert member_names(corpus, container) == [f"{name}.png" for name in IMAGES]
    reader = ImageReader(corpus)
    for name, data in IMAGES.items():
        assert reader.read(uri_of(name, layout)) == data == read_image(corpus, uri_of(name, layout))


def test_images_of_three_containers_are_read_in_any_order(tmp_path, layout):
    corpus = Prefix(str(tmp_path))
    written(corpus, layout)
    places = [f"images/{name}{containers.SUFFIXES[layout]}" for name in "xyz"]
    for number, place in enumerate(places):
        corpus.write(place, corpus.read(container_key("shard", layout)))
        assert number < 3
    reader = ImageReader(corpus)
    for place in [*places, *reversed(places), *places]:
        assert reader.read(f"{place}#c3.png") == IMAGES["c3"]


def test_an_image_in_a_file_of_its_own_is_read_too(tmp_path):
    corpus = Prefix(str(tmp_path))
    for uri in ("images/s/i.png", "images/s/odd#name.png"):
        corpus.write(uri, b"data")
        assert parts_of(uri) == (None, uri)
        assert read_image(corpus, uri) == b"data"


def test_an_address_names_container_and_member():
    assert parts_of("images/s.parquet#i.png") == ("images/s.parquet", "i.png")
    assert parts_of("images/s.tar#i.npy") == ("images/s.tar", "i.npy")
    for uri in ("images/s.zip#i.png", "images/s.tar#a/b.png", "images/s.tar#", "#i.png", "a.tar#b.tar#c.png"):
        assert parts_of(uri) == (None, uri)


def test_a_container_that_grew_has_the_bytes_of_one_written_at_once(tmp_path, layout):
    corpus, at_once = Prefix(str(tmp_path / "grown")), Prefix(str(tmp_path / "at once"))
    some = {name: IMAGES[name] for name in ("a1", "c3")}
    container = written(corpus, layout, some)
    write_container(corpus, rows_of(IMAGES, layout), {uri_of("b2", layout): IMAGES["b2"]})
    written(at_once, layout)
    assert corpus.read(container) == at_once.read(container)


def test_what_was_made_earlier_is_not_taken_over_when_it_has_changed(tmp_path, layout):
    corpus = Prefix(str(tmp_path))
    container = written(corpus, layout, IMAGES | {"a1": b"another image"})
    before = corpus.read(container)
    with pytest.raises(SourceError, match=r"#a1.png has changed since it was made"):
        write_container(corpus, rows_of(IMAGES, layout), {uri_of("b2", layout): IMAGES["b2"]})
    assert corpus.read(container) == before
    corpus.delete(container)
    with pytest.raises(SourceError) as found:
        write_container(corpus, rows_of(IMAGES, layout), {uri_of("b2", layout): IMAGES["b2"]})
    assert "marker" in found.value.remedy


def test_groups_of_rows_are_of_about_a_hundred(tmp_path):
    corpus = Prefix(str(tmp_path))
    images = {f"i{number:03}": bytes([number % 251]) * 9 for number in range(230)}
    container = written(corpus, "parquet", images)
    metadata = pq.read_metadata(corpus.uri_of(container))
    assert [metadata.row_group(number).num_rows for number in range(3)] == [100, 100, 30]
    assert ImageReader(corpus).read(uri_of("i229", "parquet")) == images["i229"]


def test_large_images_make_smaller_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "GROUP_BYTES", 900)
    corpus = Prefix(str(tmp_path))
    container = written(corpus, "parquet", {name: bytes(500) for name in "abcde"})
    assert pq.read_metadata(corpus.uri_of(container)).num_row_groups == 3


def test_missing_members_and_containers_are_missing_objects(store_uri, layout):
    corpus = Prefix(store_uri)
    with pytest.raises(ObjectMissing):
        read_image(corpus, uri_of("a1", layout))
    with pytest.raises(ObjectMissing):
        member_names(corpus, container_key("shard", layout))
    written(corpus, layout)
    with pytest.raises(ObjectMissing, match=r"holds no zz.png"):
        read_image(corpus, uri_of("zz", layout))


def test_images_and_containers_over_the_limit_are_refused(tmp_path, layout, monkeypatch):
    corpus = Prefix(str(tmp_path))
    written(corpus, layout)
    with pytest.raises(AccessDenied, match="over the limit"):
        ImageReader(corpus).read(uri_of("c3", layout), max_bytes=700)
    assert len(ImageReader(corpus).read(uri_of("c3", layout), max_bytes=768)) == 768
    monkeypatch.setattr(containers, "MAX_CONTAINER_BYTES", 800)
    with pytest.raises(AccessDenied, match="over the limit"):
        read_image(corpus, uri_of("a1", layout))
    with pytest.raises(SourceError, match=r"would have 968 bytes, over the limit of 800"):
        written(corpus, layout)


def test_a_flipped_byte_never_gives_another_image_unseen_nor_a_crash(tmp_path, layout):
    corpus = Prefix(str(tmp_path))
    container = written(corpus, layout)
    data = corpus.read(container)
    told = 0
    for place in range(0, len(data), 7):
        corpus.write(container, data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        for name, image in IMAGES.items():
            try:
                # An image of a tar is checked by whoever has its hash.
                told += read_image(corpus, uri_of(name, layout)) != image
            except (SourceError, ObjectMissing):
                told += 1
    assert told > 100


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_container_that_was_cut_is_one_clear_line(tmp_path, layout, share):
    corpus = Prefix(str(tmp_path))
    container = written(corpus, layout, {name: bytes(range(256)) * 120 for name in "ab"})
    data = corpus.read(container)
    corpus.write(container, data[: int(len(data) * share)])
    for read in (member_names, lambda corpus, key: read_image(corpus, f"{key}#b.png")):
        with pytest.raises(SourceError, match=rf"^[^\n]*{container}[^\n]*$"):
            read(corpus, container)


def tar_of(*members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in members:
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "/etc/passwd"
            tar.addfile(header)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [("a1.png", tarfile.SYMTYPE)],
        [("a1.png", tarfile.DIRTYPE)],
        [("a1.png", tarfile.REGTYPE), ("a1.png", tarfile.REGTYPE)],
    ],
)
def test_a_tar_of_links_folders_or_twins_is_refused(tmp_path, members):
    corpus = Prefix(str(tmp_path))
    corpus.write("images/shard.tar", tar_of(*members))
    for read in (member_names, lambda corpus, key: read_image(corpus, f"{key}#a1.png")):
        with pytest.raises(SourceError, match=r"shard.tar is no container of images"):
            read(corpus, "images/shard.tar")


def test_a_table_of_something_else_is_refused(tmp_path):
    corpus = Prefix(str(tmp_path))
    table = pa.table({"image": ["x"], "image_id": ["a1"]})
    data = containers.encode_tables(
        [table], schema=table.schema, kind=containers.IMAGES_KIND, version=containers.IMAGES_VERSION
    )
    corpus.write("images/shard.parquet", data)
    for read in (member_names, lambda corpus, key: read_image(corpus, f"{key}#a1.png")):
        with pytest.raises(SourceError, match=r"no column image of bytes and path"):
            read(corpus, "images/shard.parquet")


@pytest.mark.parametrize("image", [None, {"bytes": b"x", "path": None}])
def test_a_table_with_gaps_is_refused(tmp_path, image):
    corpus = Prefix(str(tmp_path))
    table = pa.table({"image": pa.array([image], IMAGE), "image_id": ["a"]})
    corpus.write("images/s.parquet", encode_table(table, kind=IMAGES_KIND, version=IMAGES_VERSION))
    for read in (ImageReader(corpus).members, lambda key: member_names(corpus, key)):
        with pytest.raises(SourceError, match="missing"):
            read("images/s.parquet")
