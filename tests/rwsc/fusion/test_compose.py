import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.tip import TipEngine
from rwsc.physics.transmission import to_transmission

AIR = np.array([250.0, 248.0, 240.0])


def make_scan(seed=0, hw=(60, 80), channels=3, dtype=np.uint8):
    top = np.iinfo(dtype).max
    shape = hw if channels == 1 else (*hw, channels)
    return np.random.default_rng(seed).integers(0, top, shape, dtype=dtype, endpoint=True)


def make_insertion(seed=1, hw=(20, 15), x_px=10, y_px=12, channels=3):
    rng = np.random.default_rng(seed)
    alpha_HW = np.zeros(hw, np.float32)
    alpha_HW[2:-2, 2:-2] = 1
    alpha_HW[1, 2:-2] = 0.4
    return Insertion(
        transmission_HWC=rng.uniform(0.05, 1, (*hw, channels)).astype(np.float32),
        alpha_HW=alpha_HW,
        x_px=x_px,
        y_px=y_px,
    )


class ConstantEngine:
    """Gives the same transmission everywhere: what it touches outside the item must not reach the scan."""

    name, weights_sha256 = "constant", ""

    def __init__(self, value, blend, reach_px=None):
        self.value, self.blend, self.reach_px, self.seen = value, blend, reach_px, []

    def fuse(self, regions):
        self.seen.append([region.alpha_HW.shape for region in regions])
        return [np.full_like(region.bag_HWC, self.value) for region in regions]


def fuse(scan, insertions, engine=None, air=AIR):
    return fuse_in_rounds([scan], [air], [insertions], engine or TipEngine())[0]


def covered_at(scan, insertion):
    mask = np.zeros(scan.shape[:2], bool)
    height, width = insertion.alpha_HW.shape
    mask[insertion.y_px : insertion.y_px + height, insertion.x_px : insertion.x_px + width] = (
        insertion.alpha_HW > 0
    )
    return mask


@pytest.mark.parametrize("blend", ["support", "alpha"])
def test_pixels_that_no_item_covers_are_the_scans_whatever_the_engine_gives(blend):
    scan, insertion = make_scan(), make_insertion()
    result = fuse(scan, [insertion], ConstantEngine(0.2, blend))
    mask = covered_at(scan, insertion)
    np.testing.assert_array_equal(result[~mask], scan[~mask])
    assert (result[mask] != scan[mask]).any()


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_tip_equals_the_product_of_grey_levels_pixel_by_pixel(seed):
    scan, insertion = make_scan(seed), make_insertion(seed + 1)
    result = fuse(scan, [insertion])
    for row in range(insertion.alpha_HW.shape[0]):
        for column in range(insertion.alpha_HW.shape[1]):
            alpha = float(insertion.alpha_HW[row, column])
            through = 1 - alpha * (1 - insertion.transmission_HWC[row, column].astype(np.float64))
            expected = scan[row + 12, column + 10] * through
            assert np.abs(result[row + 12, column + 10] - expected).max() <= 0.5 + 1e-3


class ProductEngine(TipEngine):
    """A learned engine that has learned nothing but the product."""

    blend = "alpha"


def test_an_engine_that_gives_the_product_equals_tip_also_at_the_soft_rim():
    scan, insertion = make_scan(), make_insertion()
    learned = fuse(scan, [insertion], ProductEngine()).astype(int)
    assert np.abs(learned - fuse(scan, [insertion])).max() <= 1


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_tip_item_never_brightens(seed):
    scan = make_scan(seed)
    assert (fuse(scan, [make_insertion(seed + 1)]) <= scan).all()


def test_an_item_of_air_changes_nothing():
    insertion = make_insertion()
    insertion.transmission_HWC[:] = 1
    scan = make_scan()
    np.testing.assert_array_equal(fuse(scan, [insertion]), scan)


def test_the_order_of_tip_items_does_not_matter_beyond_rounding():
    scan, one, two = make_scan(), make_insertion(1), make_insertion(2, x_px=14, y_px=16)
    difference = fuse(scan, [one, two]).astype(int) - fuse(scan, [two, one])
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_type_and_shape_of_the_scan_are_kept(dtype, channels):
    scan = make_scan(channels=channels, dtype=dtype)
    air = np.full(channels, np.iinfo(dtype).max * 0.97)
    result = fuse(scan, [make_insertion()], air=air)
    assert (result.dtype, result.shape) == (scan.dtype, scan.shape)
    assert (result != scan).any()


def test_sixteen_bits_are_used_to_the_last():
    scan = np.full((40, 40), 50_000, np.uint16)
    insertion = make_insertion(channels=1)
    insertion.transmission_HWC[:] = 0.12345
    result = fuse(scan, [insertion], air=np.array([65_000.0]))
    assert result[20, 15] == round(50_000 * np.float32(0.12345))


def test_the_scan_handed_in_is_not_changed():
    scan = make_scan()
    before = scan.copy()
    fuse(scan, [make_insertion()])
    np.testing.assert_array_equal(scan, before)


def test_pixels_brighter_than_air_keep_their_level():
    scan = np.full((40, 40, 3), 255, np.uint8)
    insertion = make_insertion()
    insertion.transmission_HWC[:] = 0.5
    result = fuse(scan, [insertion], air=np.array([200.0, 200.0, 200.0]))
    assert set(np.unique(result[16:20, 14:18])) == {np.rint(255 * 0.5)}


