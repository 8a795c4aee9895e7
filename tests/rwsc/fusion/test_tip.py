import numpy as np

from rwsc.fusion.engine import Region
from rwsc.fusion.tip import TipEngine


def test_tip_multiplies_transmissions_in_each_region():
    rng = np.random.default_rng(0)
    regions = [
        Region(
            bag_HWC=rng.random(shape, np.float32),
            item_HWC=rng.random(shape, np.float32),
            alpha_HW=np.ones(shape[:2], np.float32),
        )
        for shape in [(4, 5, 3), (6, 3, 1)]
    ]
    for region, fused in zip(regions, TipEngine().fuse(regions), strict=True):
        np.testing.assert_array_equal(fused, region.bag_HWC * region.item_HWC)
