import pytest
from support.source_trees import JUNK, grow, is_damaged, objects_of, scans_of

from rwsc.sources.eds import READER


def test_a_tree_with_its_oddities(store_uri):
    tree = grow(
        store_uri,
        {
            "domain1/image/00001.jpg": b"",
            "domain1/image/00002.JPG": b"",
            "domain1/image/desktop.ini": b"",
            "domain1/txt/00002.txt": "00001.jpg knife 402 431 231 194\r\n00009.jpg device 1 2 3 4\r\n",
            "domain1/txt/00077.txt": "00001.jpg knife 1 2 3 4",
            "Domain2/images/00001.jpg": b"",
            "Domain2/txt/00001.TXT": "00001.jpg umbrella 1 2 3 4",
            "readme.txt": "x",
        },
    )
    assert "domain" in READER.recognise(tree).lower()
    scans, dropped = scans_of(READER, tree)
    assert {key: scan.scanner_id for key, scan in scans.items()} == {
        "Domain2/images/00001.jpg": "eds-domain2",
        "domain1/image/00002.JPG": "eds-domain1",
        "domain1/image/00001.jpg": "eds-domain1",
    }
    assert {(scan.dataset, scan.kind, scan.split) for scan in scans.values()} == {("EDS", "threat", None)}
    assert objects_of(scans["domain1/image/00002.JPG"]) == [
        ("knife", (402, 431, -171, -237), ()),
        ("device", (1, 2, 2, 2), ()),
    ]
    assert list(scans)[-1] == "domain1/image/00001.jpg"
    assert scans["domain1/image/00001.jpg"].flags == ("no_annotation",)
    assert dropped == {"annotation without an image": 1}


@pytest.mark.parametrize("texts", [{"domain1/txt/1.txt": "1.jpg knife 1 2 3 4"}, {}])
def test_a_domain_without_annotations_holds_no_harmless_bags(tmp_path, texts):
    images = {"domain1/image/1.jpg": b"", "domain2/image/1.jpg": b"", "domain2/readme.txt": b"x"}
    tree = grow(str(tmp_path), images | texts)
    assert "domain1/image" in READER.recognise(tree)
    scans, dropped = scans_of(READER, tree)
    assert {key: (scan.dataset, scan.kind, scan.flags) for key, scan in scans.items()} == {
        "domain1/image/1.jpg": ("EDS", "threat", () if texts else ("no_annotation",)),
        "domain2/image/1.jpg": ("EDS", "threat", ("no_annotation",)),
    }
    assert not dropped


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"domain1/images/a.jpg": b""},
        {"domain1/image/a.jpg": b"", "domain1/labels/a.txt": b"0 0.5 0.5 0.1 0.1"},
        {"domain1/image/a.jpg": b"", "boxes.csv": b"a.jpg,1,2,3,4"},
        {"a/image/a.jpg": b"", "a/txt/a.txt": b""},
        {"domain1/txt/a.txt": b""},
    ],
)
def test_other_layouts_are_not_claimed(tmp_path, files):
    assert READER.recognise(grow(str(tmp_path), files)) is None


def test_every_kind_of_junk_costs_its_own_image_only(tmp_path):
    files = {}
    for number, data in enumerate(data for data in JUNK.values() if data):
        files |= {f"domain3/image/{number}.jpg": b"", f"domain3/txt/{number}.txt": data}
    scans, _ = scans_of(READER, grow(str(tmp_path), files))
    assert len(scans) == len(JUNK) - 1
    assert all(is_damaged(scan) for scan in scans.values())
