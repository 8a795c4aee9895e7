import pytest
from support.corpora import make_inputs, synth_config
from support.exports import write_corpus

HOSTILE = [
    "../../etc/passwd",
    "a\n---\nb: {c}",
    "<kn&ife>\"']]>",
    "no",
    "1",
    "刀 🔪",
    "- x: [1, *y]",
    "%TAG !",
    "x" * 300,
]
"""Class names that somebody may have written to break a file."""

BOX_ALONE = {"label": "gun", "bbox_xywh": [3.5, 4.0, 20.0, 10.0], "mask_rle": None}


@pytest.fixture(scope="session")
def inputs_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("export-inputs")
    make_inputs(str(root), num_bags=12, num_items=6)
    return str(root)


@pytest.fixture(scope="session")
def corpus(inputs_root, tmp_path_factory):
    """A finished corpus of positives and controls; one bag has an object of its own, which has no mask."""
    config = synth_config(
        inputs_root,
        output=str(tmp_path_factory.mktemp("export") / "corpus"),
        num_images=14,
        shard_images=4,
        placement={"items_min": 1, "items_max": 2},
        controls={"empty_share": 0.2, "negative_share": 0.2},
    )
    state = {"given": False}

    def change(row):
        if row["role"] != "positive" or state["given"]:
            return row
        state["given"] = True
        return {**row, "bag_objects": [BOX_ALONE, {**BOX_ALONE, "bbox_xywh": [0.0, 0.0, 0.0, 0.0]}]}

    return write_corpus(config, change=change)


@pytest.fixture(scope="session")
def hostile_corpus(inputs_root, tmp_path_factory):
    """A corpus whose class names are out to break files."""
    config = synth_config(
        inputs_root, output=str(tmp_path_factory.mktemp("hostile") / "corpus"), num_images=9
    )
    names = iter(HOSTILE * 9)

    def change(row):
        return {**row, "objects": [{**thing, "label": next(names)} for thing in row["objects"]]}

    return write_corpus(config, change=change)
