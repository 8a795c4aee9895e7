import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from support.manifest_rows import row, thing

from rwsc.corpus.drift import Drift
from rwsc.corpus.report_counts import ReportCounts
from rwsc.corpus.report_page import MAX_NAMES, Report, SampleImage, render_report, to_json

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}</style>"


def report_of(*rows, **changes):
    counts, drift = ReportCounts(), Drift()
    for each in rows:
        counts.add(each)
    bag = np.full((20, 20, 3), 200, np.uint8)
    drift.add(bag // 2, bag, np.full(3, 255.0))
    picture = np.full((30, 40, 3), 90, np.uint8)
    values = {
        "corpus": "s3://bucket/corpus", "counts": counts, "drift": drift, "num_compared": 1, "faults": {}, "missing": 0,
        "card": {
            "settings": {"engine": "tip", "placement": {"min_score": 0.1}}, "fingerprint": "f00", "code_version": "9",
            "inputs": {"items": "abc"}, "addresses": {"bags": HOSTILE},
        },
        "max_drift_nepers": 1.0, "samples": [SampleImage(image_id="i1", text=HOSTILE, picture=picture)],
        "num_uncommitted": 0, "seconds": 2.0,
    }  # fmt: skip
    values["faults"] = Counter(values["faults"])
    return Report(**{**values, **changes})


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names, self.attributes, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.attributes += attributes
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(page):
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    return tags


@pytest.fixture(scope="module")
def page():
    return render_report(
        report_of(
            row(1, thing(HOSTILE), bag_labels=["knife"], licence=HOSTILE),
            row(2, status="rejected", reason=HOSTILE),
        )
    )


def test_the_page_is_whole_runs_nothing_and_loads_nothing(page):
    tags = parsed(page)
    assert "script" not in tags.names
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    for name, value in tags.attributes:
        if name in ("src", "href"):
            assert value.startswith("data:image/jpeg;base64,")
    assert "default-src 'none'" in dict(tags.attributes)["content"] or "default-src &#39;none&#39;" in page


def test_its_style_is_the_one_its_policy_allows(page):
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"sha256-{digest}" in page.replace("&#43;", "+")
    assert " style=" not in page


def test_hostile_names_are_shown_as_they_are_written(page):
    assert "<script>" not in page
    assert "49" not in re.findall(r"alert\(1\)[^<]{0,40}", page)[0]
    assert HOSTILE in "".join(parsed(page).text)


def test_counts_checks_and_settings_are_told(page):
    text = " ".join("".join(parsed(page).text).split())
    for words in ("images made", "rejected", "placement.min_score", "sha256.items", "Classes by orientation"):
        assert words in text
    assert "unfinished" not in text


def test_what_is_not_good_is_said_and_counted_for_programs():
    good = report_of(row(1, thing()))
    assert to_json(good)["ok"]
    for changes, name in [
        ({"faults": Counter(seam=3)}, "seam"),
        ({"missing": 1}, "readable"),
        ({"max_drift_nepers": 0.1}, "drift"),
    ]:
        bad = report_of(row(1, thing()), **changes)
        document = to_json(bad)
        assert not document["ok"]
        assert [each for each, check in document["checks"].items() if not check["ok"]] == [name]
        assert "look here" in render_report(bad)
    assert not to_json(report_of(row(1, thing()), row(2, status="failed")))["ok"]
    assert not to_json(report_of(row(1, thing()), row(1, thing())))["ok"]


def test_an_unfinished_and_an_empty_corpus_have_a_page():
    assert "unfinished: 3 shards" in render_report(report_of(num_uncommitted=3))
    empty = report_of(drift=Drift(), samples=[], seconds=None)
    assert "nothing to compare" in render_report(empty)
    parsed(render_report(empty))
    json.dumps(to_json(empty), allow_nan=False)


def test_long_tables_are_cut_and_say_so():
    rows = [row(number, licence=f"licence {number}") for number in range(1, MAX_NAMES + 6)]
    text = "".join(parsed(render_report(report_of(*rows))).text)
    assert "5 more" in text
