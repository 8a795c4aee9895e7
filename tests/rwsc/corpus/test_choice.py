from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rwsc.corpus.choice import ItemChoice, label_shares, scanner_of
from rwsc.errors import ConfigError
from rwsc.items.bank import ItemBank
from rwsc.placement.draw import PlacementConfig, draw_num_items
from rwsc.seeds import stream

HERE = SimpleNamespace(scanner_id="A", dataset="d")


@pytest.fixture(scope="module")
def bank(inputs_root):
    """Guns of scanner A and of no stated scanner, knives of scanner B."""
    items = ItemBank.load(f"{inputs_root}/items").items
    guns = [item for item in items if item.label == "gun"]
    knives = [item for item in items if item.label == "knife"]
    return ItemBank(
        [
            replace(guns[0], scanner_id="A"),
            replace(guns[0], item_id="0", scanner_id=None, dataset="d"),
            replace(knives[0], scanner_id="B"),
        ]
    )


def draw(choice, number=200, bag=HERE, *, two_energies=False, seed=0):
    return choice.draw(np.random.default_rng(seed), number, bag, two_energies=two_energies)


def test_any_scanners_items_go_into_a_bag_unless_asked_otherwise(bank):
    assert {item.scanner_id for item in draw(ItemChoice(bank.items, {}, "any"))} == {"A", "B", None}


@pytest.mark.parametrize(
    ("bag", "scanners"),
    [
        (HERE, {"A"}),
        (SimpleNamespace(scanner_id="B", dataset="d"), {"B"}),
        # Where no scanner is stated the dataset stands for it.
        (SimpleNamespace(scanner_id=None, dataset="d"), {None}),
    ],
)
def test_items_of_the_bags_own_scanner_alone_if_asked(bank, bag, scanners):
    assert {item.scanner_id for item in draw(ItemChoice(bank.items, {}, "same"), bag=bag)} == scanners


def test_without_an_item_of_the_scanner_it_says_so(bank):
    reason = draw(ItemChoice(bank.items, {}, "same"), bag=SimpleNamespace(scanner_id="Z", dataset="d"))
    assert reason == "the bank holds no item of the bag's scanner, Z"


def test_colour_items_are_none_for_two_energies(bank):
    assert "two energies" in draw(ItemChoice(bank.items, {}, "any"), two_energies=True)


def test_equal_streams_draw_equal_items(bank):
    choice = ItemChoice(bank.items, {}, "any")
    one, again, other = (draw(choice, 30, seed=seed) for seed in (1, 1, 2))
    assert [item.item_id for item in one] == [item.item_id for item in again]
    assert [item.item_id for item in one] != [item.item_id for item in other]


def test_classes_and_counts_follow_their_weights_over_ten_thousand_images(bank):
    config = PlacementConfig(items_min=1, items_max=2, count_weights=[3, 1])
    choice = ItemChoice(bank.items, {"gun": 1.0, "knife": 4.0}, "any")
    drawn = []
    for seed in range(10_000):
        rng = stream(seed, "items")
        drawn.append(choice.draw(rng, draw_num_items(rng, config), HERE, two_energies=False))
    labels = [item.label for items in drawn for item in items]
    # Four standard deviations of a binomial count.
    assert abs(labels.count("knife") - 0.8 * len(labels)) < 4 * np.sqrt(len(labels) * 0.8 * 0.2)
    twos = sum(len(items) == 2 for items in drawn)
    assert abs(twos - 2500) < 4 * np.sqrt(10_000 * 0.25 * 0.75)


def test_classes_without_weight_have_weight_1(bank):
    labels, shares = label_shares(bank, {"gun": 3})
    assert dict(zip(labels, shares, strict=True)) == {"gun": 0.75, "knife": 0.25}


@pytest.mark.parametrize("weights", [{"sword": 1.0}, {"gun": 0, "knife": 0}])
def test_weights_that_choose_nothing_are_refused(bank, weights):
    with pytest.raises(ConfigError, match="class_weights"):
        label_shares(bank, weights)


def test_a_thing_of_which_nothing_is_stated_has_a_scanner_of_its_own():
    assert scanner_of(SimpleNamespace(scanner_id=None, dataset=None)) == "unknown"


def test_classes_of_weight_0_are_named_where_nothing_else_could_go_in(bank):
    reason = draw(ItemChoice(bank.items, {"gun": 0}, "same"))
    assert reason == "class_weights is 0 for all that could go into this bag: gun"


def test_a_scanner_without_items_of_two_energies_is_named_with_them(bank):
    reason = draw(ItemChoice(bank.items, {}, "same"), two_energies=True)
    assert reason == "the bank holds no item of the bag's scanner, A with two energies"
