import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.fusion.engine import Region
from rwsc.fusion.tip_hsv import TipHsvEngine


def fuse(bag, item):
    region = Region(
        bag_HWC=np.array([[bag]], np.float32),
        item_HWC=np.array([[item]], np.float32),
        alpha_HW=np.ones((1, 1), np.float32),
    )
    return TipHsvEngine().fuse([region])[0][0, 0]


def of_hsv(hue_deg, saturation, value):
    return colorsys.hsv_to_rgb(hue_deg / 360 % 1, saturation, value)


def to_hue_deg(rgb):
    return colorsys.rgb_to_hsv(*map(float, rgb))[0] * 360


def luminance(rgb):
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


@given(st.floats(0.2, 0.9), st.floats(0.2, 0.4), st.floats(0, 359), st.floats(0, 359))
@settings(max_examples=50, deadline=None)
def test_luminances_multiply_whatever_the_hues(bag_value, item_value, bag_hue, item_hue):
    bag, item = of_hsv(bag_hue, 0.5, bag_value), of_hsv(item_hue, 0.5, item_value)
    assert luminance(fuse(bag, item)) == pytest.approx(luminance(bag) * luminance(item), rel=1e-3)


def test_a_blue_item_in_orange_clothes_does_not_shine():
    orange, blue = (1.0, 0.75, 0.45), (0.35, 0.6, 1.0)
    fused = fuse(orange, blue)
    assert luminance(fused) < 0.6 * luminance(orange)
    assert 1 - fused.min() / fused.max() > 0.4


@given(st.floats(0, 359), st.floats(0.2, 0.9))
@settings(max_examples=50, deadline=None)
def test_matter_of_one_hue_keeps_it_however_dense_it_becomes(hue, saturation):
    fused = fuse(of_hsv(hue, saturation, 0.7), of_hsv(hue, saturation, 0.3))
    difference = (to_hue_deg(fused) - hue + 180) % 360 - 180
    assert abs(difference) < 0.5
    assert 1 - fused.min() / fused.max() == pytest.approx(saturation, abs=2e-3)


@pytest.mark.parametrize("weights", [(0.7, 0.3), (0.5, 0.5), (0.3, 0.7)])
def test_between_orange_and_blue_lies_green_and_never_magenta(weights):
    hue = to_hue_deg(fuse(of_hsv(25, 0.6, weights[0]), of_hsv(222, 0.6, weights[1])))
    assert 25 < hue < 222


def test_the_mean_crosses_red():
    fused = fuse(of_hsv(350, 0.5, 0.5), of_hsv(20, 0.5, 0.5))
    assert to_hue_deg(fused) == pytest.approx(5, abs=4)


def test_the_denser_side_gives_the_colour():
    fused = fuse(of_hsv(30, 0.5, 0.98), of_hsv(220, 0.8, 0.2))
    assert to_hue_deg(fused) == pytest.approx(220, abs=25)
    fused = fuse(of_hsv(30, 0.5, 0.1), of_hsv(220, 0.1, 0.98))
    assert to_hue_deg(fused) == pytest.approx(30, abs=25)


def test_a_channel_may_brighten_but_not_the_luminance():
    bag = of_hsv(30, 0.9, 0.9)
    fused = fuse(bag, of_hsv(220, 0.9, 0.8))
    assert fused[2] > bag[2]
    assert luminance(fused) < luminance(bag)
