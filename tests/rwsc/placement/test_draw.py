from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.air import estimate_air_level
from rwsc.physics.phantoms import ITEM_LABELS, draw_bag, draw_item, render
from rwsc.placement.draw import NoRoom, PlacementConfig, draw_num_items, draw_placements
from rwsc.placement.fit import shrink
from rwsc.placement.ground import Ground
from rwsc.placement.occlusion import occluded_fraction, occlusion_level
from rwsc.placement.placed import do_overlap
from rwsc.placement.pose import Pose, pose_item
from rwsc.seeds import stream

seeds = st.integers(0, 2**31)
AS_IT_IS = {"scale_min": 1, "scale_max": 1, "rotate": False, "flip": False, "edge_margin_px": 0}


@dataclass(frozen=True, eq=False)
class Block:
    """An item that is a block of one attenuation."""

    height: int
    width: int
    label: str = "block"

    @property
    def transmission_HWC(self):
        return np.full((self.height, self.width, 3), 0.5, np.float32)

    @property
    def alpha_HW(self):
        return np.ones((self.height, self.width), np.float32)


def disc_region(height=200, width=260):
    y, x = np.mgrid[:height, :width]
    return ((y - height / 2) / (height / 2 - 5)) ** 2 + ((x - width / 2) / (width / 2 - 5)) ** 2 < 1


def lay(rng, region, items, config, **more):
    return draw_placements(rng, Ground.of_region(region), items, config, **more)


def phantoms(seed, number, size=50):
    rng = np.random.default_rng(seed)
    return [draw_item(rng, ITEM_LABELS[int(rng.integers(len(ITEM_LABELS)))], size) for _ in range(number)]


def in_bag(placement, mask_HW, shape):
    whole = np.zeros(shape, bool)
    whole[placement.window] = mask_HW
    return whole


@settings(max_examples=40)
@given(seeds, st.integers(1, 4), st.booleans(), st.integers(0, 6))
def test_every_item_lies_inside_the_region_as_a_whole(seed, number, overlap, margin):
    region = disc_region()
    config = PlacementConfig(items_max=4, allow_overlap=overlap, edge_margin_px=margin)
    placements = lay(stream(seed), region, phantoms(seed, number), config)
    assert not isinstance(placements, NoRoom)
    allowed = shrink(region, margin)
    for placement in placements:
        covered = in_bag(placement, placement.posed.alpha_HW > 0, region.shape)
        assert covered.sum() == (placement.posed.alpha_HW > 0).sum()
        assert not (covered & ~allowed).any()


@settings(max_examples=25)
@given(seeds)
def test_items_do_not_overlap_unless_they_may(seed):
    region = disc_region(150, 150)
    items = phantoms(seed, 5, size=60)
    together = np.zeros(region.shape, int)
    for placement in lay(stream(seed), region, items, PlacementConfig(items_max=5)):
        together += in_bag(placement, placement.posed.alpha_HW > 0, region.shape)
    assert together.max() == 1


def test_items_overlap_where_they_may():
    config = PlacementConfig(items_min=2, items_max=2, allow_overlap=True, max_item_fraction=1, **AS_IT_IS)
    placed = lay(stream(0), np.ones((20, 20), bool), [Block(15, 15), Block(15, 15)], config)
    assert len(placed) == 2
    refused = lay(
        stream(0),
        np.ones((20, 20), bool),
        [Block(15, 15), Block(15, 15)],
        config.model_copy(update={"allow_overlap": False}),
    )
    assert isinstance(refused, NoRoom)
    assert "item 1: none of 8 poses fits into 175 free pixels" in refused.reason


@settings(max_examples=30)
@given(seeds)
def test_the_box_is_tight_around_the_mask(seed):
    region = disc_region()
    for placement in lay(stream(seed), region, phantoms(seed, 2), PlacementConfig(items_max=2)):
        mask = placement.mask_in(*region.shape)
        assert mask.sum() == (placement.posed.alpha_HW >= 0.5).sum()
        rows, columns = np.nonzero(mask)
        x, y, width, height = placement.bbox_xywh
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)
        assert all(isinstance(side, float) for side in placement.bbox_xywh)


@settings(max_examples=20)
@given(seeds)
def test_a_placement_can_be_made_again_from_its_pose(seed):
    items = phantoms(seed, 2)
    for placement in lay(stream(seed), disc_region(), items, PlacementConfig(items_max=2)):
        item = items[placement.item_index]
        again = pose_item(item.transmission_HWC, item.alpha_HW, Pose(**vars(placement.pose)))
        np.testing.assert_array_equal(again.alpha_HW, placement.posed.alpha_HW)
        np.testing.assert_array_equal(again.transmission_HWC, placement.posed.transmission_HWC)


