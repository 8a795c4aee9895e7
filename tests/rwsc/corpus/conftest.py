import pytest
from support.corpora import make_inputs


@pytest.fixture(scope="session")
def inputs_root(tmp_path_factory):
    """A folder with a catalogue of bags and an item bank; tests write their corpora elsewhere."""
    root = tmp_path_factory.mktemp("inputs")
    make_inputs(str(root))
    return str(root)
