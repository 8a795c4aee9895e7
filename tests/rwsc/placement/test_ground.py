import cv2
import numpy as np
import pytest

from rwsc.physics.bag_region import bag_region
from rwsc.physics.bag_split import split_region
from rwsc.physics.phantoms import draw_bag, render
from rwsc.physics.transmission import to_transmission
from rwsc.placement.ground import Ground
from rwsc.placement.occlusion import luminance

AIR = np.full(3, 251.0)


def two_bags_that_touch():
    scan = np.full((400, 900, 3), 251, np.uint8)
    scan[60:340, 60:400] = 120
    scan[80:330, 470:840] = 100
    scan[170:230, 390:480] = 110
    return scan


def inside(ground, number=0):
    return np.kron(ground.bags[number], np.ones([ground.cell_px] * 2, bool))


@pytest.mark.parametrize(("height", "width"), [(240, 300), (600, 500), (800, 1000)])
def test_the_ground_of_a_phantom_is_its_body(height, width):
    rng = np.random.default_rng(5)
    bag = draw_bag(rng, height, width)
    ground = Ground.of_scan(render(bag.transmission_HWC, rng, air_level=251), AIR)
    assert len(ground.bags) == 1
    region = inside(ground)
    body = bag.body_HW[: region.shape[0], : region.shape[1]]
    assert (region & ~body).sum() < 0.05 * region.sum()
    assert (region & body).sum() > 0.9 * body.sum()


def test_bags_that_touch_are_two():
    ground = Ground.of_scan(two_bags_that_touch(), AIR)
    assert len(ground.bags) == 2
    assert not (ground.bags[0] & ground.bags[1]).any()
    assert sorted(round(box[0] * ground.cell_px / 10) for box in ground.boxes) == pytest.approx(
        [6, 45], abs=3
    )


def test_an_empty_belt_has_no_bags():
    assert not Ground.of_scan(np.full((90, 120, 3), 251, np.uint8), AIR).bags


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3000, 3), (3000, 2), (31, 33)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_scans_of_odd_shapes_have_a_ground(shape, kind):
    air = np.full(shape[2] if len(shape) == 3 else 1, 250.0)
    assert not Ground.of_scan(np.full(shape, 250, kind), air).bags
    assert Ground.of_scan(np.full(shape, 100, kind), air).cell_px >= 1


def test_two_energies_are_seen_by_the_lower_one():
    scan = np.full((200, 300, 2), 60000, np.uint16)
    scan[40:160, 50:250] = (20000, 30000)
    ground = Ground.of_scan(scan, np.array([60000.0, 60000.0]))
    assert len(ground.bags) == 1
    assert ground.content.transmission_HW[ground.bags[0]].mean() == pytest.approx(1 / 3, rel=0.02)


def test_a_region_keeps_only_whole_cells():
    region = np.zeros((450, 450), bool)
    region[100:200, 103:200] = True
    ground = Ground.of_region(region)
    assert ground.cell_px == 3
    whole = inside(ground)
    assert not (whole & ~region[: whole.shape[0], : whole.shape[1]]).any()
    assert whole.sum() > 0.9 * region.sum()
    assert not Ground.of_region(np.zeros((20, 20), bool)).bags


def test_dense_cells_and_slopes_are_where_the_scan_has_them():
    ground = Ground.of_scan(two_bags_that_touch(), AIR)
    content = ground.content
    assert content.is_dense_HW[ground.bags[0] | ground.bags[1]].mean() > 0.95
    assert not content.is_dense_HW[0].any()
    edge = 60 // ground.cell_px
    middle = 200 // ground.cell_px
    across = content.slopes[0][middle]
    assert across[: 2 * edge].argmax() == pytest.approx(edge, abs=1)
    assert across.max() > 0.1


def test_a_window_is_seen_to_the_pixel():
    scan = two_bags_that_touch()
    under = Ground.of_scan(scan, AIR).content.transmission_in((slice(55, 65), slice(60, 70)))
    np.testing.assert_allclose(under[:5], 1)
    np.testing.assert_allclose(under[5:], 120 / 251, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1000, 800, 3), (403, 260), (5, 1601, 3), (201, 7, 2)])
def test_cells_hold_the_mean_of_their_pixels(dtype, shape):
    scan = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)
    for view in (scan, scan[::-1], scan[:, ::-1]):
        ground = Ground.of_scan(view, np.full(shape[2:] or (1,), float(np.iinfo(dtype).max)))
        cell_px = ground.cell_px
        rows, columns = (side // cell_px for side in shape[:2])
        cells = view[: rows * cell_px, : columns * cell_px].reshape(rows, cell_px, columns, cell_px, -1)
        seen = luminance(cells.mean(axis=(1, 3), dtype=np.float64).astype(np.float32) / np.iinfo(dtype).max)
        np.testing.assert_allclose(
            ground.content.transmission_HW, seen.reshape(rows, columns), atol=1.01 / np.iinfo(dtype).max
        )


def test_bags_are_those_of_the_reduced_picture():
    shares = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        height, width = (int(side) for side in rng.integers(420, 1000, 2))
        scan = render(draw_bag(rng, height, width).transmission_HWC, rng, air_level=251)
        ground = Ground.of_scan(scan, AIR)
        cell_px = ground.cell_px
        rows, columns = (side // cell_px for side in scan.shape[:2])
        small = cv2.resize(
            scan[: rows * cell_px, : columns * cell_px], (columns, rows), interpolation=cv2.INTER_AREA
        )
        expected = np.any(split_region(bag_region(to_transmission(small, AIR))), axis=0)
        found = np.any(ground.bags, axis=0)
        shares.append((found & expected).sum() / (found | expected).sum())
    assert min(shares) > 0.97
    assert np.mean(shares) > 0.995
