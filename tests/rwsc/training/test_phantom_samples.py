import numpy as np
import pytest

from rwsc.physics.transmission import DEFAULT_FLOOR
from rwsc.training.phantom_samples import PhantomSource
from rwsc.training.samples import SampleConfig

CONFIG = SampleConfig(crop_px=48)
ARRAYS = ("item_CHW", "bag_CHW", "mask_1HW", "truth_CHW")


@pytest.fixture(scope="module")
def source():
    return PhantomSource(3, config=CONFIG, seed=0)


@pytest.fixture(scope="module")
def samples(source):
    return [source.draw(index) for index in range(24)]


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)


def test_a_sample_does_not_depend_on_what_was_drawn_before(samples):
    assert same(PhantomSource(3, config=CONFIG, seed=0).draw(5), samples[5])


@pytest.mark.parametrize("change", [{"seed": 1}, {"name": "validation"}])
def test_samples_of_other_seeds_and_names_differ(samples, change):
    assert not same(PhantomSource(3, config=CONFIG, **{"seed": 0, **change}).draw(5), samples[5])


def test_shapes_types_and_ranges(samples):
    for sample in samples:
        assert sample.mask_1HW.shape == (1, 48, 48)
        for name in ARRAYS:
            array = getattr(sample, name)
            assert array.dtype == np.float32
            assert array.flags.c_contiguous
            assert array.max() <= 1
            if name != "mask_1HW":
                assert array.shape == (3, 48, 48)
                assert array.min() >= np.float32(DEFAULT_FLOOR)


def test_every_crop_holds_a_part_of_the_item_and_it_lies_on_air(samples):
    for sample in samples:
        assert sample.mask_1HW.max() >= 0.5
        assert (sample.item_CHW[:, sample.mask_1HW[0] == 0] == 1).all()


def test_the_truth_is_the_bag_off_the_item_and_darker_than_either_under_it(samples):
    off, under_bag, under_item = [], [], []
    for sample in samples:
        luma, bag, item = (
            getattr(sample, name).mean(axis=0) for name in ("truth_CHW", "bag_CHW", "item_CHW")
        )
        inside = sample.mask_1HW[0] == 1
        # Blur and the console's hue reach a few pixels over the rim.
        rows, columns = np.nonzero(sample.mask_1HW[0])
        far = np.ones_like(inside)
        far[max(0, rows.min() - 6) : rows.max() + 7, max(0, columns.min() - 6) : columns.max() + 7] = False
        off.append(np.abs(luma - bag)[far])
        under_bag.append((bag - luma)[inside])
        under_item.append((item - luma)[inside])
    assert np.mean(np.concatenate(off)) < 0.01
    assert np.concatenate(off).size > 1000
    for under in (under_bag, under_item):
        assert np.mean(np.concatenate(under) > -0.03) > 0.98


def test_phantoms_in_turn_are_one_for_each_sample_and_are_those_of_random_draws():
    whole = SampleConfig(crop_px=440)  # a crop is the whole phantom, turned: its level names the phantom
    levels = {}
    for in_turn in (True, False):
        some = PhantomSource(8, config=whole, seed=0, in_turn=in_turn)
        levels[in_turn] = [round(float(some.draw(index).bag_CHW.mean()), 4) for index in range(16)]
    assert len(set(levels[True][:8])) == 8
    assert levels[True][8:] == levels[True][:8]
    assert set(levels[False]) < set(levels[True])


def test_crops_of_one_phantom_are_turned_and_mirrored(source):
    one = PhantomSource(1, config=SampleConfig(crop_px=400), seed=0)
    found = {one.draw(index).bag_CHW[:, ::40, ::40].tobytes() for index in range(60)}
    assert len(found) >= 8


def test_empty_samples_ask_for_the_bag():
    source = PhantomSource(1, config=SampleConfig(crop_px=32, empty_share=0.5), seed=0)
    empty = [sample for sample in map(source.draw, range(40)) if not sample.mask_1HW.any()]
    assert 8 < len(empty) < 32
    for sample in empty:
        assert (sample.item_CHW == 1).all()
        np.testing.assert_array_equal(sample.truth_CHW, sample.bag_CHW)


def test_a_crop_larger_than_a_phantom_makes_larger_phantoms():
    sample = PhantomSource(1, config=SampleConfig(crop_px=500), seed=0).draw(0)
    assert sample.bag_CHW.shape == (3, 500, 500)


def test_each_phantom_has_a_console_of_its_own_which_shows_bag_item_and_truth_alike(source):
    varied = PhantomSource(3, config=CONFIG.model_copy(update={"vary_console": True}), seed=0)
    changes = {}
    for index in range(24):
        plain, shown = source.draw(index), varied.draw(index)
        np.testing.assert_array_equal(plain.mask_1HW, shown.mask_1HW)
        off = plain.mask_1HW[0] == 0
        assert np.abs(shown.truth_CHW - shown.bag_CHW)[:, off].mean() < 0.03  # one console for both
        change = (shown.bag_CHW - plain.bag_CHW).mean()
        changes.setdefault(round(float(change), 2), index)
    assert len(changes) > 2