def summary(placements):
    return [(place.item_index, place.pose, place.x_px, place.y_px) for place in placements]


@settings(max_examples=15)
@given(seeds)
def test_the_same_stream_draws_the_same_placements(seed):
    config, items = PlacementConfig(items_max=3), phantoms(seed, 3)
    one, two, other = (
        summary(lay(stream(key), disc_region(), items, config)) for key in (seed, seed, seed + 1)
    )
    assert one == two
    assert one != other


@settings(max_examples=20)
@given(seeds, st.integers(0, 4), st.integers(1, 10))
def test_a_draw_takes_a_fixed_count_of_numbers_whatever_comes_of_it(seed, number, tries):
    rng, reference = stream(seed), stream(seed)
    config = PlacementConfig(max_tries=tries)
    lay(rng, disc_region(30, 30), phantoms(seed, number), config)
    for _ in range(number):
        reference.integers(2**63)
    assert rng.random() == reference.random()


def test_positions_are_drawn_evenly_from_all_that_fit():
    region = np.zeros((12, 14), bool)
    region[2:8, 3:9] = True
    region[8:11, 3:5] = True
    config = PlacementConfig(max_item_fraction=1, **AS_IT_IS)
    rng = stream("even")
    drawn = [lay(rng, region, [Block(3, 2)], config)[0] for _ in range(2000)]
    counts = {}
    for placement in drawn:
        counts[placement.y_px, placement.x_px] = counts.get((placement.y_px, placement.x_px), 0) + 1
    fits = {(y, x) for y in range(10) for x in range(13) if region[y : y + 3, x : x + 2].all()}
    assert set(counts) == fits
    expected = 2000 / len(fits)
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_squared < len(fits) + 5 * np.sqrt(2 * len(fits))


@settings(max_examples=30)
@given(seeds, st.floats(0.3, 1), st.floats(0, 1))
def test_poses_stay_within_the_limits(seed, low, span):
    config = PlacementConfig(
        scale_min=low, scale_max=low + span, rotate=False, flip=False, max_item_fraction=0.5
    )
    item = phantoms(seed, 1)[0]
    drawn = lay(stream(seed), disc_region(), [item], config)
    if isinstance(drawn, NoRoom):
        assert max(item.alpha_HW.shape) * low > 0.5 * 250
        return
    pose = drawn[0].pose
    assert low <= pose.scale <= low + span
    assert (pose.rotation_deg, pose.flip) == (0, False)
    assert max(drawn[0].posed.alpha_HW.shape) <= 0.5 * 250 + 3


def test_rotation_and_mirroring_are_drawn_over_their_whole_range():
    rng, item = stream("range"), Block(6, 9)
    poses = [lay(rng, np.ones((40, 40), bool), [item], PlacementConfig())[0].pose for _ in range(300)]
    turns = np.array([pose.rotation_deg for pose in poses])
    assert np.histogram(turns, bins=4, range=(0, 360))[0].min() > 45
    assert 110 < sum(pose.flip for pose in poses) < 190
    scales = np.array([pose.scale for pose in poses])
    assert scales.min() < 0.85
    assert scales.max() > 1.15


def test_an_item_too_long_for_the_bag_is_left_out_with_a_reason():
    config = PlacementConfig(scale_min=0.5, max_item_fraction=0.4)
    drawn = lay(stream(0), np.ones((50, 100), bool), [Block(10, 120)], config)
    assert drawn == NoRoom("item 0: 60 px long at its smallest, the bag takes 40 px")


def test_an_item_that_fits_only_when_small_is_drawn_small():
    config = PlacementConfig(scale_min=0.2, scale_max=5, max_item_fraction=0.5, rotate=False)
    for seed in range(20):
        placed = lay(stream(seed), np.ones((100, 100), bool), [Block(40, 40)], config)
        assert placed[0].pose.scale <= 50 / 40


def test_an_empty_region_has_no_room():
    drawn = lay(stream(0), np.zeros((50, 50), bool), [Block(5, 5)], PlacementConfig())
    assert isinstance(drawn, NoRoom)


def test_an_item_without_room_does_not_keep_out_the_others():
    config = PlacementConfig(items_max=3)
    items = [Block(10, 10), Block(900, 900), Block(10, 10)]
    placed = lay(stream(0), disc_region(), items, config)
    assert [place.item_index for place in placed] == [0, 2]


