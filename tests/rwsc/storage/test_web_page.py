import base64
import hashlib
import re

import jinja2
import pytest

from rwsc.storage import web_page
from rwsc.storage.web_page import jpeg_uri, render_web_page


@pytest.fixture
def page(monkeypatch):
    parts = {
        (
            "mine",
            "p.html",
        ): '{% include "head.html" %}\n<body>{{ name }}<script>{{ script | safe }}</script></body>',
        ("mine", "p.css"): "b { color: red; }",
        ("mine", "p.js"): "let a = 1;",
        ("rwsc.storage", "head.html"): web_page._part("rwsc.storage", "head.html"),
    }
    monkeypatch.setattr(web_page, "_part", lambda *names: parts[names])
    web_page._template.cache_clear()
    yield lambda **values: render_web_page("mine", "p", **values)
    web_page._template.cache_clear()


def policy_of(html):
    content = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    return content.replace("&#39;", "'").replace("&#43;", "+")


def source_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_names_are_escaped_everywhere(page):
    html = page(title="<b>&", name="</body><script>")
    assert "<title>&lt;b&gt;&amp;</title>" in html
    assert "&lt;/body&gt;&lt;script&gt;" in html


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(page):
    plain, scripted = (policy_of(page(title="t", name="n", with_script=flag)) for flag in (False, True))
    assert plain == (
        f"default-src 'none'; img-src data:; style-src {source_of('b { color: red; }')}; base-uri 'none'; "
        "form-action 'none'"
    )
    assert f"script-src {source_of('let a = 1;')};" in scripted


def test_a_value_that_was_forgotten_is_no_empty_place(page):
    with pytest.raises(jinja2.UndefinedError):
        page(title="t")


def test_a_picture_lies_in_the_page():
    assert jpeg_uri(b"\xff\xd8") == "data:image/jpeg;base64,/9g="
