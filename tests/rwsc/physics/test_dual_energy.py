import importlib.util
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.dual_energy import (
    GRAMS_PER_DEPTH,
    TRANSMISSION_FLOOR,
    Detector,
    load_beam,
    scan_transmission,
    transmit,
    transmit_elements,
)
from rwsc.physics.phantom_canvas import Material

LOW, HIGH = 0, 1
materials = st.sampled_from(list(Material))
grams = st.floats(0.01, 8)


def attenuation(*parts):
    """Attenuation at low and high of matter one behind another: pairs of a material and g/cm2."""
    depth_MHW = np.zeros((len(Material), 1, 1), np.float32)
    for material, gram in parts:
        depth_MHW[material] += gram / GRAMS_PER_DEPTH[material]
    return -np.log(transmit(depth_MHW)[0, 0].astype(np.float64))


def test_the_beam_is_two_shares_of_one():
    beam = load_beam()
    np.testing.assert_allclose(beam.weight_EB.sum(axis=1), 1, atol=1e-6)
    assert (beam.weight_EB >= 0).all()
    assert beam.cm2_per_gram_MB.shape == (len(Material), beam.weight_EB.shape[1])


def test_the_table_says_where_it_comes_from():
    table = json.loads(files("rwsc.physics").joinpath("beam.json").read_text())
    assert "MIT" in table["sources"]["spectra"]
    assert "MIT" in table["sources"]["attenuation"]
    assert table["greatest_error_of_attenuation"] <= 0.003
    assert list(table["materials"]) == [material.name for material in Material]


def test_the_table_is_what_xraydb_says():
    xraydb = pytest.importorskip("xraydb", reason="xraydb is not installed: pip install -e .[dev]")
    table = json.loads(files("rwsc.physics").joinpath("beam.json").read_text())
    volts = np.array(table["energy_keV"]) * 1e3
    for name, found in table["cm2_per_g"].items():
        formula = table["materials"][name]["formula"]
        np.testing.assert_allclose(
            found, xraydb.material_mu(formula, volts, density=1.0), rtol=1e-5, err_msg=name
        )
    for number, found in table["cm2_per_g_of_element"].items():
        np.testing.assert_allclose(found, xraydb.mu_elam(int(number), volts), rtol=1e-5, err_msg=number)


