from hypothesis import given
from hypothesis import strategies as st

from rwsc.training.holdout import hold_out

groups_lists = st.lists(st.sampled_from([f"g{number}" for number in range(12)]), min_size=1, max_size=80)


@given(groups_lists)
def test_a_group_is_never_on_both_sides(groups):
    sides = {}
    for group, out in zip(groups, hold_out(groups), strict=True):
        assert sides.setdefault(group, out) == out


@given(groups_lists)
def test_most_of_the_data_stays(groups):
    assert sum(hold_out(groups)) <= max(1, 0.2 * len(groups))


def test_about_a_tenth_is_held_out_of_many_small_groups():
    groups = [f"g{number}" for number in range(200)]
    assert 15 <= sum(hold_out(groups)) <= 25


def test_a_single_group_is_not_split():
    assert hold_out(["only"] * 10) == [False] * 10


def test_the_order_of_members_does_not_matter():
    groups = [f"g{number % 20}" for number in range(60)]
    held = {group for group, out in zip(groups, hold_out(groups), strict=True) if out}
    turned = groups[::-1]
    assert {group for group, out in zip(turned, hold_out(turned), strict=True) if out} == held
