import numpy as np
import pytest

from rwsc.items.scan_attenuation import alpha_of, picture_attenuation, scan_attenuation
from rwsc.physics.pseudo_colour import colourise
from rwsc.physics.transmission import from_attenuation
from rwsc.sources.schema import Scan


def scan_with(air_level):
    return Scan(uri="a.png", kind="threat", status="ok", air_level=air_level)


def test_attenuation_is_against_the_air_level_of_the_catalogue():
    image = np.array([[200, 100, 50]], np.uint8)
    attenuation_HWC = scan_attenuation(image, scan_with(200.0))
    assert attenuation_HWC.shape == (1, 3, 1)
    assert attenuation_HWC[0, :, 0] == pytest.approx(np.log([1, 2, 4]), abs=1e-6)


def test_where_a_picture_is_transparent_there_is_air():
    image = np.zeros((1, 2, 4), np.uint8)
    image[0, 1, 3] = 255
    attenuation_HWC = scan_attenuation(image, scan_with(255.0))
    assert attenuation_HWC.shape == (1, 2, 3)
    assert (attenuation_HWC[0, 0] == 0).all()
    assert (attenuation_HWC[0, 1] > 1).all()


def test_the_picture_of_two_energies_is_their_pseudo_colour():
    two_HW2 = np.random.default_rng(0).uniform(0, 2, (3, 4, 2)).astype(np.float32)
    picture_HWC = picture_attenuation(two_HW2)
    assert from_attenuation(picture_HWC) == pytest.approx(colourise(from_attenuation(two_HW2)), abs=1 / 255)
    for num_channels in (1, 3):
        same_HWC = two_HW2[..., :1].repeat(num_channels, axis=2)
        assert picture_attenuation(same_HWC) is same_HWC


def test_only_a_fourth_channel_is_coverage():
    image = np.array([[[0, 0, 0, 51]]], np.uint8)
    assert alpha_of(image) == pytest.approx(np.array([[0.2]]))
    assert alpha_of(image.astype(np.uint16) * 257) == pytest.approx(np.array([[0.2]]))
    assert alpha_of(image[..., :3]) is None
    assert alpha_of(image[..., 0]) is None
