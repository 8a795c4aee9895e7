import numpy as np

from rwsc.corpus.heat_map import GRID, MAP_PX, HeatMaps, draw_heat_maps


def row(*objects, bags=(), status="made"):
    return {
        "status": status,
        "width": 200,
        "height": 100,
        "bags_xywh": [list(bag) for bag in bags],
        "objects": [{"label": label, "bbox_xywh": box} for label, box in objects],
    }


def place_of(maps, name):
    counts = dict(maps.counts(10))[name]
    assert counts.sum() == 1
    return tuple(int(index) for index in np.argwhere(counts)[0])


def test_middles_are_counted_in_the_box_of_their_own_bag():
    maps = HeatMaps()
    # A box whose middle is three quarters across and a quarter down the second bag.
    maps.add(row(("gun", [170.0, 20.0, 10.0, 10.0]), bags=[(0, 0, 90, 100), (100, 0, 100, 100)]))
    assert place_of(maps, "gun") == (GRID // 4, 3 * GRID // 4)


def test_of_bags_that_hold_a_middle_the_smaller_counts():
    maps = HeatMaps()
    maps.add(row(("gun", [24.0, 24.0, 2.0, 2.0]), bags=[(0, 0, 200, 100), (20, 20, 20, 20)]))
    assert place_of(maps, "gun") == (GRID // 4, GRID // 4)


def test_a_bag_without_extent_is_none():
    maps = HeatMaps()
    maps.add(row(("gun", [99.0, 49.0, 2.0, 2.0]), bags=[(100, 50, 0, 0), (100, 0, 0, 100)]))
    assert place_of(maps, "gun") == (GRID // 2, GRID // 2)


def test_without_a_bag_the_frame_counts_and_edges_stay_inside():
    maps = HeatMaps()
    maps.add(row(("gun", [199.0, 99.0, 2.0, 2.0])))
    assert place_of(maps, "gun") == (GRID - 1, GRID - 1)
    older = row(("knife", [0.0, 0.0, 0.0, 0.0]))
    del older["bags_xywh"]
    maps.add(older)
    assert place_of(maps, "knife") == (0, 0)


def test_the_commonest_classes_are_given_and_images_that_were_not_made_do_not_count():
    maps = HeatMaps()
    box = [10.0, 10.0, 4.0, 4.0]
    maps.add(row(("gun", box), ("knife", box), ("gun", box), ("axe", box)))
    maps.add({**row(("sword", box)), "status": "rejected"})
    maps.add(row())
    assert maps.num_images == 2
    assert [(name, int(counts.sum())) for name, counts in maps.counts(2)] == [
        ("all classes", 4),
        ("gun", 2),
        ("axe", 1),
    ]
    assert maps.num_classes == 3


def test_a_label_cannot_pass_for_all_classes():
    maps = HeatMaps()
    maps.add(row(("all classes", [10.0, 10.0, 4.0, 4.0])))
    assert [int(counts.sum()) for _, counts in maps.counts(5)] == [1, 1]


def test_maps_fill_the_width_line_by_line_and_show_where_the_items_are():
    maps = HeatMaps()
    for number in range(5):
        maps.add(row((f"class {number}\n<b>", [0.0, 0.0, 4.0, 4.0]), bags=[(0, 0, 200, 100)]))
    narrow, wide = (draw_heat_maps(maps, width=width) for width in (3 * MAP_PX, 10 * MAP_PX))
    assert (narrow.shape[1], wide.shape[1]) == (3 * MAP_PX, 10 * MAP_PX)
    assert narrow.shape[0] > wide.shape[0] + MAP_PX
    assert (wide[34 + 40 + 5, 10 + 5] < 60).all()  # the part that holds all items
    assert (wide[34 + 40 + MAP_PX // 2, 10 + MAP_PX // 2] > 250).all()


def test_a_corpus_without_items_has_an_empty_map():
    assert draw_heat_maps(HeatMaps(), width=600).dtype == np.uint8
