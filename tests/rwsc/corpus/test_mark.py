import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.corpora import synth_config
from support.made_corpora import make_here

from rwsc.corpus.commit import commit_shard, committed_shards, read_rows
from rwsc.corpus.containers import ImageReader
from rwsc.corpus.controls import ControlsConfig
from rwsc.corpus.mark import SOURCE_TYPE, encode_marked, is_marked
from rwsc.runs.verify import verify
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import Prefix

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 15, 3), dtype=np.uint8)


def description_of(data):
    """What Pillow reads of a file's XMP packet."""
    return Image.open(io.BytesIO(data)).getxmp()["xmpmeta"]["RDF"]["Description"]


@pytest.fixture(scope="module")
def corpus(inputs_root, tmp_path_factory):
    output = str(tmp_path_factory.mktemp("mark") / "corpus")
    controls = ControlsConfig(empty_share=0.3, negative_share=0.3, distractor_share=0.5)
    config = synth_config(inputs_root, output=output, num_images=12, shard_images=6, controls=controls)
    make_here(config)
    return Prefix(output)


def rows_of(corpus):
    return [row for shard in sorted(committed_shards(corpus)) for row in read_rows(corpus, shard)]


def test_another_library_reads_what_an_image_of_any_role_is(corpus):
    images = ImageReader(corpus)
    made = [row for row in rows_of(corpus) if row["status"] == "made"]
    assert {row["role"] for row in made} == {"positive", "empty", "negative"}
    for row in made:
        said = description_of(images.read(row["uri"]))
        assert said["DigitalSourceType"] == SOURCE_TYPE
        assert said["identifier"] == row["image_id"]


def test_the_mark_tells_nothing_but_the_id(corpus):
    images = ImageReader(corpus)
    marks = {
        Image.open(io.BytesIO(images.read(row["uri"]))).info["xmp"].replace(row["image_id"].encode(), b"ID")
        for row in rows_of(corpus)
        if row["status"] == "made"
    }
    assert len(marks) == 1
    assert len({len(row["image_id"]) for row in rows_of(corpus)}) == 1


@pytest.mark.parametrize("codec", ["png", "jpeg", "npy"])
def test_a_mark_costs_no_pixel_and_equal_images_are_equal_files(codec):
    marked = encode_marked(PIXELS, "a1", codec=codec, jpeg_quality=95)
    assert marked == encode_marked(PIXELS, "a1", codec=codec, jpeg_quality=95)
    plain = encode_image(PIXELS, codec=codec, jpeg_quality=95)
    np.testing.assert_array_equal(decode_image(marked), decode_image(plain))
    assert is_marked(marked, "a1") == (codec != "npy")
    assert not is_marked(plain, "a1")
    assert not is_marked(marked, "a2")


def test_an_id_of_a_foreign_plan_cannot_write_into_the_packet():
    hostile = '"/><evil a="&<'
    marked = encode_marked(PIXELS, hostile, codec="png", jpeg_quality=95)
    assert description_of(marked)["identifier"] == hostile


def test_verify_finds_images_that_lost_their_mark_or_bear_that_of_another(corpus):
    assert verify(corpus.uri, sample=None, workers=None).findings.counts == {}
    one, other = [row for row in rows_of(corpus) if row["status"] == "made"][:2]
    originals = {row["image_id"]: corpus.read(row["uri"]) for row in (one, other)}
    pixels = {image_id: decode_image(data) for image_id, data in originals.items()}
    unmarked = {
        one["image_id"]: encode_image(pixels[one["image_id"]]),
        other["image_id"]: encode_marked(
            pixels[other["image_id"]], one["image_id"], codec="png", jpeg_quality=95
        ),
    }
    replace(corpus, unmarked)
    found = verify(corpus.uri, sample=None, workers=None).findings
    assert found.counts == {"mark": 2}
    assert {finding.image_id for finding in found.kept} == set(unmarked)
    card = Path(corpus.uri) / "run.json"
    older = json.loads(card.read_text())
    del older["file_mark"]
    card.write_text(json.dumps(older))
    assert verify(corpus.uri, sample=None, workers=None).findings.counts == {}


def replace(corpus, files):
    """Put other files into a corpus, with rows and markers that fit."""
    for shard in sorted(committed_shards(corpus)):
        rows = []
        for row in read_rows(corpus, shard):
            if (data := files.get(row["image_id"])) is not None:
                corpus.write(row["uri"], data)
                row["sha256"] = hashlib.sha256(data).hexdigest()
            rows.append(row)
        commit_shard(corpus, shard, rows)
