import cv2
import numpy as np
import pytest

from rwsc.evaluation.truth import measure_error
from rwsc.evaluation.truth_phantoms import AIR_RGB, MIN_OVERLAP_PX, draw_case, fuse_case
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.match import MatchConfig
from rwsc.fusion.tip import TipEngine
from rwsc.physics.pseudo_colour import MaterialClass, material_class
from rwsc.training.phantom_samples import PHANTOM_PX, PhantomSource
from rwsc.training.samples import SampleConfig


@pytest.fixture(scope="module")
def cases():
    return [draw_case(number) for number in range(4)]


class Watched(TipEngine):
    """Remembers what it saw, with the surroundings that a network sees."""

    reach_px = None

    def fuse(self, regions):
        self.regions = regions
        return super().fuse(regions)


def test_a_case_is_a_function_of_its_number(cases):
    again, other = draw_case(1), cases[0]
    np.testing.assert_array_equal(again.bag_HWC, cases[1].bag_HWC)
    np.testing.assert_array_equal(again.again_HWC, cases[1].again_HWC)
    assert not np.array_equal(again.bag_HWC, other.bag_HWC)


def test_training_never_draws_a_case(cases):
    side = PHANTOM_PX[0]
    for name in ("train", "validation"):
        source = PhantomSource(2, config=SampleConfig(crop_px=side), seed=0, name=name)
        for sample in map(source.draw, range(8)):
            for case in cases:
                assert abs(sample.bag_CHW.mean() - case.bag_HWC.mean() / AIR_RGB) > 1e-6


def test_overlap_and_classes_are_those_of_the_truth(cases):
    for case in cases:
        assert np.count_nonzero(case.true.overlap_HW) >= MIN_OVERLAP_PX
        assert (case.truth.alpha_HW[case.true.overlap_HW] >= 0.5).all()
        bag_class = material_class(case.truth.bag_true_HW2)[case.true.overlap_HW]
        assert (bag_class != MaterialClass.AIR).all()
        np.testing.assert_array_equal(case.true.class_HW, material_class(case.truth.both_true_HW2))
        np.testing.assert_array_equal(case.true.rgb_HWC, case.truth.both_rgb)


def test_a_second_scan_differs_by_noise_alone(cases):
    for case in cases:
        difference = case.again_HWC.astype(int) - case.true.rgb_HWC
        assert 0 < np.abs(difference).mean() < 3
        assert abs(difference.mean()) < 0.1
        found = measure_error(case.again_HWC, case.true)
        tip = measure_error(
            fuse_case(case, open_classic("tip", EngineConfig()), two_energies=False), case.true
        )
        assert found.psnr_db > tip.psnr_db + 3


def test_an_engine_sees_the_item_as_it_was_scanned(cases):
    for case in cases:
        engine = Watched()
        fuse_case(case, engine, two_energies=False)
        region = engine.regions[0]
        inside_HW = region.alpha_HW == 1
        assert inside_HW.size > 2 * case.truth.bbox_xywh[2] * case.truth.bbox_xywh[3]
        assert (region.item_HWC[region.alpha_HW == 0] == 1).all()
        # At the rim as scanned too, but no darker than what covers the pixel can make it.
        rim_HW = (case.truth.seen_alpha_HW > 0) & (case.truth.seen_alpha_HW < 1)
        expected = np.maximum(case.item_HWC[rim_HW] / AIR_RGB, 1 - case.truth.seen_alpha_HW[rim_HW][:, None])
        rim_of_region_HW = (region.alpha_HW > 0) & (region.alpha_HW < 1)
        np.testing.assert_allclose(region.item_HWC[rim_of_region_HW], expected, atol=2e-3)
        seen = case.item_HWC[case.truth.seen_alpha_HW == 1] / AIR_RGB
        np.testing.assert_allclose(region.item_HWC[inside_HW], seen, atol=1e-3)


def test_pixels_without_item_are_the_bags(cases):
    case = cases[0]
    outside = case.truth.seen_alpha_HW == 0
    for name in ("tip", "poisson"):
        made = fuse_case(case, open_classic(name, EngineConfig()), two_energies=False)
        np.testing.assert_array_equal(made[outside], case.bag_HWC[outside])


def test_two_energies_are_composed_as_measured_and_coloured_last(cases):
    case, engine = cases[0], Watched()
    made = fuse_case(case, engine, two_energies=True)
    assert engine.regions[0].bag_HWC.shape[2] == 2
    assert made.dtype == np.uint8
    assert made.shape == case.bag_HWC.shape
    outside = case.truth.seen_alpha_HW == 0
    # The console's hue is that of a neighbourhood, so it changes within a few pixels of the item.
    assert (made[outside] == case.bag_HWC[outside]).mean() > 0.95


def test_matter_of_two_energies_composed_then_coloured_is_the_truth_within_noise(cases):
    """Inside the item, away from its rim, where the blur of two scans is not that of one."""
    gaps = []
    for case in cases:
        made = fuse_case(case, open_classic("tip_dual", EngineConfig()), two_energies=True)
        inner_HW = cv2.erode((case.truth.alpha_HW == 1).astype(np.uint8), np.ones((5, 5))) > 0
        inner_HW &= case.true.overlap_HW
        squares = [
            np.mean((picture.astype(float) - case.true.rgb_HWC)[inner_HW] ** 2)
            for picture in (case.again_HWC, made)
        ]
        gaps.append(10 * np.log10(squares[1] / squares[0]))
    assert np.mean(gaps) < 1.5  # dB below a second scan of the same scene; the product lies 15 below


def test_matching_changes_the_item_alone_and_by_its_seed():
    case, engine = draw_case(6), open_classic("tip", EngineConfig())
    match = MatchConfig(noise=True, sharpness=True)
    plain = fuse_case(case, engine, two_energies=False)
    one, again = (fuse_case(case, engine, two_energies=False, match=match, seed=1) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert (one != plain).any()
    outside = case.truth.seen_alpha_HW == 0
    np.testing.assert_array_equal(one[outside], plain[outside])
