import numpy as np
import pytest
from reference import fusion_metrics as reference
from support.triples import triples

from rwsc.evaluation.gradients import PREWITT, SOBEL, gradient


@pytest.mark.parametrize("border", ["replicate", "zero"])
@pytest.mark.parametrize("along", [SOBEL, PREWITT])
def test_gradients_are_those_of_the_definition_to_the_last_bit(along, border):
    for name, *pictures in triples():
        for picture_HW in pictures:
            found = gradient(picture_HW, along=along, border=border)
            expected_HW2 = np.array(reference.gradients(picture_HW.tolist(), along, border), float)
            np.testing.assert_array_equal(np.stack(found, axis=-1), expected_HW2, err_msg=name)
            np.testing.assert_allclose(
                found.strength(), np.hypot(*np.moveaxis(expected_HW2, -1, 0)), rtol=1e-15
            )


def test_x_is_left_minus_right_and_y_is_bottom_minus_top():
    rises_right_HW = np.tile(np.arange(5, dtype=np.uint8), (5, 1))
    found = gradient(rises_right_HW, along=SOBEL, border="replicate")
    assert found.x_HW[2, 2] == -8
    assert found.y_HW[2, 2] == 0
    found = gradient(rises_right_HW.T.copy(), along=PREWITT, border="replicate")
    assert found.x_HW[2, 2] == 0
    assert found.y_HW[2, 2] == 6


def test_only_with_black_outside_a_white_picture_has_edges():
    white_HW = np.full((4, 6), 255, np.uint8)
    assert not gradient(white_HW, along=SOBEL, border="replicate").strength().any()
    framed = gradient(white_HW, along=SOBEL, border="zero")
    assert framed.x_HW[1, 0] == -4 * 255
    assert not framed.strength()[1:-1, 1:-1].any()


def test_a_picture_may_be_a_view_of_another():
    whole_HWC = np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    for view_HW in (whole_HWC[..., 1], whole_HWC[..., 0].T, whole_HWC[1:5, 2:6, 2], whole_HWC[::-1, :, 0]):
        found = gradient(view_HW, along=SOBEL, border="replicate")
        expected = gradient(view_HW.copy(), along=SOBEL, border="replicate")
        np.testing.assert_array_equal(found.x_HW, expected.x_HW)


def test_an_unknown_border_is_refused():
    with pytest.raises(ValueError, match="replicate, zero, not 'wrap'"):
        gradient(np.zeros((3, 3), np.uint8), along=SOBEL, border="wrap")
