from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.placement.config import PlacementConfig
from rwsc.placement.priors import Observation, learn_priors
from rwsc.placement.size import draw_scale, physical_scale

ITEM = SimpleNamespace(label="knife", alpha_HW=np.ones((30, 40), np.float32))
BAG_WH = (600.0, 800.0)
shares = st.floats(0, 1, exclude_max=True)


def test_an_item_keeps_its_millimetres():
    pitches = {"old": 2.0, "set": 0.5}
    # 40 px at 2 mm are 80 mm, and those are 160 px at half a millimetre.
    assert physical_scale(pitches, ("old", "x"), (None, "set")) == 4
    # Of a scanner that is not named its dataset tells.
    assert physical_scale(pitches, ("unknown", "set"), ("old", "set")) == 0.25
    assert physical_scale(pitches, ("old", None), (None, None)) is None


@given(shares)
def test_millimetres_go_before_priors_and_pixels(share):
    config = PlacementConfig(magnification_spread=0.1, scale_min=0.5, scale_max=0.6)
    assert 1.8 - 1e-9 <= draw_scale(share, ITEM, BAG_WH, config, 2.0) <= 2.2


def test_a_scale_out_of_all_reason_names_the_setting():
    assert "mm_per_px scales it by 40" in draw_scale(0.5, ITEM, BAG_WH, PlacementConfig(), 40.0)
    assert "mm_per_px" in draw_scale(0.5, ITEM, BAG_WH, PlacementConfig(), 0.01)


@given(shares)
def test_priors_give_the_sizes_they_were_learned_from(share):
    seen = [
        Observation(label="knife", bbox_xywh=(0, 0, 30 * k, 40 * k), bag_xywh=(0, 0, 300, 400))
        for k in np.linspace(1, 2, 21)
    ]
    config = PlacementConfig(priors=learn_priors(seen))
    scale = draw_scale(share, ITEM, BAG_WH, config, None)
    # The item's diagonal is 50 px, the bag's 1000 px, and real ones had 0.1 to 0.2 of theirs.
    assert 0.1 - 1e-6 <= scale * 50 / 1000 <= 0.2 + 1e-6


def test_priors_do_not_blow_an_item_up_without_end():
    seen = [Observation(label="knife", bbox_xywh=(0, 0, 300, 400), bag_xywh=(0, 0, 300, 400))]
    assert draw_scale(0.5, ITEM, BAG_WH, PlacementConfig(priors=learn_priors(seen)), None) == 3


@given(shares)
def test_without_either_the_settings_and_the_bag_bound_it(share):
    config = PlacementConfig(scale_min=0.5, scale_max=4, max_item_fraction=0.1)
    assert 0.5 <= draw_scale(share, ITEM, BAG_WH, config, None) <= 2
    assert (
        draw_scale(share, ITEM, (100, 100), config, None) == "20 px long at its smallest, the bag takes 10 px"
    )


def test_the_range_is_used_from_end_to_end():
    config = PlacementConfig(scale_min=0.5, scale_max=1.5)
    assert draw_scale(0.0, ITEM, BAG_WH, config, None) == 0.5
    assert draw_scale(0.75, ITEM, BAG_WH, config, None) == pytest.approx(1.25)
