import hashlib
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.corpora import make_inputs, synth_config
from support.made_corpora import make_here

from rwsc.corpus.check_image import BagReader, ImageCheck
from rwsc.corpus.check_row import Promised
from rwsc.corpus.claim import read_corpus_card
from rwsc.corpus.commit import read_rows
from rwsc.corpus.containers import ImageReader
from rwsc.corpus.mark import encode_marked
from rwsc.corpus.plan_store import StoredPlan
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix

CODECS = {"png": "png", "jpg": "jpeg", "npy": "npy"}


@pytest.fixture
def root(tmp_path):
    """Inputs of this test alone, so that bags can be changed."""
    make_inputs(str(tmp_path / "inputs"))
    return str(tmp_path / "inputs")


def made(root, tmp_path, **changes):
    config = synth_config(root, output=str(tmp_path / "corpus"), num_images=3, shard_images=3, **changes)
    make_here(config)
    corpus, plan = Prefix(config.output), StoredPlan(Prefix(config.output))
    shard_id = plan.shards()[0].shard_id
    return corpus, read_rows(corpus, shard_id)[0], plan.shard(shard_id, 0, shard_images=3)[0]


def faults_of(corpus, row, planned, *, knows_items=True):
    numbers = Counter()
    check = ImageCheck(
        images=ImageReader(corpus),
        bags=BagReader(100_000_000),
        promised=Promised.of_card(read_corpus_card(corpus)),
        numbers=numbers,
    )
    return [name for name, _ in check.faults(row, planned, knows_items=knows_items)], dict(numbers)


def paint(corpus, row, change):
    """Change the pixels of an image, and give the row that says so."""
    image = decode_image(corpus.read(row["uri"])).copy()
    change(image)
    codec = CODECS[row["uri"].rpartition(".")[2]]
    data = encode_marked(image, row["image_id"], codec=codec, jpeg_quality=95)
    corpus.write(row["uri"], data)
    return row | {"sha256": hashlib.sha256(data).hexdigest()}


def outside(image):
    image[:2] ^= 1


@pytest.mark.parametrize("image_format", ["png", "npy"])
def test_a_pixel_outside_the_items_that_is_not_the_bags_is_found(root, tmp_path, image_format):
    corpus, row, planned = made(root, tmp_path, image_format=image_format)
    assert faults_of(corpus, row, planned) == ([], {"read": 1, "compared": 1})
    painted = paint(corpus, row, outside)
    assert faults_of(corpus, painted, planned) == (["outside"], {"read": 1, "compared": 1})
    assert faults_of(corpus, painted, planned, knows_items=False) == ([], {"read": 1})


def test_an_item_that_the_row_does_not_tell_of_is_found(root, tmp_path):
    corpus, row, planned = made(root, tmp_path)
    assert row["objects"]
    assert faults_of(corpus, row | {"objects": []}, planned)[0] == ["outside"]


def test_of_a_lossy_format_the_bag_is_not_read(root, tmp_path):
    corpus, row, planned = made(root, tmp_path, image_format="jpeg")
    assert faults_of(corpus, paint(corpus, row, outside), planned) == ([], {"read": 1})


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"another picture")])
def test_a_bag_that_is_gone_or_another_one_is_counted_and_no_fault(root, tmp_path, spoil):
    corpus, row, planned = made(root, tmp_path)
    spoil(Path(planned.scan_uri))
    assert faults_of(corpus, row, planned) == ([], {"read": 1, "without_bag": 1})


def test_a_bag_of_another_shape_is_a_fault(root, tmp_path):
    corpus, row, planned = made(root, tmp_path)
    gray = encode_marked(np.zeros((5, 6), np.uint8), row["image_id"], codec="png", jpeg_quality=95)
    corpus.write(row["uri"], gray)
    changed = row | {"width": 6, "height": 5, "channels": 1, "sha256": hashlib.sha256(gray).hexdigest()}
    assert faults_of(corpus, changed, planned)[0] == ["outside"]


def test_bags_are_read_where_the_plan_says_that_they_lie_now(root, tmp_path):
    corpus, row, planned = made(root, tmp_path)
    moved = shutil.move(planned.scan_uri, tmp_path / "moved.png")
    assert BagReader(100_000_000).read(planned) is None
    object.__setattr__(planned, "scan_uri", str(moved))
    assert faults_of(corpus, row, planned) == ([], {"read": 1, "compared": 1})


def test_a_bag_over_the_limit_is_not_decoded(root, tmp_path):
    _, _, planned = made(root, tmp_path)
    assert BagReader(100_000_000).read(planned) is not None
    assert BagReader(100).read(planned) is None


@pytest.mark.s3
def test_a_bucket_that_fails_is_asked_once_and_a_bag_that_is_gone_costs_no_other(root, tmp_path, s3_uri):
    _, _, planned = made(root, tmp_path)
    data = Path(planned.scan_uri).read_bytes()
    Prefix(s3_uri).write("here.png", data)
    bags = BagReader(100_000_000)

    def read(uri):
        object.__setattr__(planned, "scan_uri", uri)
        return bags.read(planned)

    assert read(f"{s3_uri}/gone.png") is None
    assert read(f"{s3_uri}/here.png") is not None
    assert read("s3://no-such-bucket-here/a.png") is None
    assert read("s3://no-such-bucket-here/b.png") is None
    assert read(f"{s3_uri}/here.png") is not None
