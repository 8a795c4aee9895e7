from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.items.config import ItemsConfig
from rwsc.items.extract import Cut, extract_item
from rwsc.items.quality import Evidence, Quality, gate, measure
from rwsc.items.unmix import dilate

from .conftest import item_mask

CONFIG = ItemsConfig()
SIDE = 130
GOOD = Quality(
    area_px=2000, side_px=30, fill_ratio=0.5, frame_share=0, mean_attenuation=1, rim_contrast=1, lost_share=0,
    num_pieces=1, outside_box_share=0, bag_attenuation=0.4, clutter=0.2, residual_bag=0, confidence=0.9,
)  # fmt: skip


def cut(attenuation_HW, mask_HW, *, config=CONFIG, method="mask_unmixed", **options):
    """Cut what lies under a mask out of a scan of one channel and measure it."""
    attenuation_HW1 = attenuation_HW[..., None].astype(np.float32)
    return extract_item(attenuation_HW1, Cut(mask_HW=mask_HW, method=method, **options), config).quality


def block(top, bottom, left, right):
    mask_HW = np.zeros((SIDE, SIDE), bool)
    mask_HW[top:bottom, left:right] = True
    return mask_HW


def evidence(mask_HW, item_HW, bag_HW, **changes):
    """What there is to measure where the scan is the item and the bag together."""
    given = {
        "scan_HWC": (item_HW + bag_HW)[..., None].astype(np.float32),
        "item_HWC": item_HW[..., None].astype(np.float32),
        "bag_HWC": bag_HW[..., None].astype(np.float32),
        "mask_HW": mask_HW,
        "hidden_HW": dilate(mask_HW, 4),
        "continuation_error": 0.2,
        "is_frame_HW": np.pad(np.zeros((SIDE - 2, SIDE - 2), bool), 1, constant_values=True),
        "in_box_HW": np.ones((SIDE, SIDE), bool),
    }
    return measure(Evidence(**given | changes), confidence=0.7)


def test_the_measures_of_a_block_are_its_own():
    mask_HW = block(40, 60, 30, 70)
    mask_HW[40:50, 30:50] = False
    quality = evidence(mask_HW, 0.8 * mask_HW, np.full((SIDE, SIDE), 0.3))
    assert (quality.area_px, quality.side_px, quality.num_pieces) == (600, 20, 1)
    assert quality.fill_ratio == pytest.approx(600 / 800)
    assert quality.mean_attenuation == pytest.approx(0.8)
    assert quality.rim_contrast == pytest.approx(0.8)
    assert quality.bag_attenuation == pytest.approx(0.3)
    assert quality.clutter == pytest.approx(0, abs=1e-6)
    assert (quality.frame_share, quality.lost_share, quality.outside_box_share) == (0, 0, 0)
    assert quality.residual_bag == pytest.approx(0.2 / 0.8)
    assert quality.confidence == 0.7


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.sampled_from(["given", "threshold", "mask_unmixed", "box_unmixed"]))
def test_whatever_is_cut_out_has_measures_in_their_range(seed, method):
    rng = np.random.default_rng(seed)
    mask_HW = rng.random((40, 50)) < rng.choice([0.02, 0.5, 1])
    mask_HW[rng.integers(40), rng.integers(50)] = True
    attenuation_HW = rng.uniform(0, 7, (40, 50)) * rng.choice([0, 1])
    quality = cut(attenuation_HW, mask_HW, method=method, bbox_xywh=(5.0, 5.0, 20.0, 20.0))
    values = asdict(quality)
    assert all(np.isfinite(value) for value in values.values())
    for name in ("fill_ratio", "frame_share", "lost_share", "outside_box_share"):
        assert 0 <= values[name] <= 1
    assert quality.num_pieces >= 1
    for name in ("clutter", "residual_bag", "bag_attenuation", "mean_attenuation"):
        assert values[name] >= 0


