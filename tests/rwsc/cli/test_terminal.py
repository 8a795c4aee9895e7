import io
import json
import sys

import pytest
from support.corpora import bag_image
from support.things import item_row, seen_again, thing, write_bank

from rwsc.cli.terminal import escape_controls, escaped, escaped_line
from rwsc.errors import SourceError
from rwsc.storage.images import encode_image

RED = "\x1b[31m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{RED}gun", r"\x1b[31mgun"),
        ("a\rb\bc\0d\x7fe\x9bf", r"a\rb\x08c\x00d\x7fe\x9bf"),
        ("\u202egun\u2069 \u2028", r"\u202egun\u2069 \u2028"),
        ("\ud800", r"\ud800"),
        ("Messer, 刀, café, \u200d, C:\\new\\x1b", "Messer, 刀, café, \u200d, C:\\new\\x1b"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_and_all_else_stays(text, shown):
    assert escaped(text) == escaped_line(text) == shown
    assert escaped(shown) == shown


def test_line_breaks_and_tabs_stay_unless_a_line_is_asked_for():
    assert escaped("a\tb\n") == "a\tb\n"
    assert escaped_line("a\tb\n") == r"a\tb\n"


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_all_ways_into_a_stream_lead_past_the_escapes(monkeypatch, name):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    raw = getattr(sys, name)
    escape_controls()
    escape_controls()
    stream = getattr(sys, name)
    assert stream.write(f"{RED}a\n") == len(RED) + 2
    stream.writelines([RED, "b\n"])
    print(RED, "c", file=stream, flush=True)
    assert raw.getvalue() == "\\x1b[31ma\n\\x1b[31mb\n\\x1b[31m c\n"
    assert stream.getvalue() == raw.getvalue()


@pytest.fixture
def rwsc(rwsc):
    def run(*arguments):
        code, out, err = rwsc(*arguments)
        assert "\x1b" not in out + err
        return code, out, err

    return run


@pytest.fixture
def source(tmp_path):
    """A source whose class, licence and split colour the terminal and fake a line."""
    forged = f"{RED}gun\nscans ok 1000"
    document = {
        "images": [{"id": 1, "file_name": "a.png", "split": forged, "license": 1}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5]}],
        "categories": [{"id": 1, "name": forged}],
        "licenses": [{"id": 1, "name": forged}],
    }
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/a.png").write_bytes(encode_image(bag_image(0)))
    (tmp_path / "scans/annotations.json").write_text(json.dumps(document))
    return tmp_path / "scans"


def test_a_report_on_a_source_shows_the_escapes_of_its_labels(rwsc, source):
    code, out, _ = rwsc("sources", "check", source)
    assert code == 0
    assert r"\x1b[31mgun scans ok 1000 1" in out
    code, out, _ = rwsc("sources", "check", source, "--json")
    assert json.loads(out)["by_split"] == {f"{RED}gun\nscans ok 1000": 1}
    assert json.loads(out)["by_source_class"] == {"category 1": 1}


def test_counts_keep_to_their_line(rwsc, source):
    code, _, err = rwsc("sources", "index", source, "-o", "c.parquet")
    assert code == 0
    assert any(
        line.split() == ["splits", r"\x1b[31mgun\nscans", "ok", "1000", "1"] for line in err.splitlines()
    )
    assert any(line.split() == ["objects", "category", "1", "1"] for line in err.splitlines())
    assert not any(line.startswith("scans ok 1000") for line in err.splitlines())


def test_a_table_of_items_shows_the_escapes_of_its_labels(rwsc, tmp_path):
    rows = [
        item_row("aa", thing(1), split="train", label=f"{RED}gun"),
        item_row("bb", seen_again(thing(1), 3), split="val", label=f"{RED}gun"),
    ]
    write_bank(str(tmp_path / "items"), rows)
    _, _, err = rwsc("items", "split", "items", "--check")
    assert r"  \x1b[31mgun " in err
    assert r"closest \x1b[31mgun across splits" in err


def test_an_error_and_its_remedy_are_a_line_each_without_controls(rwsc, monkeypatch):
    def refuse(*arguments, **options):
        raise SourceError(f"the class {RED}gun\nis none", remedy="give \b another")

    monkeypatch.setattr("rwsc.items.split.split_bank", refuse)
    code, out, err = rwsc("items", "split", "items", "-o", "x")
    assert (code, out) == (2, "")
    assert err == "error: the class \\x1b[31mgun\\nis none\ntry:   give \\x08 another\n"


def test_whatever_else_a_command_prints_is_escaped_too(rwsc, monkeypatch):
    def prints(*arguments, **options):
        print(f"{RED}noise")
        print(f"{RED}warning", file=sys.stderr)
        raise SourceError("none")

    monkeypatch.setattr("rwsc.items.split.split_bank", prints)
    _, out, err = rwsc("items", "split", "items", "-o", "x")
    assert out == "\\x1b[31mnoise\n"
    assert err.startswith("\\x1b[31mwarning\n")
