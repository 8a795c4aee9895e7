import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.dual_energy import DETECTOR, GRAMS_PER_DEPTH, scan_transmission, transmit
from rwsc.physics.phantom_canvas import Material
from rwsc.physics.pseudo_colour import (
    OPAQUE_NEPERS,
    MaterialClass,
    areal_density,
    class_of_colour,
    colourise,
    effective_z,
    from_colour,
    material_class,
    to_rgb8,
)
from rwsc.physics.truth import draw_truth

RED, GREEN, BLUE = range(3)
WAYS = {
    MaterialClass.ORGANIC: (Material.ORGANIC, Material.WATER),
    MaterialClass.INORGANIC: (Material.INORGANIC, Material.PVC),
    MaterialClass.METAL: (Material.METAL, Material.COPPER),
}


def ramp(material, grams):
    """Transmission of rising areal densities of one material, (1, G, 2)."""
    depth_MHW = np.zeros((len(Material), 1, len(grams)), np.float32)
    depth_MHW[material, 0] = np.asarray(grams) / GRAMS_PER_DEPTH[material]
    return transmit(depth_MHW)


def mean_nepers(transmission):
    return -np.log(transmission).mean(axis=-1)


@pytest.mark.parametrize(
    ("material", "z", "grams", "tolerance"),
    [
        (Material.METAL, 26, (0.03, 8), 0.1),
        (Material.INORGANIC, 13, (0.15, 14), 0.1),
        (Material.COPPER, 29, (0.03, 6), 0.15),
    ],
)
def test_a_ramp_of_an_element_has_its_atomic_number_at_every_depth(material, z, grams, tolerance):
    """Beam hardening changes the ratio of the energies by half on the way; Z must not follow it."""
    depths = np.geomspace(*grams, 200)
    through = ramp(material, depths)
    np.testing.assert_allclose(effective_z(through), z, atol=tolerance)
    np.testing.assert_allclose(areal_density(through)[0], depths, rtol=0.05)


@pytest.mark.parametrize(("material", "z"), [(Material.ORGANIC, 6.6), (Material.WATER, 7.5)])
def test_a_ramp_of_a_compound_has_one_effective_z(material, z):
    """As the usual definitions give it: 7.4 to 7.5 for water; 5.4 for polythene, 7 for cellulose."""
    np.testing.assert_allclose(effective_z(ramp(material, np.geomspace(0.5, 14, 100))), z, atol=0.15)


@pytest.mark.parametrize("wanted", list(WAYS))
def test_matter_gets_its_class_and_its_colour(wanted):
    for material in WAYS[wanted]:
        grams = np.geomspace(0.3, 14, 400)
        through = ramp(material, grams)
        clear = (mean_nepers(through)[0] > 0.05) & (mean_nepers(through)[0] < OPAQUE_NEPERS - 0.01)
        assert (material_class(through)[0, clear] == wanted).all()
        red, green, blue = colourise(through)[0, clear].T
        if wanted == MaterialClass.ORGANIC:
            assert (red > green).all()
            assert (green > blue).all()
        elif wanted == MaterialClass.INORGANIC:
            assert (green > red).all()
            assert (green > blue).all()
        else:
            assert (blue > green).all()
            assert (green > red).all()


def test_air_is_white_and_the_opaque_is_black():
    air, lead = np.ones((1, 1, 2), np.float32), ramp(Material.LEAD, [15.0])
    assert material_class(air) == MaterialClass.AIR
    assert effective_z(air) == 0
    assert areal_density(air) == 0
    np.testing.assert_array_equal(colourise(air), 1)
    assert material_class(lead) == MaterialClass.OPAQUE
    assert colourise(lead).max() < 0.02


@given(st.sampled_from(list(Material)), st.floats(0.05, 5), st.floats(1.01, 2))
def test_more_of_the_same_is_never_brighter(material, gram, factor):
    if material == Material.LEAD:
        return  # its K edge leads it through other hues
    thin, thick = colourise(ramp(material, [gram, factor * gram]))[0]
    assert (thick <= thin + 1e-3).all()


def test_hue_fades_where_little_attenuates():
    """So that noise, which makes Z of thin parts random, does not become confetti."""
    colours = colourise(ramp(Material.METAL, [0.004, 0.04, 0.4]))[0]
    saturation = 1 - colours.min(axis=1) / colours.max(axis=1)
    assert saturation[0] < 0.05
    assert (np.diff(saturation) > 0).all()


