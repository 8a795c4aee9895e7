"""Indexing again after a run was killed at its very end; the rest of it needs a cluster: tests/e2e/test_index.py."""

from collections import Counter

import pytest
from support.corpora import bag_image

from rwsc.runs.index import run_index
from rwsc.sources.catalogue import iter_scans, read_catalogue
from rwsc.sources.examine import Defaults
from rwsc.sources.layout import open_source
from rwsc.sources.parts import IndexParts
from rwsc.sources.settings import IndexConfig
from rwsc.storage.images import encode_image
from rwsc.storage.prefix import Prefix
from rwsc.storage.run_card import RUN_CARD_KEY


@pytest.fixture
def source(store_uri):
    folder = Prefix(store_uri).child("source")
    for number in range(4):
        folder.write(f"{number}.png", encode_image(bag_image(number)))
    return folder


def leave_parts(source, output):
    """What a killed run leaves: a card, and a listing whose images were all looked at."""
    parts = IndexParts(Prefix(f"{output}.parts"))
    parts.folder.write(RUN_CARD_KEY, b'{"kind": "index", "fingerprint": "of other settings"}')
    dropped = Counter()
    scans = open_source(source.uri, dropped=dropped)
    listed = parts.list_all(scans, dropped, part_images=3, layout="folder", why="made up")
    for number in range(len(listed.sizes)):
        parts.examine(number, Defaults(), threads=1)
    return parts


def test_parts_beside_their_catalogue_are_not_taken_for_the_source_as_it_is_now(source, store_uri):
    config = IndexConfig(source=source.uri, output=Prefix(store_uri).uri_of("c.parquet"))
    assert run_index(config).num_rows == 4
    parts = leave_parts(source, config.output)
    source.delete("2.png")
    source.write("3.png", encode_image(bag_image(9)))
    old = {scan.sha256 for scan in iter_scans(read_catalogue(config.output))}
    assert run_index(config, overwrite=True).num_rows == 3
    new = {scan.sha256 for scan in iter_scans(read_catalogue(config.output))}
    assert len(new - old) == 1
    assert list(parts.folder.list_keys()) == []
