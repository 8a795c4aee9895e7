from collections import defaultdict

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rwsc.corpus.exports.splits import Relations, split_bags
from rwsc.errors import ConfigError

IMAGES = st.lists(
    st.tuples(st.integers(0, 40).map(str), st.frozensets(st.integers(0, 40).map(str), max_size=2)),
    min_size=1,
    max_size=60,
)


def related(images):
    relations = Relations()
    for bag, items in images:
        relations.add(bag, items)
    return relations


@given(IMAGES, st.integers(0, 5), st.randoms())
def test_no_bag_and_no_item_lies_in_two_splits_whatever_the_order(images, seed, random):
    try:
        splits = split_bags(related(images), shares=(0.6, 0.2, 0.2), seed=seed)
    except ConfigError:
        assume(False)
    assert splits.keys() == {bag for bag, _ in images}
    by_item = defaultdict(set)
    for bag, items in images:
        for item in items:
            by_item[item].add(splits[bag])
    assert all(len(found) == 1 for found in by_item.values())
    shuffled = random.sample(images, len(images))
    assert split_bags(related(shuffled), shares=(0.6, 0.2, 0.2), seed=seed) == splits


def test_shares_are_met_of_images_with_items_and_of_the_others():
    images = [(f"bag{number}", {f"item{number // 2}"}) for number in range(100)]
    images += [(f"empty{number}", set()) for number in range(50)]
    splits = split_bags(related(images), shares=(8, 1, 1), seed=0)
    for kind, number in (("bag", 100), ("empty", 50)):
        found = [split for bag, split in splits.items() if bag.startswith(kind)]
        assert abs(found.count("train") - 0.8 * number) <= 2
        assert abs(found.count("val") - 0.1 * number) <= 2


def test_a_share_of_nothing_gets_nothing():
    images = [(str(number), {str(number)}) for number in range(10)]
    assert set(split_bags(related(images), shares=(0.5, 0, 0.5), seed=0).values()) == {"train", "test"}


def test_seeds_choose_among_equals():
    images = [(str(number), {str(number)}) for number in range(30)]
    assert len({str(split_bags(related(images), shares=(1, 1, 1), seed=seed)) for seed in range(4)}) == 4


def test_untouched_bags_do_not_make_a_split_possible():
    images = [(f"bag{number}", {"the one item"}) for number in range(80)]
    images += [(f"empty{number}", set()) for number in range(20)]
    with pytest.raises(ConfigError, match="impossible: 80 of 80 images with items hang together") as error:
        split_bags(related(images), shares=(0.8, 0.1, 0.1), seed=0)
    assert "--classes" in error.value.remedy


def test_controls_alone_are_split_too():
    splits = split_bags(
        related([(str(number), set()) for number in range(10)]), shares=(0.8, 0.1, 0.1), seed=0
    )
    assert sorted(splits.values()) == ["test"] + ["train"] * 8 + ["val"]
