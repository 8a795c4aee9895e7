from dataclasses import dataclass

import numpy as np
import pytest

from rwsc.training.samples import BagScan, SampleConfig, SampleSource


@dataclass
class FakeItem:
    transmission_HWC: np.ndarray
    alpha_HW: np.ndarray


def make_items(channels=3):
    alpha_HW = np.zeros((24, 40), np.float32)
    alpha_HW[4:20, 4:36] = 1
    return [FakeItem(np.full((24, 40, channels), value, np.float32), alpha_HW) for value in (0.3, 0.6)]


def make_bag(index, hw=(90, 120), gray=False):
    shape = hw if gray else (*hw, 3)
    image = np.random.default_rng(index).integers(60, 200, shape, dtype=np.uint8)
    return BagScan(image, np.full(1 if gray else 3, 250.0))


def make_source(config=None, load=make_bag, items=None, seed=0, name="train"):
    return SampleSource(
        items or make_items(), load, 3, config=config or SampleConfig(crop_px=48), seed=seed, name=name
    )


def test_a_sample_is_the_same_in_every_source_of_the_same_seed():
    for one, other in zip(
        (make_source().draw(5).item_CHW, make_source().draw(5).bag_CHW, make_source().draw(5).mask_1HW),
        (make_source().draw(5).item_CHW, make_source().draw(5).bag_CHW, make_source().draw(5).mask_1HW),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_samples_of_other_numbers_seeds_and_names_differ():
    base = make_source().draw(5).bag_CHW
    for other in (make_source().draw(6), make_source(seed=1).draw(5), make_source(name="validation").draw(5)):
        assert not np.array_equal(base, other.bag_CHW)


def test_shapes_types_and_ranges():
    for index in range(20):
        sample = make_source().draw(index)
        assert sample.item_CHW.shape == sample.bag_CHW.shape == (3, 48, 48)
        assert sample.mask_1HW.shape == (1, 48, 48)
        for array in (sample.item_CHW, sample.bag_CHW, sample.mask_1HW):
            assert array.dtype == np.float32
            assert array.min() >= 0
            assert array.max() <= 1


def test_the_item_lies_on_air():
    for index in range(20):
        sample = make_source().draw(index)
        outside = np.broadcast_to(sample.mask_1HW == 0, sample.item_CHW.shape)
        assert (sample.item_CHW[outside] == 1).all()
        assert sample.mask_1HW.max() == 1


def test_an_item_larger_than_the_crop_is_shrunk_into_it():
    config = SampleConfig(crop_px=16, max_item_share=0.5)
    for index in range(10):
        mask = make_source(config).draw(index).mask_1HW[0] > 0
        assert 0 < np.ptp(np.flatnonzero(mask.any(axis=0))) < 16


def test_empty_samples_come_in_the_share_asked_for():
    config = SampleConfig(crop_px=24, empty_share=0.5)
    empty = [make_source(config).draw(index).mask_1HW.max() == 0 for index in range(60)]
    assert 15 < sum(empty) < 45


def test_a_crop_with_bag_is_preferred_to_air():
    def half_empty(index):
        bag = make_bag(index)
        bag.image[:, :100] = 250
        return bag

    config = SampleConfig(crop_px=16, min_bag_share=0.9)
    share = np.mean([(make_source(config, half_empty).draw(i).bag_CHW < 0.95).mean() for i in range(40)])
    blind = SampleConfig(crop_px=16, min_bag_share=0.0)
    assert share > 1.5 * np.mean(
        [(make_source(blind, half_empty).draw(i).bag_CHW < 0.95).mean() for i in range(40)]
    )


def test_a_bag_smaller_than_the_crop_is_set_on_air():
    sample = make_source(load=lambda index: make_bag(index, hw=(20, 30))).draw(0)
    assert (sample.bag_CHW[:, 20:, :] == 1).all()
    assert (sample.bag_CHW[:, :, 30:] == 1).all()


def test_gray_bags_and_items_become_three_equal_channels():
    source = make_source(load=lambda index: make_bag(index, gray=True), items=make_items(channels=1))
    sample = source.draw(2)
    np.testing.assert_array_equal(sample.bag_CHW[0], sample.bag_CHW[2])
    np.testing.assert_array_equal(sample.item_CHW[0], sample.item_CHW[2])


def test_two_energies_are_shown_in_their_colours():
    def load(index):
        bag = make_bag(index)
        return BagScan(
            np.ascontiguousarray(bag.image[..., :2].astype(np.uint16) * 200), bag.air_level[:2] * 200
        )

    sample = make_source(load=load, items=make_items(channels=2)).draw(0)
    assert sample.item_CHW.shape == sample.bag_CHW.shape
    assert np.ptp(sample.item_CHW, axis=0).max() > 0.05
    assert 0 < sample.bag_CHW.min() <= sample.bag_CHW.max() <= 1


def test_nothing_to_draw_from_is_refused():
    with pytest.raises(ValueError, match="at least one item and one bag, not 0 and 3"):
        SampleSource([], make_bag, 3, config=SampleConfig(), seed=0)
