from rwsc.corpus.tally import Tally, without_numbers


def row(status="made", role="positive", reason=None, objects=0, bag_objects=0, distractors=0):
    return {
        "status": status,
        "role": role,
        "reason": reason,
        "objects": [{"occlusion_level": 1, "occlusion_wanted": None}] * objects,
        "bag_objects": [{}] * bag_objects,
        "distractors": [{}] * distractors,
    }


def test_rows_pass_unchanged_and_are_counted_by_role_and_status():
    rows = [
        row(objects=2, bag_objects=1),
        row(objects=1, distractors=3),
        row(role="empty", distractors=1),
        row(role="negative", bag_objects=2),
        row("rejected", reason="item 0: 120 px long"),
        row("rejected", reason="item 1: 7.5 px long"),
        row("rejected", role="negative", reason="no bag"),
        row("failed", role="empty", reason="gone", bag_objects=4),
    ]
    tally = Tally()
    assert list(tally.of(iter(rows))) == rows
    totals = tally.totals()
    assert (totals.planned, totals.made, totals.rejected, totals.failed) == (8, 4, 3, 1)
    assert (totals.objects, totals.distractors) == (6, 4)
    assert totals.roles == {
        "positive": {"made": 2, "rejected": 2, "failed": 0},
        "empty": {"made": 1, "rejected": 0, "failed": 1},
        "negative": {"made": 1, "rejected": 1, "failed": 0},
    }
    assert totals.reasons == {"item N: N px long": 2, "no bag": 1, "gone": 1}
    assert list(totals.reasons.values()) == [2, 1, 1]


def test_occlusion_is_counted_by_level_had_wanted_and_met():
    things = [(1, None), (1, 1), (2, 1), (3, 3), (1, 3)]
    objects = [{"occlusion_level": level, "occlusion_wanted": wanted} for level, wanted in things]
    tally = Tally()
    list(tally.of([{**row(), "objects": objects}, row("rejected", reason="no room")]))
    assert tally.totals().occlusion == {
        "1": {"items": 3, "wanted": 2, "met": 1},
        "2": {"items": 1, "wanted": 0, "met": 0},
        "3": {"items": 1, "wanted": 2, "met": 1},
    }


def test_nothing_is_counted_before_it_was_read():
    tally = Tally()
    tally.of([row()])
    assert (tally.totals().planned, tally.totals().roles) == (0, {})


def test_reasons_that_differ_in_numbers_are_one():
    assert without_numbers("3 of 12.75 px") == "N of N px"
