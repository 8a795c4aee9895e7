import numpy as np
import pytest

from rwsc.physics.phantom_texture import draw_textures


@pytest.mark.parametrize(("height", "width"), [(64, 64), (90, 301)])
def test_textures_have_the_size_asked_for_and_vary_around_one(height, width):
    for field in draw_textures(np.random.default_rng(0), height, width):
        assert field.shape == (height, width)
        assert field.dtype == np.float32
        assert field.min() > 0
        assert 0.6 < field.mean() < 1.5
        assert field.std() > 0.05


def test_textures_are_smooth():
    for field in draw_textures(np.random.default_rng(0), 200, 200):
        assert np.abs(np.diff(field, axis=0)).max() < 0.5 * np.ptp(field)
