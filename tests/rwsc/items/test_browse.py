import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from support.things import item_row, thing, write_bank

from rwsc.items.browse import render_page
from rwsc.items.cards import deal
from rwsc.storage.images import decode_image

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; alert(1); '",
    "</style></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "x" * 300,
    "مسدس ‮gun",
    "🔫 枪",
    "two\nlines\x00",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
]


class Page(HTMLParser):
    """What a browser would see of tags and texts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.scripts, self.styles = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        into = {"script": self.scripts, "style": self.styles}.get(
            self.tags[-1][0] if self.tags else "", self.texts
        )
        if self.cdata_elem:
            into.append(data)
        else:
            self.texts.append(data)

    def all(self, tag, **wanted):
        return [found for name, found in self.tags if name == tag and wanted.items() <= found.items()]


def page_of(tmp_path, rows, **options):
    deck = deal(write_bank(str(tmp_path), rows), limit=options.pop("limit", 50), max_cards=200)
    text = render_page(deck, title=options.pop("title", "items"))
    return text, Page(text)


def hostile_rows():
    rows = []
    for number, text in enumerate(HOSTILE):
        facts = {"label": text, "dataset": text, "group": text, "licence": text, "method": text}
        rows.append(item_row(f"a{number}", thing(1), **facts, split=text))
        rows.append(item_row(f"b{number}", reason=text, label=text))
    return rows


def test_text_of_anybody_is_text_on_the_page(tmp_path):
    _, plain = page_of(tmp_path / "plain", [item_row("a", thing(1)), item_row("b")])
    text, page = page_of(tmp_path / "hostile", hostile_rows(), title=HOSTILE[0])
    assert {name for name, _ in page.tags} == {name for name, _ in plain.tags}
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert page.scripts == plain.scripts
    assert page.styles == plain.styles
    assert len(page.all("article")) == 2 * len(HOSTILE)
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "href")]
    shown = "".join(page.texts)
    assert "<script>alert(1)</script>" in shown
    assert "49" not in re.sub(r"[^0-9{}*]", " ", shown).split()
    assert "\x00" not in text


def test_nothing_runs_or_loads_but_what_the_package_brings(tmp_path):
    _, page = page_of(tmp_path, hostile_rows())
    (policy,) = [
        tag["content"] for tag in page.all("meta") if tag.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for name, parts in (("script-src", page.scripts), ("style-src", page.styles)):
        digest = base64.b64encode(hashlib.sha256("".join(parts).encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert all(tag["src"].startswith("data:image/jpeg;base64,") for tag in page.all("img"))
    assert not page.all("link")
    assert not re.search(r"https?://", "".join(page.scripts + page.styles))


def test_pictures_are_inside_the_page(tmp_path):
    _, page = page_of(tmp_path, [item_row("a", thing(1))])
    pictures = [decode_image(base64.b64decode(tag["src"].partition(",")[2])) for tag in page.all("img")]
    assert len(pictures) == 2
    assert pictures[0].shape == pictures[1].shape


def test_a_card_can_be_found_sorted_and_decided_on(tmp_path):
    rows = [item_row("a", thing(1), label="gun"), item_row("b", label="axe")]
    _, page = page_of(tmp_path, rows)
    cards = {card["data-id"]: card for card in page.all("article")}
    assert cards.keys() == {"a", "b"}
    options = [tag.get("value") for tag in page.all("option")]
    assert cards["a"]["data-label"] in options
    assert (cards["a"]["data-label"], cards["b"]["data-label"]) == ("1", "0")
    assert isinstance(json.loads(cards["a"]["data-measures"]), dict)
    accept = page.all("button", **{"class": "accept"})
    assert ["disabled" in button for button in accept] == ["disabled" in tag for tag in accept]
    assert ["disabled" in button for button in accept] == [cards_id == "b" for cards_id in ("b", "a")]
    # Every element that the script asks for is there.
    for name in re.findall(r'find\("(\w+)"\)', "".join(page.scripts)):
        assert any(tag.get("id") == name for _, tag in page.tags), name


def test_the_page_says_what_is_left_out_and_under_which_licences_it_stands(tmp_path):
    rows = [item_row(f"{number}", thing(1), licence="SIXray: academic use only") for number in range(5)]
    _, page = page_of(tmp_path, rows, limit=2)
    shown = " ".join("".join(page.texts).split())
    assert "2 of 5 items. Left out: 3 gun (ok)." in shown
    assert "academic use only, do not pass on" in shown
    assert "SIXray: academic use only (academic, 2)" in shown
    _, free = page_of(tmp_path / "free", [item_row("a", thing(1), licence="CC0")])
    assert "do not pass on" not in "".join(free.texts)
    assert "Left out" not in "".join(free.texts)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_name_every_colour(tmp_path, scheme):
    _, page = page_of(tmp_path, [item_row("a", thing(1))])
    style = "".join(page.styles)
    light, dark = re.findall(r":root \{([^}]*)\}", style)
    chosen = {"light": light, "dark": dark}[scheme]
    named = set(re.findall(r"(--[a-z]+):", chosen))
    assert set(re.findall(r"var\((--[a-z]+)\)", style)) <= named
