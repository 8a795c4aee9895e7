import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from reference import fusion_metrics as reference
from support.triples import average, noise, product, scene, triples

from rwsc.evaluation.edge_transfer import MAX_QABF, qabf

TRIPLES = st_np.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7).flatmap(
    lambda shape: st.tuples(*(st_np.arrays(np.uint8, shape) for _ in range(3)))
)
BORDERS = st.sampled_from(["replicate", "zero"])


def close(found, expected):
    return found == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("border", ["replicate", "zero"])
def test_qabf_is_that_of_the_definition(border):
    for name, item_HW, bag_HW, fused_HW in triples():
        expected = reference.qabf(item_HW.tolist(), bag_HW.tolist(), fused_HW.tolist(), border)
        assert close(qabf(item_HW, bag_HW, fused_HW, border=border), expected), name


@given(TRIPLES, BORDERS)
def test_qabf_is_that_of_the_definition_for_any_picture(triple, border):
    expected = reference.qabf(*(each.tolist() for each in triple), border)
    assert close(qabf(*triple, border=border), expected)


@given(TRIPLES, BORDERS)
def test_qabf_is_bounded_and_does_not_care_which_source_is_first(triple, border):
    item_HW, bag_HW, fused_HW = triple
    score = qabf(item_HW, bag_HW, fused_HW, border=border)
    assert math.isnan(score) or 0 <= score <= MAX_QABF + 1e-12
    assert close(qabf(bag_HW, item_HW, fused_HW, border=border), score)


def test_a_fusion_with_every_edge_of_both_gets_0_97479():
    (picture_HW,) = noise(number=1)
    assert qabf(picture_HW, picture_HW, picture_HW) == pytest.approx(MAX_QABF, abs=1e-12)
    assert pytest.approx(0.97479, abs=5e-6) == MAX_QABF


def test_without_an_edge_in_the_sources_it_is_undefined_unless_the_frame_is_one():
    white_HW = np.full((5, 5), 255, np.uint8)
    (fused_HW,) = noise(shape=(5, 5), number=1)
    assert math.isnan(qabf(white_HW, white_HW, fused_HW))
    assert qabf(white_HW, white_HW, white_HW, border="zero") == pytest.approx(MAX_QABF, abs=1e-12)


def test_black_around_a_light_picture_lifts_an_average_far_more_than_a_product():
    item_HW, bag_HW, _ = scene(3, 60, 60)
    gain = [
        qabf(item_HW, bag_HW, fused_HW, border="zero") - qabf(item_HW, bag_HW, fused_HW)
        for fused_HW in (average(item_HW, bag_HW), product(item_HW, bag_HW))
    ]
    assert gain[0] > 0.1
    assert gain[0] > gain[1] + 0.05


def test_angles_are_not_wrapped_and_an_upright_edge_counts_as_plus_a_quarter_turn():
    # Rows fall by 10; one picture leans by a level to the right, the other to the left: nearly one direction,
    # but their angles lie near +90 and -90 degrees.
    rows_HW = np.repeat(np.arange(200, 60, -10)[:, None], 14, axis=1)
    lean_HW = np.arange(14)[None] // 2
    upright_HW, right_HW, left_HW = (
        picture.astype(np.uint8) for picture in (rows_HW, rows_HW + lean_HW, rows_HW - lean_HW)
    )
    with_right, with_left = (qabf(upright_HW, upright_HW, each) for each in (right_HW, left_HW))
    assert min(with_right, with_left) < 0.4
    assert max(with_right, with_left) > 0.9
    # Left minus right: a picture that gets lighter to the right has gx < 0, and darker to the bottom gy < 0.
    assert with_right > with_left


def test_only_the_region_counts_but_gradients_see_beyond_it():
    item_HW, bag_HW, mask_HW = scene()
    fused_HW = product(item_HW, bag_HW)
    expected = reference.qabf(
        item_HW.tolist(), bag_HW.tolist(), fused_HW.tolist(), "replicate", lambda y, x: mask_HW[y, x]
    )
    assert close(qabf(item_HW, bag_HW, fused_HW, region_HW=mask_HW), expected)
    assert math.isnan(qabf(item_HW, bag_HW, fused_HW, region_HW=np.zeros_like(mask_HW)))
