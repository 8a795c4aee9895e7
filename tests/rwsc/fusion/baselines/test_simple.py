import numpy as np
import pytest

from rwsc.fusion.engine import Region
from rwsc.fusion.engines import EngineConfig, open_classic


def region(bag, item):
    shape = (2, 3, 1)
    return Region(
        bag_HWC=np.full(shape, bag, np.float32),
        item_HWC=np.full(shape, item, np.float32),
        alpha_HW=np.ones(shape[:2], np.float32),
    )


@pytest.mark.parametrize(("name", "expected"), [("average", [0.55, 0.75]), ("minimum", [0.3, 0.5])])
def test_values_are_those_of_the_name(name, expected):
    engine = open_classic(name, EngineConfig())
    assert engine.name == name
    assert engine.weights_sha256 == ""
    for fused, value in zip(engine.fuse([region(0.8, 0.3), region(0.5, 1)]), expected, strict=True):
        assert fused.dtype == np.float32
        np.testing.assert_allclose(fused, value)
