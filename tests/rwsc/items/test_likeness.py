import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.things import seen_again, thing

from rwsc.items import likeness
from rwsc.items.likeness import (
    AlikePair,
    Member,
    closest_apart,
    find_alike,
    join_linked,
    physical_ids,
    signature_of,
)
from rwsc.physics.phantoms import draw_item
from rwsc.seeds import stream


def described(pixels):
    signature = signature_of(*pixels)
    assert signature is not None
    return signature


def is_alike(first, second):
    return bool(list(find_alike([described(first), described(second)])))


@pytest.mark.parametrize("seed", range(8))
def test_a_thing_is_known_again_turned_mirrored_and_a_little_larger(seed):
    assert is_alike(thing(seed), seen_again(thing(seed), 100 + seed, size=1.1))


def test_few_things_of_different_shape_are_taken_for_one():
    things = [described(thing(seed)) for seed in range(40)]
    assert len(list(find_alike(things))) <= 0.02 * 40 * 39 / 2


def test_one_shape_with_another_inside_is_another_thing():
    transmission_HWC, alpha_HW = thing(3)
    other_HWC = np.where(alpha_HW[..., None] > 0, thing(3, side_px=90)[0][::-1, ::-1], 1)
    hollow_HWC = np.where(cv2.erode(alpha_HW, np.ones((9, 9)))[..., None] > 0, np.float32(0.98), other_HWC)
    assert not is_alike((transmission_HWC, alpha_HW), (hollow_HWC, alpha_HW))


def test_a_like_thing_of_another_size_is_another_thing_but_a_resized_picture_is_a_copy():
    pixels = thing(1)
    half = tuple(cv2.resize(array, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for array in pixels)
    assert is_alike(pixels, half)
    signatures = [described(pixels), described(seen_again(pixels, 5, size=2.0))]
    assert not any(pair.likeness < likeness.COPY_LIKENESS for pair in find_alike(signatures))


def test_a_knife_and_a_wrench_of_our_phantoms_are_not_alike():
    items = [draw_item(stream(1, label), label, 120) for label in ("knife", "wrench", "gun", "scissors")]
    signatures = [signature_of(item.transmission_HWC.astype(np.float32), item.alpha_HW) for item in items]
    assert list(find_alike(signatures)) == []


def test_what_covers_next_to_nothing_has_no_signature():
    alpha_HW = np.zeros((9, 9), np.float32)
    alpha_HW[4, 3:6] = 1
    assert signature_of(np.full((9, 9, 3), 0.5, np.float32), alpha_HW) is None
    line_HW = np.zeros((3, 60), np.float32)
    line_HW[1] = 1
    line = described((np.full((3, 60, 3), 0.5, np.float32), line_HW))
    assert np.isfinite(line.stretch_log)


def test_blocks_do_not_change_what_is_found(monkeypatch):
    signatures = [described(seen_again(thing(seed % 5), seed)) for seed in range(23)]
    whole = list(find_alike(signatures))
    assert whole
    monkeypatch.setattr(likeness, "_BLOCK_ROWS", 4)
    monkeypatch.setattr(likeness, "_BLOCK_COLUMNS", 6)
    key = lambda pair: (pair.first, pair.second)  # noqa: E731
    assert sorted(find_alike(signatures), key=key) == sorted(whole, key=key)
    sides = [str(number % 2) for number in range(23)]
    best = closest_apart(signatures, sides, [False] * 23)
    assert best.likeness == max(pair.likeness for pair in whole if sides[pair.first] != sides[pair.second])


def test_the_closest_pair_lies_on_two_sides_and_may_be_one_thing():
    signatures = [described(thing(0)), described(thing(0)), described(thing(0)), described(thing(1))]
    assert closest_apart(signatures, ["a", "a", "a", "a"], [False] * 4) is None
    found = closest_apart(signatures, ["a", "a", "b", "b"], [True, False, True, True])
    assert (found.first, found.second, found.likeness) == (1, 2, 1.0)
    assert closest_apart([], [], []) is None


def member(item_id, seed=None, *, prior=None, label="gun", is_stated=False):
    signature = None if seed is None else described(thing(seed))
    return Member(item_id=item_id, label=label, prior=prior, is_stated=is_stated, signature=signature)


def test_a_group_and_class_is_one_thing_and_likeness_joins_groups():
    ids = physical_ids(
        [
            member("f", 1, prior="x"),
            member("e", 2, prior="x"),
            member("d", 2, prior="y"),
            member("c", 3),
            member("b", 3, label="knife"),
            member("a", prior="x"),
        ]
    )
    assert ids == {"f": "a", "e": "a", "d": "a", "a": "a", "c": "c", "b": "b"}


def test_what_the_source_says_are_two_things_are_two_however_alike():
    ids = physical_ids([member("a", 1, prior="x", is_stated=True), member("b", 1, prior="y", is_stated=True)])
    assert ids == {"a": "a", "b": "b"}
    ids = physical_ids([member("a", 1, prior="x", is_stated=True), member("b", 1, prior="y")])
    assert ids == {"a": "a", "b": "a"}


def test_the_ids_do_not_depend_on_the_order_of_the_rows():
    members = [
        Member(
            item_id=f"{seed * 37 % 100:03d}",
            label="gun",
            prior=None if seed % 3 else str(seed % 2),
            signature=described(seen_again(thing(seed % 6), seed)),
        )
        for seed in range(24)
    ]
    wanted = physical_ids(members)
    assert 1 < len(set(wanted.values())) < 24
    for order in range(4):
        shuffled = [members[number] for number in np.random.default_rng(order).permutation(24)]
        assert physical_ids(shuffled) == wanted


def test_an_item_that_is_annotated_twice_keeps_its_pixels():
    members = [member("b", 1), member("b"), member("a", 1)]
    for ordered in itertools.permutations(members):
        assert physical_ids(ordered) == {"a": "a", "b": "a"}


def test_very_many_links_are_said_with_few(monkeypatch):
    monkeypatch.setattr(likeness, "_MAX_LINKS_HELD", 10)
    members = [member(f"{number:02d}", number % 2) for number in range(20)]
    ids = physical_ids(members)
    assert {name: int(name) % 2 for name in ids} == {name: int(first) for name, first in ids.items()}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30).flatmap(lambda count: st.tuples(
    st.just(count), st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40)
)))  # fmt: skip
def test_what_is_linked_through_others_has_one_first(drawn):
    count, links = drawn
    firsts = join_linked(count, links)
    assert all(firsts[first] == firsts[second] for first, second in links)
    assert all(firsts[first] == first <= number for number, first in enumerate(firsts))
    neighbours = {number: {number} for number in range(count)}
    for first, second in links:
        joined = neighbours[first] | neighbours[second]
        for number in joined:
            neighbours[number] = joined
    assert [min(neighbours[number]) for number in range(count)] == firsts


def test_nothing_has_no_pairs():
    assert list(find_alike([])) == []
    assert join_linked(0, []) == []
    assert physical_ids([]) == {}
    assert AlikePair(first=0, second=1, likeness=1.0).likeness == 1
