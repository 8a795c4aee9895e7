import numpy as np
import pytest

from rwsc.corpus.prepare import prepare
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.match import MatchConfig
from rwsc.fusion.tip import TipEngine
from rwsc.physics.transmission import to_transmission

AIR = np.full(3, 60_000.0)


def noisy_bag(seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(0.6 + 0.03 * rng.standard_normal((160, 180, 3)), 0.01, 1).astype(np.float32)


def noisy_scan():
    return (noisy_bag() * AIR).astype(np.uint16)


def thing(x_px, y_px, transmission=0.5, hw=(60, 70)):
    alpha_HW = np.zeros(hw, np.float32)
    alpha_HW[2:-2, 2:-2] = 1
    return Insertion(
        transmission_HWC=np.full((*hw, 3), transmission, np.float32),
        alpha_HW=alpha_HW,
        x_px=x_px,
        y_px=y_px,
    )


def ready(*own, harmless=(), scan=None, seed=1, is_empty=False, engine="tip"):
    scan = noisy_scan() if scan is None else scan
    air = AIR if scan.ndim == 3 else AIR[:1]
    return prepare(own, harmless, scan=scan, air_level=air, is_empty=is_empty, engine=engine, seed=seed)


def fuse(insertions, match):
    scan = noisy_scan()
    return scan, fuse_in_rounds([scan], [AIR], [insertions], TipEngine(), match=match)[0]


def test_every_thing_has_a_seed_of_its_own_from_the_images():
    things = [thing(5, 5), thing(5, 5)]
    seeds = [each.seed for each in ready(*things, harmless=[thing(80, 80)])]
    assert len({*seeds, *(each.seed for each in ready(*things, seed=2))}) == 5
    assert [each.seed for each in ready(*things, harmless=[thing(80, 80)])] == seeds
    _, one = fuse(ready(things[0]), MatchConfig(noise=True))
    _, other = fuse(ready(things[0], seed=2), MatchConfig(noise=True))
    assert (one != other).any()
    np.testing.assert_array_equal(*(fuse(ready(things[0], seed=seed), None)[1] for seed in (1, 2)))


def test_matter_is_left_as_it_is():
    item, harmless = thing(5, 5), thing(80, 80, 0.7)
    for before, after in zip([item, harmless], ready(item, harmless=[harmless]), strict=True):
        assert after.transmission_HWC is before.transmission_HWC
        assert (after.x_px, after.y_px) == (before.x_px, before.y_px)


@pytest.mark.parametrize("engine", ["tip", "poisson", "rwsc"])
def test_no_matter_is_air_under_the_same_cover(engine):
    item, harmless = thing(5, 5), thing(80, 80)
    empty, seen = ready(item, harmless=[harmless], is_empty=True, engine=engine)
    assert (empty.transmission_HWC == 1).all()
    assert (empty.x_px, empty.y_px) == (5, 5)
    assert empty.alpha_HW is item.alpha_HW
    assert seen.transmission_HWC is harmless.transmission_HWC


def test_no_matter_leaves_the_bag_as_it_is_to_the_bit_even_when_matched():
    scan, empty = fuse(ready(thing(5, 5), thing(90, 60), is_empty=True), MatchConfig(noise=True))
    np.testing.assert_array_equal(empty, scan)


def test_no_matter_is_the_bag_itself_for_an_engine_that_paints():
    scan = noisy_scan()
    bag = to_transmission(scan, AIR)
    (empty,) = ready(thing(7, 9), scan=scan, is_empty=True, engine="alpha")
    np.testing.assert_array_equal(empty.transmission_HWC, bag[9:69, 7:77])
    (gray,) = ready(thing(7, 9), scan=scan[..., 0], is_empty=True, engine="alpha")
    np.testing.assert_array_equal(gray.transmission_HWC, bag[9:69, 7:77, :1])
