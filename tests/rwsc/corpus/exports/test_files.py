import hashlib
from dataclasses import replace

import numpy as np
import pytest
from support.exports import made_of

from rwsc.corpus.exports.files import FileReader
from rwsc.corpus.exports.pictures import Picture
from rwsc.errors import SourceError
from rwsc.storage.images import decode_image, encode_image
from rwsc.storage.prefix import read_uri


@pytest.fixture
def picture(corpus):
    return Picture(row=next(iter(made_of(corpus).values())), split="train", things=())


def test_the_twin_is_the_bag_in_the_codec_of_the_image(corpus, picture):
    files = FileReader(corpus, {}, clean_twin=True)(picture)
    assert files.image == corpus.read(picture.row["uri"])
    scan = decode_image(read_uri(picture.row["scan_uri"]))
    np.testing.assert_array_equal(decode_image(files.clean), scan)
    jpeg = encode_image(decode_image(files.image), codec="jpeg", jpeg_quality=60)
    key = "images/elsewhere/x.jpg"
    corpus.write(key, jpeg)
    row = {**picture.row, "uri": key, "sha256": hashlib.sha256(jpeg).hexdigest()}
    as_jpeg = FileReader(corpus, {"jpeg_quality": 60}, clean_twin=True)(replace(picture, row=row))
    assert as_jpeg.clean == encode_image(scan, codec="jpeg", jpeg_quality=60)
    corpus.delete(key)


def test_bags_are_read_only_where_twins_are_asked_for(corpus, picture):
    moved = replace(picture, row={**picture.row, "scan_uri": "/nowhere/bag.png"})
    assert FileReader(corpus, {}, clean_twin=False)(moved).clean is None
    with pytest.raises(SourceError, match=r"the bag /nowhere/bag\.png is missing") as error:
        FileReader(corpus, {}, clean_twin=True)(moved)
    assert "--clean-twin" in error.value.remedy


@pytest.mark.parametrize("settings", [{"jpeg_quality": "95"}, {"max_pixels": 0}, {"max_pixels": True}, []])
def test_a_damaged_card_is_told(corpus, settings):
    with pytest.raises(SourceError, match="the card of the corpus states"):
        FileReader(corpus, settings, clean_twin=True)


def test_limits_of_the_corpus_hold_for_its_bags(corpus, picture):
    with pytest.raises(SourceError, match=r"the bag /.* over the limit of 10$"):
        FileReader(corpus, {"max_pixels": 10}, clean_twin=True)(picture)
