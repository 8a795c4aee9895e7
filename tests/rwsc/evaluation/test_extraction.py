import json
import math

import pytest

from rwsc.evaluation.extraction import density_class, phantom_tables, scan_tables
from rwsc.evaluation.extraction_phantoms import PhantomCheck
from rwsc.evaluation.extraction_scans import ScanCheck


def phantom(iou, confidence, *, label="gun", density=0.1, reason=None, mixed=0.4, unmixed=0.1):
    return PhantomCheck(
        label=label,
        density=density,
        iou=iou,
        confidence=confidence,
        reason=reason,
        error_mixed=mixed,
        error_unmixed=unmixed,
    )


def scan(iou, confidence, **fields):
    defaults = {
        "uri": f"/{iou}.png",
        "label": "gun",
        "group": None,
        "method": "box_unmixed",
        "iou_grabcut": None,
        "reason": None,
        "recomposition_psnr_db": 40.0,
    }
    return ScanCheck(iou=iou, confidence=confidence, **defaults | fields)


@pytest.mark.parametrize(
    ("density", "name"),
    [
        (0.0, "0 to 0.2"),
        (0.1999, "0 to 0.2"),
        (0.2, "0.2 to 0.5"),
        (0.4999, "0.2 to 0.5"),
        (0.5, "0.5 to 1.0"),
        (1.0, "above 1.0"),
        (7.0, "above 1.0"),
    ],
)
def test_a_density_at_an_edge_belongs_to_the_class_above(density, name):
    assert density_class(density) == name


def test_phantoms_are_summed_up():
    found = phantom_tables(
        [
            phantom(0.9, 0.9, mixed=0.6, unmixed=0.2),
            phantom(0.8, 0.6, density=0.7),
            phantom(0.7, 0.8, density=0.7, label="knife"),
            phantom(0.1, 0.2, density=2.0, label="knife", reason="doubtful outline"),
        ]
    )
    assert found["all"] == {
        "items": 4,
        "median_iou": 0.75,
        "share_good": 0.5,
        "share_accepted": 0.75,
        "share_good_of_accepted": 0.667,
        "transmission_error_mixed": 0.45,
        "transmission_error_unmixed": 0.125,
    }
    assert {name: row["items"] for name, row in found["by_density"].items()} == {
        "0 to 0.2": 1,
        "0.5 to 1.0": 2,
        "above 1.0": 1,
    }
    assert found["by_density"]["0.5 to 1.0"]["share_good"] == 0.5
    assert list(found["by_class"]) == ["gun", "knife"]
    assert found["by_class"]["gun"]["share_good_of_accepted"] == 1.0
    assert found["confidence_auc"] == 0.75  # of good 0.9 and 0.6 against 0.8 and 0.2, three pairs of four


def test_where_nothing_was_accepted_the_share_of_it_is_undefined():
    found = phantom_tables([phantom(0.9, 0.9, reason="clutter")])
    assert found["all"]["share_good_of_accepted"] is None
    assert found["all"]["share_accepted"] == 0.0
    assert found["confidence_auc"] is None


def test_scans_are_summed_up():
    found = scan_tables(
        [
            scan(0.9, 0.9, iou_grabcut=0.6, recomposition_psnr_db=30.0),
            scan(0.7, 0.4, iou_grabcut=0.8, label="knife"),
            scan(0.2, 0.5, recomposition_psnr_db=None, reason="clutter"),
            scan(0.95, 0.0, method="threshold", recomposition_psnr_db=50.0),
            scan(0.0, 0.0, method=None, reason="no item seen in its box", recomposition_psnr_db=50.0),
        ]
    )
    assert found["all"] == {
        "items": 5,
        "median_iou": 0.7,
        "share_fair": 0.6,
        "grabcut_median_iou": 0.7,
        "grabcut_share_fair": 0.5,
        "share_accepted": 0.6,
        "recomposition_psnr_db": 45.0,
    }
    assert {name: row["items"] for name, row in found["by_method"].items()} == {
        "None": 1,
        "box_unmixed": 3,
        "threshold": 1,
    }
    assert found["by_class"]["knife"]["median_iou"] == 0.7
    # Items in bags alone: of fair 0.9 and 0.4 against 0.5, one pair of two. On air the ladder is sure anyway.
    assert found["confidence_auc"] == 0.5


def test_the_worst_come_first_and_are_ten():
    checks = [
        scan(number / 20, 0.12345, reason="clutter" if number < 3 else None) for number in range(19, -1, -1)
    ]
    worst = scan_tables(checks)["worst"]
    assert [row["iou"] for row in worst] == [number / 20 for number in range(10)]
    assert worst[0] == {
        "uri": "/0.0.png",
        "label": "gun",
        "iou": 0.0,
        "confidence": 0.123,
        "reason": "clutter",
    }
    assert worst[3]["reason"] is None


@pytest.mark.parametrize(
    "found",
    [
        phantom_tables([]),
        phantom_tables([phantom(0.9, 0.9, reason="clutter")]),
        scan_tables([]),
        scan_tables([scan(0.0, 0.0, method=None, reason="empty mask", recomposition_psnr_db=None)]),
        scan_tables([scan(1.0, 1.0, recomposition_psnr_db=math.inf)]),
    ],
)
def test_tables_are_json_also_where_there_is_nothing_to_take_a_figure_over(found):
    json.dumps(found, allow_nan=False)


def test_equal_pictures_count_as_very_alike_and_not_as_unknown():
    row = scan_tables([scan(1.0, 1.0, recomposition_psnr_db=math.inf)])["all"]
    assert row["recomposition_psnr_db"] == 100.0
    assert scan_tables([scan(1.0, 1.0, recomposition_psnr_db=None)])["all"]["recomposition_psnr_db"] is None