def test_few_energies_stand_for_the_whole_spectra():
    """Against the spectra themselves, computed anew, for matter and depths that the fit did not use."""
    for package in ("xraydb", "spekpy"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install -e .[dev]")
    path = Path(__file__).parents[3] / "jobs" / "tabulate_beam.py"
    spec = importlib.util.spec_from_file_location("tabulate_beam", path)
    job = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(job)
    energy_kev, detected_DE = job.detected_spectra()
    for steel, water in [
        (0.05, 0.0),
        (0.7, 0.0),
        (3.1, 0.0),
        (0.0, 0.3),
        (0.0, 11.0),
        (0.4, 5.5),
        (1.7, 2.2),
    ]:
        nepers_E = steel * job.mass_attenuation("Fe", energy_kev) + water * job.mass_attenuation(
            "H2O", energy_kev
        )
        whole_2 = -np.log(detected_DE @ np.exp(-nepers_E))
        found_2 = attenuation((Material.METAL, steel), (Material.WATER, water))
        np.testing.assert_allclose(found_2, whole_2, rtol=0.004)


@given(materials, grams, st.floats(1.05, 3))
def test_attenuation_grows_with_depth_but_less_than_in_proportion(material, gram, factor):
    """Beam hardening: the rays that are left are the harder ones."""
    thin, thick = attenuation((material, gram)), attenuation((material, factor * gram))
    assert (thick > thin).all()
    # Float32 transmission: its rounding is what an attenuation of a few thousandths can be off by.
    assert (thick <= factor * thin * (1 + 1e-4) + 2e-6).all()


def test_a_beam_that_is_not_of_one_energy_hardens():
    thin, thick = attenuation((Material.METAL, 0.3)), attenuation((Material.METAL, 3.0))
    assert (thick < 8.5 * thin).all()


@given(materials, grams)
def test_low_energies_are_attenuated_more(material, gram):
    low, high = attenuation((material, gram))
    assert low > high


@given(st.lists(st.tuples(materials, grams), min_size=2, max_size=4))
def test_the_order_of_matter_does_not_matter(parts):
    # But for the rounding of float32 sums.
    np.testing.assert_allclose(attenuation(*parts), attenuation(*reversed(parts)), rtol=2e-6)


@given(st.tuples(materials, grams), st.tuples(materials, grams))
def test_two_things_attenuate_less_together_than_one_by_one(one, other):
    """Composing per energy band is too dark, never too bright; see test_truth.py for how much."""
    assert (attenuation(one, other) <= (attenuation(one) + attenuation(other)) * (1 + 1e-4) + 2e-6).all()


def test_air_lets_everything_through():
    assert (transmit(np.zeros((len(Material), 3, 4), np.float32)) == 1).all()


def test_the_deepest_matter_lets_something_through():
    through = transmit(np.full((len(Material), 2, 2), 500, np.float32))
    assert (through > 0).all()
    assert np.isfinite(np.log(through)).all()


def test_rays_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(0)
    depth_MHW = rng.uniform(0, 1, (len(Material), 1, 40_000)).astype(np.float32)
    depth_MHW[:, :, ::3] = 0
    few = transmit(depth_MHW[:, :, 17_000:17_050])
    np.testing.assert_allclose(transmit(depth_MHW)[:, 17_000:17_050], few, rtol=1e-5)


def test_elements_attenuate_as_the_materials_made_of_them():
    numbers = load_beam().atomic_numbers
    grams_PZ = np.zeros((1, len(numbers)))
    grams_PZ[0, numbers == 26] = 1.3
    found = -np.log(transmit_elements(grams_PZ)[0].astype(np.float64))
    np.testing.assert_allclose(found, attenuation((Material.METAL, 1.3)), rtol=1e-5)


def test_steel_and_perspex_are_told_apart_as_on_real_scanners():
    """Ratios of low to high that real sandwich detectors show: about 2.2 to 2.5 for blades, 1.15 to 1.25 for wood."""
    steel, wood = attenuation((Material.METAL, 1.2)), attenuation((Material.ORGANIC, 2.0))
    assert 2.0 < steel[LOW] / steel[HIGH] < 2.6
    assert 1.12 < wood[LOW] / wood[HIGH] < 1.28


@pytest.mark.parametrize("level", [1.0, 0.3, 0.01])
def test_noise_is_that_of_photons_and_of_the_electronics(level):
    detector = Detector(
        photons_in_air=(10_000.0, 40_000.0), read_noise=30, offset=100, air_level=(40_000.0, 50_000.0)
    )
    scan = detector.measure(np.random.default_rng(1), np.full((300, 300, 2), level, np.float32))
    gain = detector.air_level_2 - 100
    np.testing.assert_allclose(scan.mean(axis=(0, 1)), 100 + gain * level, rtol=3e-3)
    # The detector's blur comes before its noise: neighbours are independent.
    wanted = np.sqrt(gain**2 * level / np.array([10_000, 40_000]) + 30**2)
    np.testing.assert_allclose(scan.std(axis=(0, 1)), wanted, rtol=0.02)


def test_without_noise_a_scan_is_gain_times_transmission_and_an_offset():
    detector = Detector(offset=50, blur_px=0)
    through = np.random.default_rng(0).uniform(0, 1, (20, 30, 2)).astype(np.float32)
    scan = detector.measure(None, through)
    assert scan.dtype == np.uint16
    np.testing.assert_allclose(scan, 50 + through * (detector.air_level_2 - 50), atol=0.6)


def test_air_is_at_its_level():
    scan = Detector(air_level=(30_000.0, 64_000.0)).measure(None, np.ones((8, 8, 2), np.float32))
    assert (scan == [30_000, 64_000]).all()


def test_blur_keeps_the_signal_and_spreads_it():
    through = np.ones((31, 31, 2), np.float32)
    through[15, 15] = 0
    seen = Detector(blur_px=1.0).see(through)
    np.testing.assert_allclose((1 - seen).sum(axis=(0, 1)), 1, rtol=1e-3)
    # A Gaussian of one pixel: 1 / (2 pi) in its middle.
    np.testing.assert_allclose(1 - seen[15, 15], 0.159, atol=0.01)


def test_more_than_white_is_clipped_and_not_wrapped():
    scan = Detector(air_level=(65_535.0, 65_535.0)).measure(
        np.random.default_rng(0), np.ones((50, 50, 2), np.float32)
    )
    assert scan.min() > 60_000


@settings(deadline=None)
@given(st.integers(0, 2**31))
def test_a_measured_scan_gives_its_transmission_back_within_noise(seed):
    rng = np.random.default_rng(seed)
    detector = Detector(blur_px=0)
    through = rng.uniform(0.02, 1, (40, 40, 2)).astype(np.float32)
    again = scan_transmission(detector.measure(rng, through), detector.air_level_2)
    assert again.dtype == np.float32
    spread = np.sqrt(through / np.array(detector.photons_in_air)) + detector.read_noise / 50_000
    assert (np.abs(again - through) < 6 * spread + 1e-3).all()


def test_black_is_at_the_floor():
    assert scan_transmission(np.zeros((2, 2, 2), np.uint16), np.array([5e4, 5e4])).max() == np.float32(
        TRANSMISSION_FLOOR
    )
