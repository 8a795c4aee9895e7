import hashlib
import json

import pytest

from rwsc.corpus.commit import (
    commit_shard,
    committed_shards,
    image_key,
    manifest_key,
    marker_key,
    read_marker,
    read_rows,
)
from rwsc.corpus.manifest import MANIFEST_SCHEMA
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
                "objects": [],
                "bag_objects": [],
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
