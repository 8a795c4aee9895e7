import numpy as np
import pytest

from rwsc.errors import ConfigError
from rwsc.fusion.channels import match_channels

ITEM_HWC = np.array([[[0.2, 0.4, 0.6]]], np.float32)


def test_a_colour_item_becomes_luminance_in_a_gray_bag():
    assert match_channels(ITEM_HWC, 1)[0, 0, 0] == pytest.approx(0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.6)


def test_a_gray_item_becomes_three_equal_channels_in_a_colour_bag():
    np.testing.assert_array_equal(match_channels(ITEM_HWC[..., :1], 3), np.full((1, 1, 3), np.float32(0.2)))


def test_of_two_energies_a_gray_bag_sees_the_mean():
    assert match_channels(ITEM_HWC[..., :2], 1)[0, 0, 0] == pytest.approx(0.3)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_an_item_with_the_bags_channels_is_handed_through(channels):
    item_HWC = ITEM_HWC[..., :channels]
    assert match_channels(item_HWC, channels) is item_HWC


def test_two_energies_are_shown_in_colour_in_a_colour_bag():
    steel_like, water_like = np.array([0.1, 0.35], np.float32), np.array([0.3, 0.4], np.float32)
    red, _, blue = np.moveaxis(match_channels(np.array([[steel_like, water_like]]), 3), 2, 0)
    assert blue[0, 0] > red[0, 0]
    assert red[0, 1] > blue[0, 1]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_bag_of_two_energies_takes_no_item_without_them(channels):
    with pytest.raises(ConfigError, match=f"{channels} channel") as error:
        match_channels(ITEM_HWC[..., :channels], 2)
    assert "two energies" in error.value.remedy
