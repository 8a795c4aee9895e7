import math

import numpy as np
import pytest
from reference import fusion_metrics as reference
from support.triples import scene, triples

from rwsc.evaluation.edge_intensity import edge_intensity


@pytest.mark.parametrize("border", ["replicate", "zero"])
def test_edge_intensity_is_that_of_the_definition(border):
    for name, *_, fused_HW in triples():
        expected = reference.edge_intensity(fused_HW.tolist(), border)
        assert edge_intensity(fused_HW, border=border) == pytest.approx(expected, rel=1e-13), name


def test_a_ramp_of_one_level_a_pixel_has_intensity_8_inside_and_4_at_its_ends():
    ramp_HW = np.tile(np.arange(10, dtype=np.uint8), (7, 1))
    assert edge_intensity(ramp_HW) == (8 * 8 + 2 * 4) / 10


def test_a_white_picture_has_no_edges_unless_black_lies_around_it():
    white_HW = np.full((9, 9), 255, np.uint8)
    assert edge_intensity(white_HW) == 0
    assert edge_intensity(white_HW, border="zero") > 300


def test_only_the_region_counts_but_gradients_see_beyond_it():
    item_HW, _, mask_HW = scene()
    expected = reference.edge_intensity(item_HW.tolist(), is_in=lambda y, x: mask_HW[y, x])
    assert edge_intensity(item_HW, region_HW=mask_HW) == pytest.approx(expected, rel=1e-13)
    assert math.isnan(edge_intensity(item_HW, region_HW=np.zeros_like(mask_HW)))
