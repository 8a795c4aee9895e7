import numpy as np

from rwsc.fusion.engine import Region
from rwsc.fusion.tip import TipEngine, TipGrayEngine


def make_region(shape, seed=0):
    rng = np.random.default_rng(seed)
    return Region(
        bag_HWC=rng.random(shape, np.float32),
        item_HWC=rng.random(shape, np.float32),
        alpha_HW=np.ones(shape[:2], np.float32),
    )


def test_tip_multiplies_transmissions_in_each_region():
    regions = [make_region((4, 5, 3)), make_region((6, 3, 1), 1)]
    for region, fused in zip(regions, TipEngine().fuse(regions), strict=True):
        np.testing.assert_array_equal(fused, region.bag_HWC * region.item_HWC)


def test_gray_tip_darkens_all_channels_alike_by_the_items_luminance():
    region = make_region((4, 5, 3))
    red, green, blue = np.moveaxis(region.item_HWC, 2, 0)
    luminance_HW = 0.299 * red + 0.587 * green + 0.114 * blue
    fused = TipGrayEngine().fuse([region])[0]
    np.testing.assert_allclose(fused / region.bag_HWC, np.dstack([luminance_HW] * 3), rtol=1e-5)
