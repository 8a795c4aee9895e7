import numpy as np
import pytest

from rwsc.physics.interpolation import read_between


@pytest.mark.parametrize("shape", [(1, 50_000), (50_000, 1), (2, 32_767), (32_766, 2), (1, 1)])
@pytest.mark.parametrize("channels", [None, 3])
def test_any_number_of_places_is_read_linearly(shape, channels):
    """A plane is its own linear reading; outside the picture its edge goes on."""
    rows, columns = np.mgrid[:20, :30].astype(np.float32)
    planes = [3 * columns + 2 * rows, columns - rows, rows]
    picture = planes[0] if channels is None else np.stack(planes, axis=-1)
    rng = np.random.default_rng(0)
    x_HW, y_HW = (rng.uniform(-2, side + 1, shape).astype(np.float32) for side in (30, 20))
    x, y = np.clip(x_HW, 0, 29), np.clip(y_HW, 0, 19)
    wanted = [3 * x + 2 * y, x - y, y]
    read = read_between(picture, x_HW, y_HW)
    # OpenCV places to a 32nd of a pixel.
    np.testing.assert_allclose(
        read, wanted[0] if channels is None else np.stack(wanted, axis=-1), atol=5 / 32 + 1e-3
    )


@pytest.mark.parametrize("columns", [1, 5, 64])
def test_what_is_read_does_not_depend_on_how_many_are_read_at_once(columns):
    rng = np.random.default_rng(1)
    picture = rng.random((20, 30)).astype(np.float32)
    x_HW, y_HW = (rng.uniform(0, side, (32_770, columns)).astype(np.float32) for side in (29, 19))
    halves = [read_between(picture, x, y) for x, y in zip(np.split(x_HW, 2), np.split(y_HW, 2), strict=True)]
    np.testing.assert_array_equal(read_between(picture, x_HW, y_HW), np.concatenate(halves))