def scan_of(material, gram, seed=0):
    """A noisy scan of an even plate."""
    depth_MHW = np.zeros((len(Material), 60, 60), np.float32)
    depth_MHW[material] = gram / GRAMS_PER_DEPTH[material]
    return DETECTOR.measure(np.random.default_rng(seed), transmit(depth_MHW))


@pytest.mark.parametrize(
    ("material", "gram", "wanted"),
    [
        (Material.ORGANIC, 2.0, MaterialClass.ORGANIC),
        (Material.WATER, 6.0, MaterialClass.ORGANIC),
        (Material.INORGANIC, 1.0, MaterialClass.INORGANIC),
        (Material.METAL, 0.5, MaterialClass.METAL),
        (Material.METAL, 3.0, MaterialClass.METAL),
    ],
)
def test_classes_hold_in_noise(material, gram, wanted):
    scan = scan_of(material, gram)
    assert (material_class(scan_transmission(scan, DETECTOR.air_level_2)) == wanted).mean() > 0.99
    assert (class_of_colour(to_rgb8(scan, DETECTOR.air_level_2)) == wanted).mean() > 0.99


def test_a_console_shows_less_noise_of_hue_than_there_is():
    scan = scan_of(Material.ORGANIC, 0.8)
    pixel_by_pixel = np.rint(255 * colourise(scan_transmission(scan, DETECTOR.air_level_2)))
    shown = to_rgb8(scan, DETECTOR.air_level_2)
    hue = [image[..., RED].astype(float) - image[..., BLUE] for image in (pixel_by_pixel, shown)]
    assert hue[1].std() < 0.8 * hue[0].std()
    np.testing.assert_allclose(shown.mean(axis=(0, 1)), pixel_by_pixel.mean(axis=(0, 1)), atol=1)


def test_the_unresolved_edge_of_metal_stays_metal_on_a_console():
    depth_MHW = np.zeros((len(Material), 40, 40), np.float32)
    depth_MHW[Material.METAL, :, 20:] = 3 / GRAMS_PER_DEPTH[Material.METAL]
    shown = to_rgb8(DETECTOR.measure(None, transmit(depth_MHW)), DETECTOR.air_level_2)
    edge = shown[5:-5, 19:22].reshape(-1, 3).astype(int)
    dark = edge[edge.sum(axis=1) < 600]
    assert len(dark)
    assert (dark[:, BLUE] >= dark[:, RED]).all()


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**31))
def test_colours_can_be_read_back(seed):
    truth = draw_truth(np.random.default_rng(seed), height_px=120, width_px=150)
    through = truth.both_true_HW2
    for colour in (colourise(through), np.rint(255 * colourise(through)).astype(np.uint8)):
        again = from_colour(colour)
        assert again.dtype == np.float32
        assert again.shape == through.shape
        clear = truth.body_HW & (mean_nepers(through) < 3.5)
        error = np.abs(np.log(again) - np.log(through))[clear]
        assert error.mean() < 0.02
        assert np.abs(colourise(again) - colourise(through)).mean() < 0.006
        assert (class_of_colour(colour) == material_class(through)).mean() > 0.98


def test_colours_that_nothing_has_are_read_as_something():
    """Networks paint what no scanner does."""
    rgb = np.random.default_rng(0).uniform(0, 1, (30, 30, 3)).astype(np.float32)
    found = from_colour(rgb)
    assert np.isfinite(found).all()
    assert found.min() > 0
    assert found.max() <= 1
    assert set(np.unique(class_of_colour(rgb))) <= set(MaterialClass)


@pytest.mark.parametrize("value", [0.0, -1.0, 5.0, np.inf])
def test_impossible_transmission_does_not_break_the_tables(value):
    through = np.full((3, 3, 2), value, np.float32)
    assert np.isfinite(colourise(through)).all()
    assert np.isfinite(effective_z(through)).all()


@pytest.mark.parametrize("shape", [(1, 40_000), (40_000, 1), (3, 32_767)])
def test_strips_longer_than_opencv_maps_to_are_shown_as_their_pieces_are(shape):
    rng = np.random.default_rng(0)
    transmission_HW2 = np.sort(rng.uniform(0.01, 1, (*shape, 2)).astype(np.float32), axis=-1)
    axis = int(shape[1] > shape[0])
    pieces = np.array_split(transmission_HW2, 5, axis=axis)
    for read in (effective_z, areal_density, material_class, colourise):
        np.testing.assert_array_equal(
            read(transmission_HW2), np.concatenate([read(piece) for piece in pieces], axis=axis)
        )
