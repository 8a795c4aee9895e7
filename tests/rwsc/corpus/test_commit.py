import hashlib
import json
from contextlib import nullcontext, suppress

import pyarrow as pa
import pytest

from rwsc.corpus.commit import (
    commit_shard,
    committed_shards,
    image_key,
    manifest_key,
    marker_key,
    read_marker,
    read_rows,
    settle_shard,
)
from rwsc.corpus.manifest import MANIFEST_KIND, MANIFEST_SCHEMA, MANIFEST_VERSION, to_table
from rwsc.errors import SourceError
from rwsc.storage.parquet import encode_table
from rwsc.storage.prefix import Prefix


class PowerCut(BaseException):
    pass


class CutPrefix(Prefix):
    """A store whose power fails after some writes."""

    def write(self, key, data, *, overwrite=True):
        left = self.__class__.writes_left
        if left == 0:
            raise PowerCut
        self.__class__.writes_left = left - 1
        super().write(key, data, overwrite=overwrite)


def make_rows(number=3):
    rows = []
    for index in range(number):
        row = dict.fromkeys(MANIFEST_SCHEMA.names)
        made = index != 1
        rows.append(
            row
            | {
                "image_id": f"image{index}",
                "shard_id": "shard",
                "status": "made" if made else "failed",
                "reason": None if made else "no bytes",
                "synthetic": True,
                "role": "positive",
                "scan_uri": "bag.png",
                "objects": [],
                "empty_insertions": [],
                "distractors": [],
                "bag_kin": "bag",
                "bag_objects": [],
                "bag_items": [],
            }
        )
    return rows


def test_a_committed_shard_reads_back(store_uri):
    corpus = Prefix(store_uri)
    commit_shard(corpus, "shard", make_rows())
    assert committed_shards(corpus) == {"shard"}
    assert read_rows(corpus, "shard") == make_rows()


def test_the_marker_counts_rows_and_names_the_manifest(tmp_path):
    corpus = Prefix(str(tmp_path))
    commit_shard(corpus, "shard", make_rows())
    marker = read_marker(corpus, "shard")
    assert marker["rows"] == 3
    assert marker["status"] == {"made": 2, "rejected": 0, "failed": 1}
    assert marker["manifest_sha256"] == hashlib.sha256(corpus.read(manifest_key("shard"))).hexdigest()


@pytest.mark.parametrize("writes_before_cut", [0, 1])
def test_a_cut_at_any_write_leaves_the_shard_uncommitted(tmp_path, writes_before_cut):
    CutPrefix.writes_left = writes_before_cut
    corpus = CutPrefix(str(tmp_path))
    with pytest.raises(PowerCut):
        commit_shard(corpus, "shard", make_rows())
    assert committed_shards(corpus) == set()


def old_and_new():
    old = make_rows()
    new = make_rows(4)
    new[1] |= {"status": "made", "reason": None}
    return old, new


def shard_bytes(corpus):
    return [corpus.read(key) for key in (manifest_key("shard"), marker_key("shard"))]


def bytes_at_once(folder, rows):
    corpus = Prefix(str(folder))
    commit_shard(corpus, "shard", rows)
    return shard_bytes(corpus)


@pytest.mark.parametrize("writes_before_cut", [0, 1, 2, 3])
@pytest.mark.parametrize("cut_again_after", [None, 0, 1])
def test_after_a_cut_at_any_write_a_settled_shard_has_the_bytes_of_one_written_at_once(
    tmp_path, writes_before_cut, cut_again_after
):
    old, new = old_and_new()
    corpus = CutPrefix(str(tmp_path / "corpus"))
    CutPrefix.writes_left = 2
    commit_shard(corpus, "shard", old)
    CutPrefix.writes_left = writes_before_cut
    with pytest.raises(PowerCut) if writes_before_cut < 3 else nullcontext():
        commit_shard(corpus, "shard", new)
    if cut_again_after is not None:  # the attempt after it is cut too
        CutPrefix.writes_left = cut_again_after
        with suppress(PowerCut):
            commit_shard(corpus, "shard", new)
    rows = read_rows(corpus, "shard")
    CutPrefix.writes_left = 1
    settle_shard(corpus, "shard")
    assert shard_bytes(corpus) == bytes_at_once(tmp_path / "at-once", rows)
    CutPrefix.writes_left = 0
    settle_shard(corpus, "shard")


def test_a_shard_that_is_there_already_is_committed_again_without_a_marker_of_both(tmp_path):
    # Two workers may make one shard, when a node is taken for lost; either may be killed at any write.
    corpus = CutPrefix(str(tmp_path))
    CutPrefix.writes_left = 2
    commit_shard(corpus, "shard", make_rows())
    before = shard_bytes(corpus)
    for writes in (0, 1):
        CutPrefix.writes_left = writes
        with pytest.raises(PowerCut):
            commit_shard(corpus, "shard", make_rows())
        assert shard_bytes(corpus) == before


def test_a_damaged_marker_is_not_settled(tmp_path):
    corpus = Prefix(str(tmp_path))
    commit_shard(corpus, "shard", make_rows())
    corpus.write(marker_key("shard"), b"{")
    with pytest.raises(SourceError, match="is no marker"):
        settle_shard(corpus, "shard")


