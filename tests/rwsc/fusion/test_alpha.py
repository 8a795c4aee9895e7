import numpy as np
import pytest

from rwsc.fusion.alpha import AlphaEngine
from rwsc.fusion.engine import Region


def make_region(bag, item, cover):
    return Region(
        bag_HWC=np.full((2, 2, 1), bag, np.float32),
        item_HWC=np.full((2, 2, 1), 1 - cover * (1 - item), np.float32),
        alpha_HW=np.full((2, 2), cover, np.float32),
    )


@pytest.mark.parametrize("opacity", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("cover", [0.0, 0.3, 1.0])
def test_bag_and_matter_are_mixed_by_cover_times_opacity(opacity, cover):
    fused = AlphaEngine(opacity).fuse([make_region(0.8, 0.2, cover)])[0]
    np.testing.assert_allclose(fused, (1 - opacity * cover) * 0.8 + opacity * cover * 0.2, rtol=1e-5)


def test_an_opaque_item_replaces_the_bag():
    fused = AlphaEngine(1.0).fuse([make_region(0.1, 0.7, 1.0)])[0]
    np.testing.assert_allclose(fused, 0.7, rtol=1e-6)
