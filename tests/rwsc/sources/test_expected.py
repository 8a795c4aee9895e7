from rwsc.sources.expected import EXPECTED
from rwsc.sources.settings import LAYOUTS


def test_every_layout_says_what_it_looks_for():
    assert tuple(EXPECTED) == LAYOUTS
    assert all(text and "\n" not in text for text in EXPECTED.values())