@pytest.mark.parametrize("writes_before_cut", [0, 1, 2])
def test_a_cut_at_any_write_of_a_replacement_leaves_the_old_shard_or_the_new_one(tmp_path, writes_before_cut):
    old, new = old_and_new()
    corpus = CutPrefix(str(tmp_path))
    CutPrefix.writes_left = 2
    commit_shard(corpus, "shard", old)
    CutPrefix.writes_left = writes_before_cut
    with pytest.raises(PowerCut):
        commit_shard(corpus, "shard", new)

    rows, marker = read_rows(corpus, "shard"), read_marker(corpus, "shard")
    assert rows in (old, new)
    assert set(marker) == {"rows", "status", "manifest_sha256"}
    assert marker["rows"] == len(rows)
    assert marker["status"]["made"] == sum(row["status"] == "made" for row in rows)
    assert marker["manifest_sha256"] == hashlib.sha256(corpus.read(manifest_key("shard"))).hexdigest()
    assert committed_shards(corpus) == {"shard"}

    for rows in (old, new):  # whatever comes next, finished or taken back
        CutPrefix.writes_left = 3
        commit_shard(corpus, "shard", rows)
        assert read_rows(corpus, "shard") == rows
        assert read_marker(corpus, "shard")["rows"] == len(rows)


def test_a_replaced_shard_has_the_bytes_of_one_written_at_once(store_uri):
    old, new = old_and_new()
    replaced, at_once = Prefix(f"{store_uri}/a"), Prefix(f"{store_uri}/b")
    commit_shard(replaced, "shard", old)
    commit_shard(replaced, "shard", new)
    commit_shard(at_once, "shard", new)
    for key in (manifest_key("shard"), marker_key("shard")):
        assert replaced.read(key) == at_once.read(key)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"{}", b'{"rows": 1}', b'{"rows": "1", "manifest_sha256": "", "status": {}}'],
)
def test_a_damaged_marker_is_one_clear_line(tmp_path, data):
    corpus = Prefix(str(tmp_path))
    commit_shard(corpus, "shard", make_rows())
    corpus.write(marker_key("shard"), data)
    with pytest.raises(SourceError, match=r"committed/shard.json is no marker"):
        read_marker(corpus, "shard")


def test_a_damaged_manifest_is_one_clear_line(tmp_path):
    corpus = Prefix(str(tmp_path))
    commit_shard(corpus, "shard", make_rows())
    data = corpus.read(manifest_key("shard"))
    corpus.write(manifest_key("shard"), data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"manifest/shard.parquet is no Parquet file, or a damaged one"):
        read_rows(corpus, "shard")


def test_committing_again_writes_the_same_bytes(tmp_path):
    corpus = Prefix(str(tmp_path))
    contents = []
    for _ in range(2):
        commit_shard(corpus, "shard", make_rows())
        contents.append([corpus.read(manifest_key("shard")), corpus.read(marker_key("shard"))])
    assert contents[0] == contents[1]


def test_markers_hold_nothing_that_depends_on_the_clock(tmp_path):
    corpus = Prefix(str(tmp_path))
    commit_shard(corpus, "shard", make_rows())
    assert set(json.loads(corpus.read(marker_key("shard")))) == {"rows", "status", "manifest_sha256"}


def test_images_lie_under_their_shard():
    assert image_key("s", "i", "png") == "images/s/i.png"
    assert image_key("s", "i", "jpeg") == "images/s/i.jpg"
    assert image_key("s", "i", "npy") == "images/s/i.npy"


def test_images_in_a_container_lie_under_their_own_names():
    assert image_key("s", "i", "png", "parquet") == "images/s.parquet#i.png"
    assert image_key("s", "i", "jpeg", "webdataset") == "images/s.tar#i.jpg"


def without_field(table, column, name):
    """Leave a field out of the structs in a column."""
    kept = [field for field in table.schema.field(column).type.value_type if field.name != name]
    rows = [
        [{field.name: thing[field.name] for field in kept} for thing in things]
        for things in table[column].to_pylist()
    ]
    return table.set_column(
        table.column_names.index(column), column, pa.array(rows, pa.list_(pa.struct(kept)))
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["licence", "role"]), "has no column licence, role"),
        (lambda table: table.drop_columns(["bag_kin", "bag_items"]), "has no column bag_kin, bag_items"),
        (lambda table: without_field(table, "objects", "label"), "its column objects has no field label"),
        (
            lambda table: without_field(table, "distractors", "scale"),
            "its column distractors has no field scale",
        ),
        (
            lambda table: without_field(table, "objects", "physical_item_id"),
            r"no column objects\.physical_item_id",
        ),
        (
            lambda table: table.drop_columns(["distractors"]).append_column(
                MANIFEST_SCHEMA.field("distractors"),
                pa.nulls(len(table), MANIFEST_SCHEMA.field("distractors").type),
            ),
            "values of distractors are missing",
        ),
    ],
)
def test_a_manifest_that_its_readers_would_stumble_over_is_refused(tmp_path, change, message):
    corpus = Prefix(str(tmp_path))
    table = change(to_table(make_rows()))
    corpus.write(manifest_key("shard"), encode_table(table, kind=MANIFEST_KIND, version=MANIFEST_VERSION))
    with pytest.raises(SourceError, match=message):
        read_rows(corpus, "shard")
