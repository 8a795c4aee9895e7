import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwsc.physics.phantom_scenes import OTHER, draw_bags, draw_scene
from rwsc.physics.phantoms import ITEM_LABELS

seeds = st.integers(0, 2**31)


@pytest.fixture(scope="module")
def bags():
    return draw_bags(2, 3)


@settings(max_examples=20)
@given(seeds)
def test_a_scene_is_its_bag_and_its_item_and_nothing_else(bags, seed):
    scene = draw_scene(np.random.default_rng(seed), bags)
    item_HWC = scene.attenuation_HWC - scene.without_item_HWC
    assert scene.attenuation_HWC.dtype == scene.without_item_HWC.dtype == scene.cover_HW.dtype == np.float32
    assert scene.attenuation_HWC.shape == scene.without_item_HWC.shape == (*scene.cover_HW.shape, 3)
    assert scene.without_item_HWC.min() >= 0
    assert item_HWC.min() >= 0
    assert (item_HWC[scene.cover_HW == 0] == 0).all()
    assert (item_HWC[scene.cover_HW > 0.5].max(axis=1) > 0).mean() > 0.95
    assert 0 <= scene.cover_HW.min() <= scene.cover_HW.max() <= 1
    assert scene.label in (*ITEM_LABELS, OTHER)


@settings(max_examples=20)
@given(seeds)
def test_the_box_is_tight_around_the_item(bags, seed):
    scene = draw_scene(np.random.default_rng(seed), bags)
    x, y, w, h = scene.bbox_xywh
    inside_HW = scene.cover_HW[y : y + h, x : x + w]
    assert inside_HW.shape == (h, w)
    assert inside_HW.sum() == pytest.approx(scene.cover_HW.sum())
    for side in (inside_HW[0], inside_HW[-1], inside_HW[:, 0], inside_HW[:, -1]):
        assert side.max() > 0.3


def test_the_same_seed_draws_the_same_scene_and_another_another(bags):
    one, again, other = (draw_scene(np.random.default_rng(seed), bags) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.attenuation_HWC, again.attenuation_HWC)
    np.testing.assert_array_equal(one.cover_HW, again.cover_HW)
    assert (one.bbox_xywh, one.label) == (again.bbox_xywh, again.label)
    assert one.attenuation_HWC.tobytes() != other.attenuation_HWC.tobytes()


def test_drawing_scenes_leaves_the_bags_as_they_are(bags):
    before = [bag.copy() for bag in bags]
    for seed in range(5):
        draw_scene(np.random.default_rng(seed), bags)
    for bag, old in zip(bags, before, strict=True):
        np.testing.assert_array_equal(bag, old)


def test_a_bag_does_not_depend_on_how_many_are_drawn(bags):
    for one, other in zip(draw_bags(2, 2), bags, strict=False):
        assert one.dtype == np.float16
        np.testing.assert_array_equal(one, other)
    assert draw_bags(3, 1)[0].tobytes() != bags[0].tobytes()
    assert all(240 <= side < 520 for bag in bags for side in bag.shape[:2])
    assert all(bag.min() >= 0 and bag.max() > 0.5 for bag in bags)


def test_items_are_as_long_as_was_asked_for(bags):
    lengths = {}
    for size_px in ((40, 41), (160, 161)):
        scenes = [draw_scene(np.random.default_rng(seed), bags, size_px=size_px) for seed in range(12)]
        lengths[size_px[0]] = np.median([np.hypot(*scene.bbox_xywh[2:]) for scene in scenes])
    assert lengths[160] / lengths[40] == pytest.approx(4, rel=0.35)


def test_most_items_lie_over_matter_and_of_all_kinds(bags):
    scenes = [draw_scene(np.random.default_rng(seed), bags, size_px=(36, 60)) for seed in range(80)]
    density = [scene.without_item_HWC[scene.cover_HW > 0.5].mean() for scene in scenes]
    assert np.mean(np.array(density) > 0.05) > 0.7
    assert {scene.label for scene in scenes} == {*ITEM_LABELS, OTHER}
