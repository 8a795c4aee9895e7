from collections import Counter
from pathlib import Path

import pytest

from rwsc.errors import SourceError
from rwsc.sources.catalogue import write_catalogue
from rwsc.sources.examine import Defaults
from rwsc.sources.index import IndexSummary, index_to_catalogue, stream_scans
from rwsc.sources.layout import open_source
from rwsc.sources.parts import IndexParts, digest_of
from rwsc.storage.prefix import Prefix


@pytest.fixture
def source(tree, pixels):
    for number in range(7):
        tree.annotation(tree.image(f"{number}.png", pixels(number % 5)), bbox=[5, 5, 10, 10])
    tree.image("missing.png")
    tree.annotation(99, bbox=[1, 1, 2, 2])
    return tree.write()


def listed_in(folder, source, part_images=3):
    parts, dropped = IndexParts(Prefix(folder)), Counter()
    scans = open_source(source, dropped=dropped)
    return parts, parts.list_all(
        scans, dropped, part_images=part_images, layout="coco", why="annotations.json"
    )


def merged(parts, listed, uri):
    defaults = Defaults(dataset="source")
    stream = stream_scans(
        parts.rows(listed),
        IndexSummary(dropped=Counter(listed.dropped)),
        defaults.taxonomy,
        kept=parts.kept(listed),
    )
    write_catalogue(uri, stream, overwrite=True)
    return stream.summary


def test_parts_in_any_order_make_the_catalogue_that_one_process_makes(source, store_uri, tmp_path):
    parts, listed = listed_in(f"{store_uri}/c.parts", source)
    assert listed.sizes == [3, 3, 2]
    assert parts.missing(listed) == [0, 1, 2]
    for number in (2, 0, 1):
        assert parts.examine(number, Defaults(dataset="source"), threads=2) == listed.sizes[number]
    assert parts.missing(listed) == []
    summary = merged(parts, listed, str(tmp_path / "parts.parquet"))
    straight = index_to_catalogue(source, str(tmp_path / "straight.parquet"))
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "straight.parquet").read_bytes()
    assert summary == straight
    assert summary.by_status == {"ok": 5, "rejected": 2, "failed": 1}
    assert summary.dropped == {"annotation of an unknown image": 1}


def test_only_scans_that_occur_twice_are_called_repeated(source, tmp_path):
    parts, listed = listed_in(str(tmp_path / "parts"), source)
    for number in range(3):
        parts.examine(number, Defaults(), threads=1)
    ids = [scan.scan_id for scan in parts.rows(listed)]
    assert parts.repeated(listed) == {ids[0], ids[1]}
    assert ids[5] == ids[0]


@pytest.mark.parametrize("part_images", [1, 2, 10])
def test_the_copy_with_objects_stays_whatever_the_parts(pixels, as_png, tmp_path, part_images):
    """In parts of one, the annotated copy is met parts after the harmless one that comes first."""
    source = str(tmp_path / "source")
    Prefix(source).write("classes.txt", b"gun\n")
    for number in range(6):
        text = b"0 0.5 0.5 0.4 0.4" if number in (3, 4) else b""
        Prefix(source).write(f"images/{number}.png", as_png(pixels(number % 2)))
        Prefix(source).write(f"labels/{number}.txt", text)
    parts, listed = listed_in(str(tmp_path / "parts"), source, part_images=part_images)
    for number in range(len(listed.sizes)):
        parts.examine(number, Defaults(dataset="source"), threads=1)
    assert sorted(stays.number for stays in parts.kept(listed).values()) == [3, 4]
    summary = merged(parts, listed, str(tmp_path / "parts.parquet"))
    assert summary == index_to_catalogue(source, str(tmp_path / "straight.parquet"))
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "straight.parquet").read_bytes()
    assert summary.by_kind == {"threat": 2}
    assert summary.by_status == {"ok": 2, "rejected": 4}


def test_a_listing_is_known_again_by_its_digest_and_another_one_is_not(source, tree, tmp_path):
    def digest():
        return digest_of(open_source(source, dropped=Counter()))

    _, listed = listed_in(str(tmp_path / "parts"), source)
    _, otherwise_cut = listed_in(str(tmp_path / "others"), source, part_images=2)
    assert listed.digest == otherwise_cut.digest == digest()
    tree.annotation(1, bbox=[1, 1, 5, 5])
    tree.write()
    with_object = digest()
    assert with_object != listed.digest
    tree.image("8.png")
    tree.write()
    assert digest() not in (with_object, listed.digest)


def test_a_listing_that_was_not_finished_is_none_and_a_new_one_drops_old_rows(source, tmp_path):
    parts, listed = listed_in(str(tmp_path / "parts"), source)
    assert parts.listed() == listed
    parts.examine(1, Defaults(), threads=1)
    parts.folder.delete("listing.json")
    assert parts.listed() is None
    _, again = listed_in(str(tmp_path / "parts"), source, part_images=2)
    assert parts.listed() == again
    assert parts.missing(again) == [0, 1, 2, 3]


def test_a_damaged_record_is_told(tmp_path):
    parts = IndexParts(Prefix(str(tmp_path)))
    for data in (b"{", b"[]", b'{"layout": 1}', b"\xff"):
        parts.folder.write("listing.json", data)
        with pytest.raises(SourceError, match=r"listing\.json is damaged"):
            parts.listed()


def test_a_removed_run_leaves_nothing_but_what_others_put_there(source, store_uri):
    parts, _ = listed_in(f"{store_uri}/c.parts", source)
    parts.examine(0, Defaults(), threads=1)
    parts.folder.write("run.json", b"{}")
    Prefix(store_uri).write("other.txt", b"")
    parts.remove()
    assert list(Prefix(store_uri).list_keys()) == ["other.txt"]
    assert not Path(f"{store_uri}/c.parts").exists()
    parts.folder.write("notes.txt", b"mine")
    parts.remove()
    assert list(parts.folder.list_keys()) == ["notes.txt"]
