import pytest

from rwsc.corpus.manifest import MANIFEST_SCHEMA, Outcome, RunFacts, to_row, to_table
from rwsc.corpus.plan import PlannedImage

PLANNED = PlannedImage(
    image_id="i",
    shard_id="s",
    scan_id="b",
    seed=3,
    scan_uri="/bag.png",
    scan_sha256="00",
    air_level=[250.0],
    dataset="d",
    licence="CC0",
    scanner_id=None,
    bag_kin="d/bag 1",
    bag_items=["gun a", "gun b"],
    bag_objects=[{"label": "gun", "bbox_xywh": [0.0, 0.0, 1.0, 1.0], "mask_rle": None}],
)
FACTS = RunFacts(engine="tip", weights_sha256="", config_fingerprint="f", code_version="0")


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ({"status": "made"}, "an image key goes with status 'made'"),
        ({"status": "failed", "image_key": "k", "reason": "r"}, "an image key goes with status 'made'"),
        ({"status": "made", "image_key": "k", "reason": "r"}, "a reason goes with every status but 'made'"),
        ({"status": "rejected"}, "a reason goes with every status but 'made'"),
    ],
)
def test_impossible_outcomes_cannot_be_made(outcome, message):
    with pytest.raises(ValueError, match=message):
        Outcome(**outcome)


def test_a_row_has_a_value_for_every_column_and_no_other():
    row = to_row(PLANNED, Outcome(status="failed", reason="no bytes"), FACTS)
    assert set(row) == set(MANIFEST_SCHEMA.names)


def test_rows_survive_the_schema():
    rows = [
        to_row(PLANNED, Outcome(status="failed", reason="no bytes"), FACTS),
        to_row(PLANNED, Outcome(status="made", image_key="k", licence="academic"), FACTS),
    ]
    back = to_table(rows).to_pylist()
    assert back == rows
    assert [row["licence"] for row in back] == ["CC0", "academic"]
    assert all(row["synthetic"] for row in back)


def test_a_made_image_of_an_item_without_a_stated_licence_does_not_take_the_bags():
    assert to_row(PLANNED, Outcome(status="made", image_key="k", licence=None), FACTS)["licence"] is None


def test_objects_of_the_bag_stay_in_the_labels_whatever_becomes_of_the_image():
    for outcome in (Outcome(status="made", image_key="k"), Outcome(status="failed", reason="no bytes")):
        row = to_row(PLANNED, outcome, FACTS)
        for name in ("bag_objects", "bag_items", "bag_kin"):
            assert row[name] == getattr(PLANNED, name)
