import numpy as np
import pytest
from pydantic import ValidationError

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.tip_calibrated import Calibration, TipCalibratedEngine


def fuse(bag, item, calibration, channels=3):
    region = Region(
        bag_HWC=np.full((2, 2, channels), bag, np.float32),
        item_HWC=np.full((2, 2, channels), item, np.float32),
        alpha_HW=np.ones((2, 2), np.float32),
    )
    return TipCalibratedEngine({channels: calibration}).fuse([region])[0][0, 0]


def test_photons_multiply_above_the_dark_level():
    seen = {thing: 0.1 + 0.9 * photons for thing, photons in {"bag": 0.5, "item": 0.3}.items()}
    fused = fuse(seen["bag"], seen["item"], Calibration(dark=(0.1,)))
    np.testing.assert_allclose(fused, 0.1 + 0.9 * 0.5 * 0.3, rtol=1e-5)


def test_without_a_dark_level_and_gain_it_is_the_product():
    np.testing.assert_allclose(fuse(0.7, 0.4, Calibration()), 0.28, rtol=1e-6)


def test_gain_multiplies_the_items_attenuation_channel_by_channel():
    fused = fuse(0.7, 0.4, Calibration(gain=(0.5, 1, 2)))
    np.testing.assert_allclose(fused, 0.7 * 0.4 ** np.array([0.5, 1, 2]), rtol=1e-5)


def test_nothing_becomes_darker_than_the_dark_level_nor_what_is_darker_brighter():
    calibration = Calibration(dark=(0.1,))
    np.testing.assert_allclose(fuse(0.12, 0.05, calibration), 0.1, atol=1e-4)
    np.testing.assert_array_equal(fuse(0.05, 0.5, calibration), np.float32(0.05))


def test_a_calibration_of_another_number_of_channels_is_refused():
    with pytest.raises(ConfigError, match="dark has 2 values"):
        fuse(0.5, 0.5, Calibration(dark=(0.1, 0.2)))


def test_behind_much_matter_an_item_attenuates_less():
    calibration = Calibration(hardening=(0.1,))
    added = [-np.log(fuse(bag, 0.4, calibration)[0] / bag) for bag in (1.0, 0.5, 0.05)]
    assert added[0] == pytest.approx(-np.log(0.4), rel=1e-5)
    assert added[0] > 1.03 * added[1] > 1.06 * added[2]


def test_in_a_hardened_beam_slabs_of_one_matter_add_up():
    def seen(slabs):
        matter = 0.3 * slabs
        return np.exp(-2 * matter / (1 + np.sqrt(1 + 4 * 0.2 * matter)))

    fused = fuse(seen(3), seen(2), Calibration(hardening=(0.2,)))
    np.testing.assert_allclose(fused, seen(5), rtol=1e-4)


@pytest.mark.parametrize(
    "values",
    [
        {"dark": (1.0,)},
        {"dark": (-0.1,)},
        {"dark": ()},
        {"gain": (0,)},
        {"gain": (float("nan"),)},
        {"hardening": (-1,)},
    ],
)
def test_levels_and_gains_that_make_no_sense_are_refused(values):
    with pytest.raises(ValidationError):
        Calibration(**values)
