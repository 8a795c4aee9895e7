import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.fusion.engine import Region
from rwsc.fusion.poisson import PoissonEngine


def make_region(hw=(40, 60), window=(12, 28, 10, 44), item=0.3, bag=0.8, channels=3):
    top, bottom, left, right = window
    alpha_HW = np.zeros(hw, np.float32)
    alpha_HW[top:bottom, left:right] = 1
    item_HWC = np.ones((*hw, channels), np.float32)
    item_HWC[top:bottom, left:right] = item
    return Region(bag_HWC=np.full((*hw, channels), bag, np.float32), item_HWC=item_HWC, alpha_HW=alpha_HW)


@pytest.mark.parametrize("clone", ["mixed", "normal"])
@given(
    hw=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    corner=st.tuples(st.integers(0, 29), st.integers(0, 29)),
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
@settings(max_examples=60, deadline=None)
def test_masks_of_any_size_anywhere_in_regions_of_any_size_are_cloned(clone, hw, corner, size):
    top, left = min(corner[0], hw[0] - 1), min(corner[1], hw[1] - 1)
    region = make_region(hw, (top, top + size[0], left, left + size[1]))
    fused = PoissonEngine(clone).fuse([region])[0]
    assert fused.shape == region.bag_HWC.shape
    assert fused.min() > 0
    np.testing.assert_array_equal(fused[region.alpha_HW == 0], region.bag_HWC[region.alpha_HW == 0])


def test_a_region_without_an_item_comes_back_as_it_is():
    region = make_region(window=(0, 0, 0, 0))
    np.testing.assert_array_equal(PoissonEngine("mixed").fuse([region])[0], region.bag_HWC)


def test_nothing_moves():
    region = make_region(bag=1.0)
    speck = np.s_[18:20, 30:32]
    region.item_HWC[speck] = 0.05
    fused = PoissonEngine("normal").fuse([region])[0]
    darkest = np.argwhere(fused[..., 0] < fused[..., 0].min() + 0.02)
    np.testing.assert_allclose(darkest.mean(axis=0), [18.5, 30.5], atol=0.6)


def test_air_leaves_the_bag_of_a_mixed_clone_and_a_smooth_patch_of_a_normal_one():
    rng = np.random.default_rng(0)
    region = make_region(item=1.0, bag=1.0)
    region.bag_HWC[:] = rng.uniform(0.3, 0.9, region.bag_HWC.shape).astype(np.float32)
    mixed, normal = (PoissonEngine(clone).fuse([region])[0] for clone in ("mixed", "normal"))
    np.testing.assert_allclose(mixed, region.bag_HWC, atol=1.01 / 255)
    # Steps of 8 bits are added to the levels of a bag, and do not take their place.
    assert len(np.unique((mixed - region.bag_HWC).round(5))) <= 3
    inside = np.s_[16:24, 14:40]
    assert normal[inside].std() < 0.4 * region.bag_HWC[inside].std()


@pytest.mark.parametrize("width", [2, 3, 5])
def test_thin_blades_do_not_vanish(width):
    region = make_region(window=(12, 12 + width, 10, 44))
    fused = PoissonEngine("mixed").fuse([region])[0]
    assert fused[region.alpha_HW > 0].mean() < 0.8 - 0.2


def test_structure_of_the_bag_shines_through_a_mixed_clone_and_not_through_a_normal_one():
    region = make_region(bag=0.9, item=0.8)
    region.bag_HWC[:, 25:28] = 0.4
    contrast = {}
    for clone in ("mixed", "normal"):
        row = PoissonEngine(clone).fuse([region])[0][20, :, 0]
        contrast[clone] = (row[20] + row[32]) / 2 - row[26]
    assert contrast["mixed"] > 0.3
    assert contrast["normal"] < 0.15


def test_gray_and_two_energies_keep_their_channels():
    for channels in (1, 2):
        region = make_region(channels=channels)
        fused = PoissonEngine("mixed").fuse([region])[0]
        assert fused.shape == region.bag_HWC.shape
        if channels == 2:
            np.testing.assert_allclose(fused[..., 0], fused[..., 1], atol=2 / 255)
