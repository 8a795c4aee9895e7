import numpy as np
import pytest

from rwsc.fusion.calibration import fit_calibration
from rwsc.fusion.tip_calibrated import Calibration, project


def make_triple(seed, calibration, noise=0.0, hw=(40, 50), channels=2):
    rng = np.random.default_rng(seed)
    bag_HWC, item_HWC = rng.uniform(0.05, 0.95, (2, *hw, channels)).astype(np.float32)
    item_HWC[:, :15] = 1
    both_HWC = project(bag_HWC, item_HWC, calibration)
    return bag_HWC, item_HWC, both_HWC + rng.normal(0, noise, both_HWC.shape).astype(np.float32)


def test_what_a_scanner_does_is_found_channel_by_channel():
    true = Calibration(dark=(0.01, 0.04), gain=(0.9, 1.1), hardening=(0.1, 0.02))
    found = fit_calibration([make_triple(seed, true, noise=0.002) for seed in range(3)])
    np.testing.assert_allclose(found.dark, true.dark, atol=0.003)
    np.testing.assert_allclose(found.gain, true.gain, atol=0.02)
    np.testing.assert_allclose(found.hardening, true.hardening, atol=0.02)


def test_a_plain_product_is_found_to_be_one():
    found = fit_calibration([make_triple(0, Calibration(), channels=1)])
    np.testing.assert_allclose([*found.dark, *found.gain, *found.hardening], [0, 1, 0], atol=2e-3)


def test_pixels_that_are_wholly_wrong_do_not_move_it_far():
    bag_HWC, item_HWC, both_HWC = make_triple(1, Calibration(gain=(0.9,)), channels=1)
    both_HWC[::20] = 0.9
    assert fit_calibration([(bag_HWC, item_HWC, both_HWC)]).gain[0] == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("triples", [[], [tuple(np.ones((3, 5, 5, 1), np.float32))]])
def test_scans_that_tell_nothing_are_refused(triples):
    with pytest.raises(ValueError, match="needs"):
        fit_calibration(triples)
