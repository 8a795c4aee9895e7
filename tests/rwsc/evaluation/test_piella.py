import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from reference import fusion_metrics as reference
from support.triples import noise, product, scene, triples

from rwsc.evaluation.piella import edge_map, fusion_quality, gaussian_window

TRIPLES = st.tuples(st.integers(11, 13), st.integers(11, 13)).flatmap(
    lambda shape: st.tuples(*(st_np.arrays(np.uint8, shape) for _ in range(3)))
)


def close(found, expected):
    """To 1e-9: in windows of hardly any variance its rounding shows in the trust between sources."""
    return tuple(found) == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_quality_is_that_of_the_definition():
    for name, *triple in triples():
        expected = reference.piella(*(each.tolist() for each in triple))
        assert close(fusion_quality(*triple), expected), name


def test_quality_of_edge_maps_is_that_of_the_definition():
    for name, *triple in triples():
        expected = reference.piella(*(reference.prewitt(each.tolist()) for each in triple))
        assert close(fusion_quality(*map(edge_map, triple)), expected), name


@given(TRIPLES)
def test_quality_is_bounded_and_does_not_care_which_source_is_first(triple):
    item_HW, bag_HW, fused_HW = triple
    found = fusion_quality(item_HW, bag_HW, fused_HW)
    for value in found:
        assert math.isnan(value) or -1 - 1e-9 <= value <= 1 + 1e-9
    assert close(fusion_quality(bag_HW, item_HW, fused_HW), tuple(found))


def test_a_fusion_equal_to_both_is_perfect_and_one_of_two_halves_is_better_than_either_half():
    (picture_HW,) = noise(number=1)
    assert close(fusion_quality(picture_HW, picture_HW, picture_HW), (1, 1))
    left_HW, right_HW = (np.full((20, 40), 255, np.uint8) for _ in range(2))
    left_HW[4:16, 3:15] = noise(5, (12, 12), 1)[0]
    right_HW[4:16, 25:37] = noise(6, (12, 12), 1)[0]
    both = fusion_quality(left_HW, right_HW, np.minimum(left_HW, right_HW))
    one = fusion_quality(left_HW, right_HW, left_HW)
    assert both.weighted == pytest.approx(1, abs=1e-9)
    assert one.weighted < 0.7


def test_a_negative_of_the_sources_scores_below_zero():
    (picture_HW,) = noise(number=1)
    assert fusion_quality(picture_HW, picture_HW, 255 - picture_HW).plain < -0.3


def test_in_flat_windows_both_sources_are_trusted_alike():
    # 200 and 90 against 70 by hand: without variance SSIM is its luminance term.
    c1 = (0.01 * 255) ** 2
    by_hand = sum((2 * level * 70 + c1) / (level**2 + 70**2 + c1) for level in (200, 90)) / 2
    item_HW, bag_HW, fused_HW = (np.full((15, 14), level, np.uint8) for level in (200, 90, 70))
    found = fusion_quality(item_HW, bag_HW, fused_HW)
    assert found.plain == pytest.approx(by_hand, abs=1e-12)
    assert math.isnan(found.weighted)


def test_a_picture_smaller_than_the_window_is_undefined():
    for shape in ((10, 40), (40, 10), (1, 1)):
        assert all(map(math.isnan, fusion_quality(*noise(shape=shape))))


def test_windows_count_by_where_their_centre_lies():
    item_HW, bag_HW, mask_HW = scene()
    triple = item_HW, bag_HW, product(item_HW, bag_HW)
    expected = reference.piella(*(each.tolist() for each in triple), lambda y, x: mask_HW[y, x])
    assert close(fusion_quality(*triple, region_HW=mask_HW), expected)
    at_the_rim_HW = np.zeros_like(mask_HW)
    at_the_rim_HW[:5] = True
    assert all(map(math.isnan, fusion_quality(*triple, region_HW=at_the_rim_HW)))


def test_the_window_is_the_gaussian_of_ssim():
    window = gaussian_window()
    assert window.sum() == pytest.approx(1, abs=1e-15)
    assert np.outer(window, window).ravel() == pytest.approx(reference.gaussian_11(), abs=1e-16)


def test_edge_maps_have_black_around_them_and_are_not_normalised():
    white_HW = np.full((5, 5), 255, np.uint8)
    assert edge_map(white_HW)[2, 0] == 3 * 255
    assert edge_map(white_HW)[2, 2] == 0
    assert not edge_map(white_HW, border="replicate").any()
