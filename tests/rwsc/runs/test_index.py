"""Indexing again after a run was killed or the source has changed; the rest needs a cluster: tests/e2e/test_index.py."""

from collections import Counter

import pytest
from support.corpora import bag_image

from rwsc.errors import RunMismatch, SourceError
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


BOX = b"<annotation><object><name>gun</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>"


@pytest.fixture
def voc_source(store_uri):
    folder = Prefix(store_uri).child("source")
    for number in range(4):
        folder.write(f"JPEGImages/{number}.png", encode_image(bag_image(number)))
    folder.write("Annotations/0.xml", BOX)
    return folder


def stop_after(num_parts, monkeypatch):
    """Let a run look at its parts in this process, and end it once so many were looked at."""

    def examine_here(run, listed, todo, progress):
        for number in todo[:num_parts]:
            run.parts.examine(number, run.defaults, threads=1)
        if num_parts is not None:
            raise SourceError("stop here")

    monkeypatch.setattr("rwsc.runs.index._examine", examine_here)


@pytest.fixture
def begun(voc_source, store_uri, monkeypatch):
    """The settings of a run that was stopped after one of two parts."""
    config = IndexConfig(
        source=voc_source.uri, output=Prefix(store_uri).uri_of("c.parquet"), workers=1, part_images=2
    )
    stop_after(1, monkeypatch)
    with pytest.raises(SourceError, match="stop here"):
        run_index(config)
    stop_after(None, monkeypatch)
    return config


def kinds(config):
    return [scan.kind for scan in iter_scans(read_catalogue(config.output))]


def test_a_run_goes_on_where_the_source_is_what_it_was(begun, capsys):
    run_index(begun)
    assert "taking up the run: 2 of 4 images are done" in capsys.readouterr().err
    assert len(kinds(begun)) == 4


@pytest.mark.parametrize("change", ["annotation added", "image added", "image removed"])
def test_a_run_whose_source_has_changed_is_refused_and_begun_anew_with_consent(
    begun, voc_source, change, capsys
):
    if change == "annotation added":
        voc_source.write("Annotations/1.xml", BOX)
    elif change == "image added":
        voc_source.write("JPEGImages/9.png", encode_image(bag_image(9)))
    else:
        voc_source.delete("JPEGImages/3.png")
    with pytest.raises(RunMismatch, match=r"has changed since the run in .* began") as caught:
        run_index(begun)
    assert "--overwrite" in caught.value.remedy
    assert list(Prefix(f"{begun.output}.parts").list_keys("rows")) == ["rows/000000.parquet"]
    run_index(begun, overwrite=True)
    assert "it begins anew" in capsys.readouterr().err
    expected = {"annotation added": (4, 2), "image added": (5, 1), "image removed": (3, 1)}[change]
    assert (len(kinds(begun)), kinds(begun).count("threat")) == expected
    assert list(Prefix(f"{begun.output}.parts").list_keys()) == []


def test_consent_to_replace_a_catalogue_alone_does_not_begin_a_run_anew(begun, capsys):
    run_index(begun, overwrite=True)
    assert "taking up the run: 2 of 4 images are done" in capsys.readouterr().err
