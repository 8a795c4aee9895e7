import math

import numpy as np
import pytest

from rwsc.evaluation.regions import mean_over, region_of

MASK_HW = np.zeros((6, 8), bool)
MASK_HW[2, 3] = MASK_HW[4, 6] = True


def test_regions_are_the_frame_the_mask_and_its_tight_rectangle():
    assert region_of(MASK_HW, "frame") is None
    assert region_of(MASK_HW, "mask") is MASK_HW
    expected_HW = np.zeros((6, 8), bool)
    expected_HW[2:5, 3:7] = True
    np.testing.assert_array_equal(region_of(MASK_HW, "box"), expected_HW)


def test_an_empty_mask_has_an_empty_box():
    assert not region_of(np.zeros((3, 3), bool), "box").any()


def test_an_unknown_region_is_refused():
    with pytest.raises(ValueError, match="'rim'"):
        region_of(MASK_HW, "rim")


def test_the_mean_is_over_the_region():
    values_HW = np.arange(48.0).reshape(6, 8)
    assert mean_over(values_HW, None) == 23.5
    assert mean_over(values_HW, MASK_HW) == (19 + 38) / 2
    assert math.isnan(mean_over(values_HW, np.zeros((6, 8), bool)))
