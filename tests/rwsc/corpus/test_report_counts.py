import numpy as np
from support.manifest_rows import row, thing

from rwsc.corpus.report_counts import NUM_TURNS, SIZE_EDGES_PX, ReportCounts


def counted(*rows):
    counts = ReportCounts()
    for each in rows:
        counts.add(each)
    return counts


def test_items_images_and_physical_items_by_class():
    counts = counted(
        row(1, thing(), thing(article="b"), bag_labels=["gun", "knife"]),
        row(2, thing("knife"), bag_labels=["knife"]),
        row(3, status="rejected"),
    )
    assert counts.objects == {"gun": 2, "knife": 1}
    assert counts.images == {"gun": 1, "knife": 2}
    assert counts.bag_objects == {"gun": 1, "knife": 2}
    assert counts.articles["gun"] == {"a": 1, "b": 1}
    assert counts.items_per_image == {2: 1, 1: 1}
    assert counts.licences == {"CC0": 2}
    assert counts.scanners == {"not stated": 2}
    totals = counts.tally.totals()
    assert (totals.planned, totals.made, totals.rejected) == (3, 2, 1)


def test_turns_fall_into_the_nearest_sector_all_round():
    counts = counted(row(1, *(thing(turn=turn) for turn in (0, 22, 23, 90, 338, 359.9, 720))))
    expected = np.zeros(NUM_TURNS, dtype=int)
    expected[[0, 1, 2]] = 5, 1, 1
    np.testing.assert_array_equal(counts.turns["gun"], expected)


def test_sizes_go_by_the_longer_side_and_every_item_has_a_bin():
    boxes = [(0, 0, 1, 1), (0, 0, 16, 2), (0, 0, 3, 31.5), (0, 0, 32, 1), (0, 0, 9999, 1)]
    counts = counted(row(1, *(thing(box=box) for box in boxes)))
    assert counts.sizes_N.sum() == 5
    assert counts.sizes_N[:3].tolist() == [1, 2, 1]
    assert counts.sizes_N[len(SIZE_EDGES_PX) - 1] == 1


def test_shares_at_the_ends_are_counted():
    counts = counted(row(1, *(thing(occluded=share, score=share) for share in (0.0, 0.999, 1.0, None))))
    for bins in (counts.occluded_N, counts.scores_N):
        assert bins.sum() == 4
        assert bins[0] == bins[-1] == 2


def test_images_that_show_the_same_are_counted():
    one, other = thing(), thing(turn=3.0)
    assert counted(row(1), row(2), row(1), row(1)).num_equal_images == 2
    assert counted(row(1, one), row(1, other), row(2, one), row(1), row(1, one)).num_equal_images == 1
    assert (
        counted(row(1, one), row(1, empty_insertions=[one]), row(1, distractors=[one])).num_equal_images == 0
    )
    assert counted(row(1), row(2), row(2, status="failed")).num_equal_images == 0
