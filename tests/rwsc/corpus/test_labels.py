import numpy as np
import pytest

from rwsc.corpus.labels import describe_object
from rwsc.items.bank import ItemBank
from rwsc.placement.draw import Placement
from rwsc.placement.pose import Pose, pose_item
from rwsc.sources.masks import decode_rle


@pytest.fixture(scope="module")
def item(inputs_root):
    return ItemBank.load(f"{inputs_root}/items").items[0]


def place(item, x_px, y_px):
    pose = Pose(rotation_deg=0.0, scale=1.0, flip=False)
    posed = pose_item(item.transmission_HWC, item.alpha_HW, pose)
    return Placement(item_index=0, pose=pose, x_px=x_px, y_px=y_px, posed=posed)


def describe(item, *placements, bag):
    named = [(f"o{number}", item, placement) for number, placement in enumerate(placements)]
    return [
        describe_object(name, item, placement, named, bag[placement.window], bag.shape[:2])
        for name, _, placement in named
    ]


def test_the_mask_is_where_the_item_lies_and_the_box_is_tight(item):
    placement = place(item, 20, 30)
    label = describe(item, placement, bag=np.ones((100, 120, 3)))[0]
    mask_HW = decode_rle(label["mask_rle"], height=100, width=120)
    height, width = placement.mask_HW.shape
    np.testing.assert_array_equal(mask_HW[30 : 30 + height, 20 : 20 + width], placement.mask_HW)
    assert label["area"] == mask_HW.sum() == placement.mask_HW.sum()
    assert (label["x"], label["y"]) == (20, 30)


def test_occlusion_is_the_share_of_the_mask_over_dense_bag(item):
    placement = place(item, 20, 30)
    bag = np.ones((100, 120, 3))
    assert describe(item, placement, bag=bag)[0]["occluded_fraction"] == 0
    bag[:] = 0.55
    assert describe(item, placement, bag=bag)[0]["occluded_fraction"] == 0
    bag[:] = 0.45
    assert describe(item, placement, bag=bag)[0]["occluded_fraction"] == 1
    bag[:, 60:] = 1.0
    mask_HW = placement.mask_in(100, 120)
    expected = mask_HW[:, :60].sum() / mask_HW.sum()
    assert describe(item, placement, bag=bag)[0]["occluded_fraction"] == pytest.approx(expected, abs=1e-6)


def test_a_gray_bag_is_looked_at_as_it_is(item):
    assert describe(item, place(item, 5, 5), bag=np.full((80, 90), 0.3))[0]["occluded_fraction"] == 1


def test_items_that_lie_on_each_other_name_each_other(item):
    labels = describe(
        item, place(item, 10, 10), place(item, 14, 12), place(item, 70, 60), bag=np.ones((120, 140))
    )
    assert [label["overlaps"] for label in labels] == [["o1"], ["o0"], []]


def test_canvases_that_meet_without_a_common_mask_pixel_do_not_overlap(item):
    first = place(item, 10, 10)
    beside = place(item, 10 + first.mask_HW.shape[1], 10)
    assert [label["overlaps"] for label in describe(item, first, beside, bag=np.ones((120, 140)))] == [[], []]
