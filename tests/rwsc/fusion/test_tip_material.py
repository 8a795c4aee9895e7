import numpy as np
import pytest

from rwsc.errors import ConfigError
from rwsc.fusion.engine import Region
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.tip_material import TipMaterialEngine
from rwsc.physics.pseudo_colour import colourise
from rwsc.physics.truth import draw_truth
from rwsc.seeds import stream


@pytest.mark.parametrize("channels", [1, 2])
def test_scans_without_colour_are_refused(channels):
    plain = np.ones((3, 4, channels), np.float32)
    with pytest.raises(ConfigError, match=f"{channels} channel"):
        TipMaterialEngine().fuse(
            [Region(bag_HWC=plain, item_HWC=plain, alpha_HW=np.ones((3, 4), np.float32))]
        )


def test_colours_are_those_of_the_energies_projected():
    bag_2, item_2 = np.array([0.35, 0.45], np.float32), np.array([0.3, 0.5], np.float32)
    shown = {
        name: np.tile(colourise(energies.reshape(1, 1, 2)), (3, 4, 1))
        for name, energies in {"bag": bag_2, "item": item_2, "both": bag_2 * item_2}.items()
    }
    region = Region(bag_HWC=shown["bag"], item_HWC=shown["item"], alpha_HW=np.ones((3, 4), np.float32))
    np.testing.assert_allclose(TipMaterialEngine().fuse([region])[0], shown["both"], atol=0.03)


def test_it_comes_nearer_to_the_true_colours_than_the_product_of_channels():
    errors = {"tip": [], "tip_material": []}
    for number in range(8):
        truth = draw_truth(stream("tip material", number), height_px=160, width_px=200)
        bag_HWC, item_HWC, both_HWC = (
            np.maximum(picture / np.float32(255), 1e-3)
            for picture in (truth.bag_rgb, truth.item_rgb, truth.both_rgb)
        )
        inside = (truth.alpha_HW == 1) & (bag_HWC.min(axis=2) < 0.9)
        region = Region(bag_HWC=bag_HWC, item_HWC=item_HWC, alpha_HW=truth.alpha_HW)
        for name, found in errors.items():
            found.append(open_classic(name, EngineConfig()).fuse([region])[0][inside] - both_HWC[inside])
    rms = {name: np.sqrt(np.square(np.concatenate(found)).mean()) for name, found in errors.items()}
    assert rms["tip_material"] < 0.7 * rms["tip"]
