import pytest
from support.corpora import make_inputs


@pytest.fixture(scope="session")
def inputs_root(tmp_path_factory):
    """A folder with a catalogue of bags and an item bank."""
    root = tmp_path_factory.mktemp("inputs")
    make_inputs(str(root), num_bags=12, num_items=12)
    return str(root)
