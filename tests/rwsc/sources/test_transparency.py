import numpy as np
import pytest

from rwsc.sources.transparency import on_air, where_there, without_alpha


def half_there(dtype, *, alpha=0):
    image = np.full((4, 6, 4), np.iinfo(dtype).max, dtype)
    image[..., :3] = (10, 20, 30)
    image[:, :3, 3] = alpha
    return image


def test_a_fourth_channel_is_dropped():
    image = np.zeros((2, 2, 4), np.uint8)
    assert without_alpha(image).shape == (2, 2, 3)
    assert without_alpha(image[..., 0]).shape == (2, 2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("air_level", [[200.4], [200.4, 99.6, 300.0]])
def test_what_is_transparent_is_air_and_the_rest_is_the_scans_own(dtype, air_level):
    image = half_there(dtype)
    before = image.copy()
    seen = on_air(image, air_level)
    assert seen.dtype == dtype
    np.testing.assert_array_equal(seen[:, 3:], image[:, 3:, :3])
    air = np.minimum(np.rint(air_level), np.iinfo(dtype).max)
    np.testing.assert_array_equal(seen[:, :3], np.broadcast_to(air, (4, 3, 3)))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_more_there_than_not_counts_as_there(dtype):
    half = np.iinfo(dtype).max // 2
    assert where_there(half_there(dtype, alpha=half + 1)) is None
    np.testing.assert_array_equal(where_there(half_there(dtype, alpha=half)), [[False] * 3 + [True] * 3] * 4)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 2), (4, 6, 3)])
def test_a_scan_without_alpha_is_left_as_it_is(shape):
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert where_there(image) is None
    assert on_air(image, [200.0]) is image
