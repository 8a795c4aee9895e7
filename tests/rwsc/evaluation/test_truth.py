import math

import numpy as np
import pytest

from rwsc.evaluation.truth import TrueScan, TruthError, measure_error, overlap_of, seam_of, summarise
from rwsc.physics.pseudo_colour import MaterialClass, class_of_colour


def make_case(seed=0, size=(18, 22)):
    """A true scan with a disc of overlap, and a noisy copy of it."""
    rng = np.random.default_rng(seed)
    rgb_HWC = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    made_HWC = np.clip(rgb_HWC + rng.integers(-30, 31, rgb_HWC.shape), 0, 255).astype(np.uint8)
    rows, columns = np.mgrid[: size[0], : size[1]]
    cover_HW = (np.hypot(rows - 8, columns - 10) < 6).astype(np.float32)
    bag_class_HW = np.where(columns < 9, MaterialClass.AIR, MaterialClass.ORGANIC)
    true = TrueScan(
        rgb_HWC=rgb_HWC,
        class_HW=rng.integers(0, 5, size, dtype=np.uint8),
        overlap_HW=overlap_of(cover_HW, bag_class_HW),
        seam_HW=seam_of(cover_HW),
    )
    return made_HWC, true


def reference(made, true):
    """One pixel at a time."""
    height, width = true.overlap_HW.shape
    error = made.astype(int) - true.rgb_HWC.astype(int)
    squares, absolutes, agreeing, number = 0, [0, 0, 0], 0, 0
    classes = class_of_colour(made)
    slopes = []
    for y, x in np.ndindex(height, width):
        if true.overlap_HW[y, x]:
            number += 1
            agreeing += int(classes[y, x] == true.class_HW[y, x])
            for c in range(3):
                squares += error[y, x, c] ** 2
                absolutes[c] += abs(error[y, x, c])
        if true.seam_HW[y, x]:
            for c in range(3):
                up, down = max(0, y - 1), min(height - 1, y + 1)
                left, right = max(0, x - 1), min(width - 1, x + 1)
                slope_y = (error[down, x, c] - error[up, x, c]) / (down - up)
                slope_x = (error[y, right, c] - error[y, left, c]) / (right - left)
                slopes.append(math.hypot(slope_y, slope_x))
    return TruthError(
        psnr_db=10 * math.log10(255**2 / (squares / (3 * number))),
        mae_red=absolutes[0] / number,
        mae_green=absolutes[1] / number,
        mae_blue=absolutes[2] / number,
        class_agreement=agreeing / number,
        seam=sum(slopes) / len(slopes),
    )


@pytest.mark.parametrize("seed", range(4))
def test_errors_match_the_reference(seed):
    made, true = make_case(seed)
    found, expected = measure_error(made, true), reference(made, true)
    for name in TruthError.__dataclass_fields__:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9), name


def test_the_true_scan_itself_has_no_error_and_a_finite_psnr():
    _, true = make_case()
    found = measure_error(true.rgb_HWC, true)
    assert found.psnr_db == 100
    assert (found.mae_red, found.mae_green, found.mae_blue, found.seam) == (0, 0, 0, 0)


def test_what_lies_outside_overlap_and_seam_does_not_count():
    made, true = make_case()
    changed = made.copy()
    far = ~(true.overlap_HW | true.seam_HW)
    far[:, :] &= np.pad(far, 1, mode="edge")[2:, 1:-1] & np.pad(far, 1, mode="edge")[:-2, 1:-1]
    far[:, :] &= np.pad(far, 1, mode="edge")[1:-1, 2:] & np.pad(far, 1, mode="edge")[1:-1, :-2]
    assert far.any()
    changed[far] = 0
    assert measure_error(changed, true) == measure_error(made, true)


def test_a_colour_of_another_channel_is_told_by_channel():
    _, true = make_case()
    true.rgb_HWC[:] = 100
    made = true.rgb_HWC.copy()
    made[..., 1] += 7
    found = measure_error(made, true)
    assert (found.mae_red, found.mae_green, found.mae_blue) == (0, 7, 0)


def test_a_step_at_the_rim_is_a_seam_and_a_constant_error_is_none():
    _, true = make_case()
    true.rgb_HWC[:] = 100
    true.overlap_HW[:] = True
    constant, step = true.rgb_HWC + np.uint8(20), true.rgb_HWC.copy()
    assert measure_error(constant, true).seam == 0
    step[:9] += 20
    assert measure_error(step, true).seam > 1


def test_the_overlap_is_where_half_a_pixel_of_item_meets_bag():
    cover_HW = np.array([[0.0, 0.4, 0.5, 1.0, 1.0]])
    bag_class_HW = np.array([[1, 1, 1, MaterialClass.AIR, MaterialClass.OPAQUE]])
    assert overlap_of(cover_HW, bag_class_HW).tolist() == [[False, False, True, False, True]]


def test_the_seam_is_a_ring_of_three_pixels_to_both_sides_and_not_the_edge_of_the_frame():
    cover_HW = np.zeros((1, 20))
    cover_HW[0, :10] = 1
    assert np.flatnonzero(seam_of(cover_HW)[0]).tolist() == [7, 8, 9, 10, 11, 12]
    assert not seam_of(np.zeros((9, 9))).any()


def make_error(psnr_db, **changes):
    values = {"mae_red": 1.0, "mae_green": 2.0, "mae_blue": 3.0, "class_agreement": 0.5, "seam": 4.0}
    return TruthError(psnr_db=psnr_db, **{**values, **changes})


def test_the_summary_has_means_standard_errors_and_quartiles():
    errors = [make_error(value) for value in (20.0, 22.0, 27.0)]
    before = [make_error(value) for value in (19.0, 20.0, 24.0)]
    found = summarise(errors, before)
    assert found["psnr_db"]["mean"] == 23
    assert found["psnr_db"]["se"] == pytest.approx(math.sqrt((9 + 1 + 16) / 2 / 3), abs=1e-4)
    assert [found["psnr_db"][name] for name in ("q25", "median", "q75")] == [21, 22, 24.5]
    assert found["gain_db"]["mean"] == 2
    assert found["gain_db"]["se"] == pytest.approx(1 / math.sqrt(3), abs=1e-4)
    assert found["mae_blue"] == {"mean": 3, "se": 0, "q25": 3, "median": 3, "q75": 3}


def test_one_phantom_has_no_spread():
    assert summarise([make_error(20)], [make_error(20)])["psnr_db"]["se"] == 0
