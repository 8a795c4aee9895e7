import numpy as np
import pytest

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.tip_calibrated import Calibration
from rwsc.fusion.tip_dual import TipDualEngine
from rwsc.physics.truth import draw_truth
from rwsc.seeds import stream


def make_region(shape, seed=0):
    rng = np.random.default_rng(seed)
    return Region(
        bag_HWC=rng.uniform(0.05, 1, shape).astype(np.float32),
        item_HWC=rng.uniform(0.05, 1, shape).astype(np.float32),
        alpha_HW=np.ones(shape[:2], np.float32),
    )


def test_without_a_calibration_attenuations_add_energy_by_energy():
    region = make_region((4, 5, 2))
    fused = TipDualEngine(Calibration()).fuse([region])[0]
    np.testing.assert_allclose(-np.log(fused), -np.log(region.bag_HWC) - np.log(region.item_HWC), rtol=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_scans_of_one_energy_and_of_colour_are_refused(channels):
    with pytest.raises(ConfigError, match=f"{channels} channel") as error:
        TipDualEngine(Calibration()).fuse([make_region((4, 5, 2)), make_region((4, 5, channels))])
    assert "tip" in error.value.remedy


def test_the_true_scan_of_both_is_met_within_about_its_noise():
    """Grey levels over air's: noise is 0.3 to 0.7 % here, the product misses by that and its bias."""
    errors = {"tip": [], "tip_dual": []}
    for number in range(12):
        truth = draw_truth(stream("tip dual", number), height_px=160, width_px=200)
        bag_HW2, item_HW2, both_HW2 = (
            scan / truth.air_level_2.astype(np.float32)
            for scan in (truth.bag_HW2, truth.item_HW2, truth.both_HW2)
        )
        inside = (truth.alpha_HW == 1) & (bag_HW2.max(axis=2) < 0.9)
        region = Region(
            bag_HWC=np.minimum(bag_HW2, 1), item_HWC=np.minimum(item_HW2, 1), alpha_HW=truth.alpha_HW
        )
        for name, found in errors.items():
            fused = open_classic(name, EngineConfig()).fuse([region])[0]
            found.append((fused - both_HW2)[inside])
    bias = {name: np.abs(np.concatenate(found).mean(axis=0)).max() for name, found in errors.items()}
    spread = {name: np.concatenate(found).std(axis=0).max() for name, found in errors.items()}
    assert bias["tip_dual"] < 0.0015
    assert spread["tip_dual"] < 0.0065
    assert bias["tip"] > 2 * bias["tip_dual"]