def test_too_few_items_with_room_reject_the_bag():
    config = PlacementConfig(items_min=2, items_max=3)
    drawn = lay(stream(0), disc_region(), [Block(10, 10), Block(900, 900)], config)
    assert isinstance(drawn, NoRoom)
    assert drawn.reason.startswith("item 1: 540 px long at its smallest")


def test_no_items_are_no_placements():
    assert lay(stream(0), disc_region(), [], PlacementConfig()) == []


def test_the_region_is_left_alone():
    region = disc_region()
    before = region.copy()
    lay(stream(0), region, phantoms(0, 2), PlacementConfig(items_max=2))
    np.testing.assert_array_equal(region, before)


def test_the_number_of_items_is_drawn_evenly():
    rng, config = stream("number"), PlacementConfig(items_min=2, items_max=4)
    counts = np.bincount([draw_num_items(rng, config) for _ in range(900)], minlength=5)
    assert counts[:2].tolist() == [0, 0]
    assert counts[2:].min() > 230


def scan_of(seed, height=240, width=320):
    rng = np.random.default_rng(seed)
    return render(draw_bag(rng, height, width).transmission_HWC, rng, air_level=251)


def ground_of(seed):
    return Ground.of_scan(scan_of(seed), np.full(3, 251.0))


def test_placed_in_a_phantom_an_item_lies_on_the_bag():
    bag = draw_bag(np.random.default_rng(3), 240, 320)
    scan = render(bag.transmission_HWC, np.random.default_rng(3), air_level=251)
    ground = Ground.of_scan(scan, np.full(3, 251.0))
    for seed in range(5):
        for placement in draw_placements(stream(seed), ground, phantoms(seed, 1), PlacementConfig()):
            assert bag.body_HW[placement.mask_in(240, 320)].mean() > 0.98
            assert 0.5 <= placement.score <= 1


def test_an_item_lies_within_one_of_two_bags_that_touch():
    left, right = np.zeros((200, 120), bool), np.zeros((200, 120), bool)
    left[20:180, 10:60] = True
    right[20:180, 60:110] = True
    ground = Ground(1, [left, right])
    config = PlacementConfig(
        scale_min=0.9, scale_max=1.1, max_item_fraction=1, edge_margin_px=0, max_tries=20
    )
    used = set()
    for seed in range(40):
        (placement,) = draw_placements(stream(seed), ground, [Block(12, 40)], config)
        covered = in_bag(placement, placement.posed.alpha_HW > 0, left.shape)
        assert not (covered & ~left).any() or not (covered & ~right).any()
        used.add(bool(covered[:, :60].any()))
    assert used == {True, False}


def test_items_lie_on_each_other_as_often_as_asked():
    config = PlacementConfig(items_min=2, items_max=2, overlap_share=0.3)
    met = [
        do_overlap(*draw_placements(stream(seed), Ground.of_region(disc_region()), phantoms(1, 2), config))
        for seed in range(400)
    ]
    # Three standard deviations of 400 draws.
    assert abs(np.mean(met) - 0.3) < 3 * np.sqrt(0.3 * 0.7 / 400)


def test_none_lies_on_what_was_there_earlier():
    region = disc_region(150, 150)
    first = lay(stream(0), region, phantoms(0, 2, size=60), PlacementConfig(items_max=2))
    for seed in range(20):
        second = lay(stream(seed), region, phantoms(seed, 2, size=40), PlacementConfig(), earlier=first)
        assert isinstance(second, NoRoom) or not any(do_overlap(a, b) for a in first for b in second)


def half_dense(seed=0):
    """A wide bag, its left half dense, its right half pale; both noisy."""
    scan = np.full((300, 500, 3), 250, np.uint8)
    scan[40:260, 40:460] = 190
    scan[40:260, 40:240] = 60
    noise = np.random.default_rng(seed).normal(0, 3, scan.shape)
    return Ground.of_scan(np.clip(scan + noise, 0, 255).astype(np.uint8), np.full(3, 250.0))


def test_occlusion_levels_are_met_where_the_bag_allows_them():
    shares = np.array([0.5, 0.2, 0.3])
    config = PlacementConfig(occlusion_levels=tuple(shares), scale_max=1, min_score=0)
    ground, met, wanted = half_dense(), [], []
    for seed in range(600):
        (placement,) = draw_placements(stream(seed), ground, phantoms(seed, 1, size=70), config)
        bag = ground.content.transmission_in(placement.window)
        met.append(occlusion_level(occluded_fraction(placement.mask_HW, bag)))
        wanted.append(placement.level_wanted)
    assert np.mean(np.equal(met, wanted)) > 0.98
    found = np.bincount(met, minlength=4)[1:] / len(met)
    assert np.abs(found - shares).max() < 0.05