def test_a_window_at_the_edge_is_clipped_to_the_scan():
    scan = make_scan()
    insertion = make_insertion(x_px=80 - 15, y_px=60 - 20)
    result = fuse(scan, [insertion])
    mask = covered_at(scan, insertion)
    np.testing.assert_array_equal(result[~mask], scan[~mask])


def test_each_round_takes_one_item_of_every_scan():
    engine = ConstantEngine(0.5, "support")
    scans = [make_scan(0), make_scan(1), make_scan(2)]
    fuse_in_rounds(scans, [AIR] * 3, [[make_insertion()], [], [make_insertion(), make_insertion(3)]], engine)
    assert [len(seen) for seen in engine.seen] == [2, 1]


@pytest.mark.parametrize(("reach_px", "shape"), [(None, (40, 31)), (0, (20, 15)), (3, (26, 21))])
def test_an_engine_sees_as_much_of_the_bag_as_it_says_that_it_needs(reach_px, shape):
    engine = ConstantEngine(0.5, "support", reach_px)
    scan, insertion = make_scan(), make_insertion(x_px=30, y_px=15)
    result = fuse(scan, [insertion], engine)
    assert engine.seen == [[shape]]
    assert ((result != scan).any(axis=2) <= covered_at(scan, insertion)).all()


def test_making_scans_together_equals_making_each_alone():
    scans = [make_scan(0), make_scan(1)]
    insertions = [[make_insertion(5)], [make_insertion(6), make_insertion(7, x_px=30)]]
    together = fuse_in_rounds(scans, [AIR] * 2, insertions, TipEngine())
    for scan, items, result in zip(scans, insertions, together, strict=True):
        np.testing.assert_array_equal(result, fuse(scan, items))


DEPTHS = [(np.uint8, 255.0), (np.uint16, 65535.0), (np.uint16, 4000.0)]


@pytest.mark.parametrize("blend", ["support", "alpha"])
@pytest.mark.parametrize(("dtype", "air"), DEPTHS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_what_an_engine_wants_brighter_reaches_also_black_pixels(blend, dtype, air, channels):
    """As a ratio alone black would stay black: holes under paint, and false colours where one channel is black."""
    scan = np.minimum(make_scan(channels=channels, dtype=dtype), dtype(air))
    scan[12:32:2, 10:25] = 0
    if channels > 1:
        scan[13:32:2, 10:25, 0] = 0
    insertion = make_insertion(channels=channels)
    insertion.alpha_HW[:] = 1
    result = fuse(scan, [insertion], ConstantEngine(0.75, blend), air=np.full(channels, air))
    # Nothing is told apart below a thousandth of air.
    np.testing.assert_allclose(result[12:32, 10:25], 0.75 * air, rtol=0, atol=0.5 + 1e-3 * air)


@pytest.mark.parametrize("blend", ["support", "alpha"])
@pytest.mark.parametrize(("dtype", "air"), DEPTHS)
def test_darkening_is_a_ratio_to_the_scans_own_levels_to_the_bit(blend, dtype, air):
    scan, insertion = make_scan(dtype=dtype), make_insertion()
    insertion.alpha_HW[:] = insertion.alpha_HW > 0.5
    levels = np.full(3, air)
    result = fuse(scan, [insertion], ConstantEngine(0.4, blend), air=levels)
    covered, seen = covered_at(scan, insertion), to_transmission(scan, levels)
    ratio = np.float32(0.4) / seen
    if blend == "alpha":
        item = np.ones_like(seen)
        item[12:32, 10:25] = 1 - insertion.alpha_HW[..., None] * (1 - insertion.transmission_HWC)
        ratio = item * (1 + np.float32(1) * (ratio / item - 1))
    is_darker = covered[..., None] & (ratio <= 1)
    assert is_darker.any()
    np.testing.assert_array_equal(result[is_darker], np.rint(ratio * scan).astype(dtype)[is_darker])


class UnchangedEngine(ConstantEngine):
    """Gives the bag back."""

    def fuse(self, regions):
        return [region.bag_HWC.copy() for region in regions]


@pytest.mark.parametrize(("dtype", "air"), DEPTHS)
def test_what_an_engine_leaves_alone_is_the_scans_to_the_bit_brighter_than_air_or_black(dtype, air):
    scan = make_scan(dtype=dtype)
    scan[12:20, 10:25] = 0
    levels = np.full(3, 0.8 * air)
    result = fuse(scan, [make_insertion()], UnchangedEngine(0, "support"), air=levels)
    np.testing.assert_array_equal(result, scan)


def test_brightening_goes_on_from_where_darkening_ends():
    """A little more light gives a little more grey at every level, at black and above air as well."""
    scan = np.arange(256, dtype=np.uint8).repeat(20)[None].repeat(20, axis=0)
    insertion = make_insertion(channels=1, hw=(20, 256 * 20), x_px=0, y_px=0)
    insertion.alpha_HW[:] = 1

    class Times(ConstantEngine):
        def fuse(self, regions):
            return [region.bag_HWC * np.float32(self.value) for region in regions]

    results = [
        fuse(scan, [insertion], Times(value, "support"), air=np.array([240.0])).astype(int)
        for value in np.linspace(0.9, 1.1, 21)
    ]
    steps = np.diff(results, axis=0)
    assert steps.min() >= 0
    assert steps.max() <= 1 + 0.01 * 255
