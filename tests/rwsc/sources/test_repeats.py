import pytest

from rwsc.sources.repeats import choose_kept, rank_of, set_aside
from rwsc.sources.schema import Bag, Scan, ScanObject

INSIDE = ScanObject(label="gun", bbox_xywh=[1.0, 2.0, 3.0, 4.5])
OUTSIDE = ScanObject(label="gun", bbox_xywh=[99.0, 2.0, 3.0, 4.0], flags=["outside"])


def scan(name, content="a", objects=(), kind="benign", **facts):
    return Scan(
        **{"uri": name, "kind": kind, "status": "ok", "sha256": content * 64, "objects": list(objects)}
        | facts
    )


def stays(*scans):
    return {content[0]: kept.uri for content, kept in choose_kept(enumerate(scans)).items()}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("more", "less"),
    [
        (scan("more", objects=[INSIDE], kind="threat"), scan("less", objects=[OUTSIDE], kind="threat")),
        (scan("more", objects=[INSIDE]), scan("less", kind="threat")),
        (scan("more", objects=[OUTSIDE], kind="threat"), scan("less")),
        (scan("more", kind="isolated"), scan("less")),
    ],
)
def test_of_two_copies_the_one_of_which_more_is_known_stays(more, less, turned):
    assert rank_of(more) > rank_of(less)
    assert stays(*((more, less) if turned else (less, more))) == {"a": "more"}


def test_of_copies_of_which_as_much_is_known_the_first_stays():
    assert stays(scan("0"), scan("1"), scan("2", content="b"), scan("3", content="b")) == {"a": "0", "b": "2"}


def test_rows_that_cannot_be_used_stand_for_no_other():
    failed = scan("0", objects=[INSIDE], status="failed", reason="damaged")
    assert stays(failed, scan("1"), scan("2", sha256=None)) == {"a": "1"}


def test_what_is_set_aside_comes_back_as_it_was_and_more_than_once(monkeypatch):
    scans = [
        scan("a\n\u2028b安", objects=[INSIDE, OUTSIDE], air_level=[240.1, 1 / 3]),
        scan("c", bags=[Bag(bbox_xywh=[0.0, 0.0, 9.0, 9.0], area_px=81, mean_attenuation=0.1)], flags=["x"]),
    ]
    for held in (2**20, 1):
        monkeypatch.setattr("rwsc.sources.repeats._HELD_BYTES", held)
        with set_aside(iter(scans)) as rows:
            assert list(rows()) == list(rows()) == scans
