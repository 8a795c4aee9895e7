import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rwsc.errors import ConfigError
from rwsc.fusion.channels import LUMA_WEIGHTS
from rwsc.fusion.engine import Region
from rwsc.fusion.engines import ENGINES, EngineConfig, open_classic
from rwsc.fusion.tip_calibrated import Calibration

CLASSIC = [name for name in ENGINES if name != "rwsc"]
PROJECTIONS = [name for name in CLASSIC if name.startswith("tip")]
IN_COLOUR_SPACE = [("tip_hsv", 3), ("tip_material", 3)]
CONFIG = EngineConfig(
    calibration_gray=Calibration(dark=(0.03,), gain=(0.9,)),
    calibration_dual=Calibration(dark=(0.02, 0.04), gain=(0.8, 1.1), hardening=(0.1, 0.05)),
    calibration_colour=Calibration(dark=(0.02, 0.05, 0.1), gain=(0.9, 1, 1.2), hardening=(0, 0.1, 0.5)),
)


def engine(name):
    return open_classic(name, CONFIG)


def channels_of(name):
    return {"tip_dual": [2], "tip_material": [3]}.get(name, [1, 2, 3])


CASES = [(name, channels) for name in CLASSIC for channels in channels_of(name)]
PROJECTED = [(name, channels) for name in PROJECTIONS for channels in channels_of(name)]


def make_region(seed=0, channels=3, hw=(24, 31), item_t=(0.01, 1)):
    rng = np.random.default_rng(seed)
    alpha_HW = np.zeros(hw, np.float32)
    alpha_HW[6:-6, 5:-7] = rng.uniform(0.1, 1, (hw[0] - 12, hw[1] - 12))
    own_HWC = rng.uniform(*item_t, (*hw, channels)).astype(np.float32)
    return Region(
        bag_HWC=rng.uniform(1e-3, 1, (*hw, channels)).astype(np.float32),
        item_HWC=1 - alpha_HW[..., None] * (1 - own_HWC),
        alpha_HW=alpha_HW,
    )


def on(bag_HWC, region):
    return Region(bag_HWC=bag_HWC, item_HWC=region.item_HWC, alpha_HW=region.alpha_HW)


def test_every_engine_but_rwsc_opens_by_its_name():
    assert [engine(name).name for name in CLASSIC] == CLASSIC


@pytest.mark.parametrize("name", ["rwsc", "tipp", ""])
def test_an_engine_that_is_none_is_refused_with_the_names(name):
    with pytest.raises(ConfigError, match=repr(name)) as error:
        open_classic(name, EngineConfig())
    assert "tip_hsv" in error.value.remedy


@pytest.mark.parametrize(("name", "channels"), CASES)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_results_are_transmissions_of_the_regions_shape_and_depend_on_nothing_else(name, channels, seed):
    regions = [make_region(seed, channels), make_region(seed + 1, channels, (40, 19))]
    before = [region.bag_HWC.copy() for region in regions]
    opened = engine(name)
    together = opened.fuse(regions)
    for region, fused, bag_HWC in zip(regions, together, before, strict=True):
        assert (fused.shape, fused.dtype) == (region.bag_HWC.shape, np.float32)
        assert fused.min() > 0
        assert fused.max() <= 1
        np.testing.assert_array_equal(region.bag_HWC, bag_HWC)
        np.testing.assert_array_equal(opened.fuse([region])[0], fused)


@pytest.mark.parametrize(("name", "channels"), CASES)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_where_nothing_is_covered_the_bag_stays_to_the_bit(name, channels, seed):
    region = make_region(seed, channels)
    fused = engine(name).fuse([region])[0]
    off = region.alpha_HW == 0
    np.testing.assert_array_equal(fused[off], region.bag_HWC[off])
    assert (fused[~off] != region.bag_HWC[~off]).any()


@pytest.mark.parametrize(("name", "channels"), PROJECTED)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_an_item_of_air_changes_nothing_to_the_bit(name, channels, seed):
    region = make_region(seed, channels, item_t=(1, 1))
    np.testing.assert_array_equal(engine(name).fuse([region])[0], region.bag_HWC)


@pytest.mark.parametrize(("name", "channels"), [case for case in PROJECTED if case not in IN_COLOUR_SPACE])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_an_item_never_brightens(name, channels, seed):
    region = make_region(seed, channels)
    assert (engine(name).fuse([region])[0] <= region.bag_HWC).all()


def one_after_the_other(opened, one, two):
    first = opened.fuse([one])[0]
    return opened.fuse([on(first, two)])[0]


@pytest.mark.parametrize(
    ("name", "channels"),
    # Two energies drawn at random are those of no matter; tip_dual is held to this law by real ones.
    [case for case in PROJECTED if case not in [*IN_COLOUR_SPACE, ("tip_dual", 2)]],
)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_order_of_items_does_not_matter(name, channels, seed):
    one, two, opened = make_region(seed, channels), make_region(seed + 1, channels), engine(name)
    there = one_after_the_other(opened, one, two)
    back = one_after_the_other(opened, on(one.bag_HWC, two), on(one.bag_HWC, one))
    np.testing.assert_allclose(there, back, rtol=1e-3, atol=2e-4)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_in_hsv_the_luminance_never_brightens(seed):
    region = make_region(seed)
    fused = engine("tip_hsv").fuse([region])[0]
    assert (fused @ LUMA_WEIGHTS <= (region.bag_HWC @ LUMA_WEIGHTS) * (1 + 1e-4) + 1e-3).all()


def test_no_engine_writes_into_a_region():
    for name, channels in CASES:
        region = make_region(3, channels)
        for array in (region.bag_HWC, region.item_HWC, region.alpha_HW):
            array.flags.writeable = False
        engine(name).fuse([region])


@pytest.mark.parametrize(
    "values",
    [{"opacity": 0}, {"opacity": 1.5}, {"clone": "hard"}, {"gamma": 1}, {"calibration_gray": {"dark": [1]}}],
)
def test_settings_that_make_no_sense_are_refused(values):
    with pytest.raises(ValidationError):
        EngineConfig(**values)


def test_every_setting_says_what_it_means():
    for info in [*EngineConfig.model_fields.values(), *Calibration.model_fields.values()]:
        assert info.description