def stripes(low, high, width_px):
    """A bag of stripes across."""
    is_high_W = (np.arange(SIDE) // width_px) % 2 == 1
    return np.broadcast_to(np.where(is_high_W, high, low), (SIDE, SIDE)).astype(float)


def test_a_bag_that_cannot_be_foreseen_leaves_some_of_itself_and_a_smooth_one_nothing():
    mask_HW = item_mask(SIDE, SIDE)
    slope_HW = np.broadcast_to(0.2 + 0.8 * np.arange(SIDE) / SIDE, (SIDE, SIDE))
    assert cut(slope_HW + mask_HW, mask_HW).residual_bag < 0.1
    assert cut(stripes(0.2, 1.0, 12) + mask_HW, mask_HW).residual_bag > 0.3
    # On air there is no bag, whatever lies beside the item.
    assert cut(stripes(0.2, 1.0, 12) + mask_HW, mask_HW, method="given").residual_bag == 0


def test_what_is_left_of_the_bag_counts_by_the_item():
    mask_HW = item_mask(SIDE, SIDE)
    shares = [cut(stripes(0.2, 0.6, 12) + own * mask_HW, mask_HW).residual_bag for own in (1, 2, 4)]
    assert shares[0] > 1.6 * shares[1] > 2.5 * shares[2] > 0


def test_loss_is_measured_in_the_channel_in_which_the_item_shows_most(made_up):
    scan = made_up(0)
    scan.image[..., 2] = 40  # says nothing of the item, but its strongest channel does
    cut_out = extract_item(scan.attenuation_HWC, Cut(mask_HW=scan.mask_HW, method="mask_unmixed"), CONFIG)
    assert cut_out.quality.lost_share < 0.05


def test_an_item_that_cannot_be_told_from_its_bag_is_lost():
    quality = cut(np.full((SIDE, SIDE), 1.4), item_mask(SIDE, SIDE))
    assert quality.lost_share == 1
    assert quality.rim_contrast == pytest.approx(0, abs=1e-6)


def test_an_item_cut_off_by_the_picture_is_measured_so(made_up):
    scan = made_up(0)
    whole, cut_off = (
        extract_item(
            scan.attenuation_HWC[:, left:], Cut(mask_HW=scan.mask_HW[:, left:], method="mask_unmixed"), CONFIG
        ).quality
        for left in (0, 45)
    )
    assert whole.frame_share == 0
    assert cut_off.frame_share > CONFIG.max_frame_share
    assert whole.area_px == scan.mask_HW.sum()
    assert whole.side_px == 51


def test_a_loose_mask_that_reaches_the_edge_over_air_is_not_cut_off():
    attenuation_HW = 0.9 * item_mask(SIDE, SIDE)
    assert cut(attenuation_HW, block(39, 91, 0, SIDE), method="given").frame_share == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"side_px": 11}, "too small: 11 px across, least is 12"),
        ({"area_px": 149}, "too small: 149 pixels, least is 150"),
        ({"frame_share": 0.3}, "cut off by the picture's edge: 30% of its outline, most is 2%"),
        ({"outside_box_share": 0.5}, "cut off by its box: 50% of it lies outside, most is 12%"),
        ({"num_pieces": 3}, "several pieces: 3, most is 2"),
        ({"mean_attenuation": 0.05}, "no contrast: attenuation 0.050, least is 0.1"),
        ({"rim_contrast": -0.2}, "no outline: contrast -0.200 at the rim, least is 0.05"),
        ({"confidence": 0.31}, "doubtful outline: confidence 0.31, least is "),
        ({"lost_share": 0.8}, "lost in its bag: 80% of it cannot be told apart, most is 15%"),
        ({"clutter": 1.5}, "clutter: attenuation around it varies by 1.50, most is 1.0"),
        (
            {"residual_bag": 0.9},
            "residual bag: what lies under it is known to 90% of its own attenuation, most is 50%",
        ),
    ],
)
def test_the_gate_says_what_is_not_good_enough(change, reason):
    assert gate(GOOD, CONFIG) is None
    found = gate(replace(GOOD, **change), CONFIG)
    assert found is not None
    assert found.startswith(reason)


def chequers(low, high, width_px):
    is_high_W = (np.arange(SIDE) // width_px) % 2 == 1
    return np.where(is_high_W[:, None] ^ is_high_W, high, low).astype(float)


PISTOL_HW = item_mask(SIDE, SIDE)
EVEN_HW = np.full((SIDE, SIDE), 0.3)
RODS_HW = block(30, 50, 20, 100) | block(60, 80, 20, 100) | block(90, 110, 20, 100)
PLANTED = {
    "nothing": (lambda: cut(EVEN_HW + PISTOL_HW, PISTOL_HW), None),
    "too thin": (lambda: cut(EVEN_HW + block(50, 60, 20, 100), block(50, 60, 20, 100)), "too small"),
    "too few pixels": (lambda: cut(EVEN_HW + block(50, 62, 20, 32), block(50, 62, 20, 32)), "too small"),
    "at the edge": (
        lambda: cut((EVEN_HW + PISTOL_HW)[:, 45:], PISTOL_HW[:, 45:]),
        "cut off by the picture's edge",
    ),
    "out of its box": (
        lambda: cut(EVEN_HW + PISTOL_HW, PISTOL_HW, method="box_unmixed", bbox_xywh=(30.0, 40.0, 35.0, 51.0)),
        "cut off by its box",
    ),
    "in pieces": (lambda: cut(EVEN_HW + RODS_HW, RODS_HW), "several pieces"),
    "faint": (lambda: cut(EVEN_HW + 0.07 * PISTOL_HW, PISTOL_HW), "no contrast"),
    "loosely outlined": (
        lambda: cut(2.0 * block(50, 80, 40, 90), block(44, 86, 34, 96), method="given"),
        "no outline",
    ),
    "doubtful": (lambda: cut(EVEN_HW + PISTOL_HW, PISTOL_HW, confidence=0.1), "doubtful outline"),
    "under much more": (lambda: cut(2.0 + 0.3 * PISTOL_HW, PISTOL_HW), "lost in its bag"),
    "in clutter": (lambda: cut(stripes(0, 2.6, 9) + 6.0 * PISTOL_HW, PISTOL_HW), "clutter"),
    "on a chequered bag": (lambda: cut(chequers(0, 1.3, 5) + PISTOL_HW, PISTOL_HW), "residual bag"),
}


@pytest.mark.parametrize("defect", PLANTED)
def test_each_defect_that_is_planted_is_named(defect):
    plant, reason = PLANTED[defect]
    found = gate(plant(), CONFIG)
    assert (found and found.split(":")[0]) == reason


@pytest.mark.parametrize(
    ("setting", "value", "change"),
    [
        ("max_pieces", 3, {"num_pieces": 3}),
        ("min_confidence", 0.1, {"confidence": 0.2}),
        ("max_clutter", 3, {"clutter": 2}),
        ("max_residual_bag", 1, {"residual_bag": 1}),
        ("max_outside_box_share", 1, {"outside_box_share": 1}),
    ],
)
def test_a_limit_that_is_relaxed_lets_more_through(setting, value, change):
    quality = replace(GOOD, **change)
    assert gate(quality, CONFIG) is not None
    assert gate(quality, ItemsConfig(**{setting: value})) is None
