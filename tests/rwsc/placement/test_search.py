import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwsc.physics.phantoms import draw_item
from rwsc.placement.config import PlacementConfig
from rwsc.placement.ground import Ground
from rwsc.placement.placed import NoRoom
from rwsc.placement.priors import Observation, direction_of, learn_priors
from rwsc.placement.search import Search, pick
from rwsc.seeds import stream

WHOLE = np.ones((200, 200), bool)


class Block:
    label = "block"

    def __init__(self, height, width, cover=1.0):
        self.transmission_HWC = np.full((height, width, 3), 0.5, np.float32)
        self.alpha_HW = np.full((height, width), cover, np.float32)


def knife(size=60):
    return draw_item(np.random.default_rng(2), "knife", size)


@given(
    st.floats(0, 1, exclude_max=True),
    st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any),
)
def test_what_has_no_weight_is_never_picked(draw, weights):
    assert weights[pick(draw, weights)] > 0


def test_picks_follow_the_weights():
    draws = np.linspace(0, 1, 1000, endpoint=False)
    counts = np.bincount([pick(draw, (1, 0, 3)) for draw in draws], minlength=3)
    assert counts.tolist() == [250, 0, 750]


def observed(x, y, direction):
    return Observation(
        label="knife", bbox_xywh=(x - 15, y - 20, 30, 40), bag_xywh=(0, 0, 200, 200), direction_deg=direction
    )


def test_places_turns_and_sizes_follow_the_priors():
    priors = learn_priors([observed(150, 60, 120.0)] * 50)
    config = PlacementConfig(priors=priors)
    middles, turns, sizes = [], [], []
    for seed in range(150):
        placed = Search(Ground.of_region(WHOLE), config).place(stream(seed), 0, knife(), None)
        x, y, width, height = placed.bbox_xywh
        middles.append((x + width / 2, y + height / 2))
        turns.append(direction_of(placed.mask_HW)[0])
        sizes.append(placed.pose.scale)
    assert np.median(middles, axis=0) == pytest.approx([150, 60], abs=12)
    assert np.mean([118 <= turn <= 137 for turn in turns]) > 0.85
    own = np.hypot(*(np.ptp(side) + 1 for side in np.nonzero(knife().alpha_HW > 0)))
    assert np.median(sizes) == pytest.approx(50 / own, rel=0.02)


def test_turns_stay_where_rotation_is_off():
    priors = learn_priors([observed(100, 100, 120.0)] * 50)
    config = PlacementConfig(priors=priors, rotate=False)
    placed = Search(Ground.of_region(WHOLE), config).place(stream(0), 0, knife(), None)
    assert placed.pose.rotation_deg == 0


def test_a_full_bag_takes_no_more():
    search = Search(Ground.of_region(np.ones((40, 40), bool)), PlacementConfig(max_item_fraction=1))
    found = [search.place(stream(number), number, knife(36), None) for number in range(12)]
    refused = [each for each in found if isinstance(each, NoRoom)]
    assert refused
    assert "free pixels" in refused[-1].reason


def test_the_roomier_bag_is_drawn_more_often():
    small, large = np.zeros((200, 200), bool), np.zeros((200, 200), bool)
    small[:60, :60] = True
    large[80:] = True
    ground = Ground(1, [small, large])
    config = PlacementConfig(scale_min=0.3, scale_max=0.4)
    below = [Search(ground, config).place(stream(seed), 0, knife(), None).y_px >= 80 for seed in range(200)]
    assert 0.75 < np.mean(below) < 0.97


def test_an_item_of_which_nothing_is_left_is_refused_and_the_others_are_laid():
    specks = [Block(1, 1), Block(3, 3), Block(30, 30, cover=0.001), Block(30, 30, cover=0.3)]
    small = PlacementConfig(scale_min=0.05, scale_max=0.05)
    for speck in specks:
        search = Search(Ground.of_region(WHOLE), small)
        assert search.place(stream(0), 0, speck, None) == NoRoom("nothing of it is left at scale 0.05")
        assert not isinstance(search.place(stream(0), 1, knife(500), None), NoRoom)


@pytest.mark.parametrize("margin_px", [100, 5000])
def test_a_margin_that_no_bag_is_broad_enough_for_is_named(margin_px):
    config = PlacementConfig(edge_margin_px=margin_px)
    found = Search(Ground.of_region(WHOLE), config).place(stream(0), 0, knife(), None)
    assert isinstance(found, NoRoom)
    assert f"edge_margin_px ({margin_px})" in found.reason


def test_a_bag_of_a_cell_is_no_bag_to_lie_in():
    ground = Ground.of_scan(np.zeros((5, 1, 3), np.uint8), np.full(3, 255.0))
    assert isinstance(Search(ground, PlacementConfig()).place(stream(0), 0, Block(1, 1), None), NoRoom)