def test_a_level_that_a_bag_does_not_allow_is_told_from_the_one_it_has():
    pale = np.full((300, 400, 3), 250, np.uint8)
    pale[40:260, 40:360] = 200
    ground = Ground.of_scan(pale, np.full(3, 250.0))
    (placement,) = draw_placements(
        stream(1), ground, phantoms(1, 1), PlacementConfig(occlusion_levels=(0, 0, 1), min_score=0)
    )
    bag = ground.content.transmission_in(placement.window)
    assert placement.level_wanted == 3
    assert occlusion_level(occluded_fraction(placement.mask_HW, bag)) == 1


def test_a_place_below_the_least_score_is_refused_with_its_score():
    refused = draw_placements(
        stream(0), ground_of(0), phantoms(0, 1), PlacementConfig(min_score=1, max_tries=2)
    )
    assert isinstance(refused, NoRoom)
    assert "min_score is 1" in refused.reason


def test_counts_follow_their_weights_over_ten_thousand_draws():
    rng, config = stream("counts"), PlacementConfig(items_min=1, items_max=3, count_weights=(6, 0, 2))
    counts = np.bincount([draw_num_items(rng, config) for _ in range(10_000)], minlength=4)
    assert counts[2] == 0
    assert abs(counts[1] - 7500) < 4 * np.sqrt(10_000 * 0.75 * 0.25)


def test_a_scale_in_millimetres_is_kept():
    config = PlacementConfig(magnification_spread=0)
    for seed in range(5):
        (placement,) = lay(stream(seed), disc_region(), phantoms(seed, 1), config, physical_scales=[1.25])
        assert placement.pose.scale == pytest.approx(1.25)
    refused = lay(stream(0), disc_region(), phantoms(0, 1), config, physical_scales=[50.0])
    assert "mm_per_px scales it by 50, max_resample is 3" in refused.reason


def grounds_of_real_bags(real_scans, num_each):
    for origin, image in real_scans(num_each):
        ground = Ground.of_scan(image, estimate_air_level(image))
        if ground.bags:
            yield origin, image, ground


@pytest.mark.parametrize("num_draws", [600, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.long])])
def test_items_never_leave_real_bags(real_scans, num_draws):
    bags = list(grounds_of_real_bags(real_scans, 6 if num_draws < 1000 else 30))
    items = phantoms(0, 10, size=90)
    config = PlacementConfig(items_min=1, items_max=2, allow_overlap=True)
    drawn = seed = 0
    while drawn < num_draws:
        _, image, ground = bags[seed % len(bags)]
        pair = [items[seed % 10], items[(seed * 7 + 3) % 10]]
        placements = draw_placements(stream(seed), ground, pair, config)
        seed += 1
        assert seed < 4 * num_draws
        for placement in [] if isinstance(placements, NoRoom) else placements:
            drawn += 1
            covered = in_bag(placement, placement.posed.alpha_HW > 0, image.shape[:2])
            assert covered.sum() == (placement.posed.alpha_HW > 0).sum()
            inside = [np.kron(bag, np.ones([ground.cell_px] * 2, bool)) for bag in ground.bags]
            assert any(not covered[: each.shape[0], : each.shape[1]][~each].any() for each in inside)
            height, width = inside[0].shape
            assert not covered[height:].any()
            assert not covered[:, width:].any()


def test_levels_are_met_within_five_points_over_real_bags_that_allow_them(real_scans):
    bags = [ground for _, _, ground in grounds_of_real_bags(real_scans, 12)]
    dense = [ground.content.is_dense_HW[np.any(ground.bags, axis=0)].mean() for ground in bags]
    bags = [ground for ground, share in zip(bags, dense, strict=True) if 0.25 <= share <= 0.75]
    config = PlacementConfig(occlusion_levels=(1, 1, 1), scale_max=1)
    wanted, met = [], []
    for seed in range(240):
        ground = bags[seed % len(bags)]
        placements = draw_placements(stream(seed), ground, phantoms(seed, 1, size=80), config)
        for placement in [] if isinstance(placements, NoRoom) else placements:
            bag = ground.content.transmission_in(placement.window)
            met.append(occlusion_level(occluded_fraction(placement.mask_HW, bag)))
            wanted.append(placement.level_wanted)
    assert len(bags) > 10
    assert len(met) > 200
    shares = [np.bincount(levels, minlength=4)[1:] / len(levels) for levels in (wanted, met)]
    assert np.abs(shares[0] - shares[1]).max() < 0.05
