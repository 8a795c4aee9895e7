from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rwsc.corpus.controls import ControlsConfig, Role, roles_in_order

shares = st.floats(0, 1)


def assign_roles(number, controls):
    return list(islice(roles_in_order(controls), number))


@given(st.integers(0, 300), shares, shares)
def test_every_beginning_of_a_plan_holds_each_role_in_its_share(number, one, other):
    controls = ControlsConfig(empty_share=one * (1 - other), negative_share=other * (1 - one * (1 - other)))
    roles = assign_roles(number, controls)
    assert len(roles) == number
    wanted = {
        Role.EMPTY: controls.empty_share,
        Role.NEGATIVE: controls.negative_share,
        Role.POSITIVE: 1 - controls.empty_share - controls.negative_share,
    }
    counts = Counter()
    for position, role in enumerate(roles, start=1):
        counts[role] += 1
        for each, share in wanted.items():
            assert abs(counts[each] - share * position) <= 1 + 1e-6


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_longer_plan_begins_with_the_shorter_one(short, more):
    controls = ControlsConfig(empty_share=0.3, negative_share=0.25)
    assert assign_roles(short + more, controls)[:short] == assign_roles(short, controls)


def test_round_shares_are_met_exactly():
    roles = assign_roles(1000, ControlsConfig(empty_share=0.1, negative_share=0.2))
    assert Counter(roles) == {"positive": 700, "empty": 100, "negative": 200}


def test_without_controls_every_image_is_a_positive():
    assert set(assign_roles(50, ControlsConfig())) == {Role.POSITIVE}


def test_more_controls_than_images_are_refused():
    with pytest.raises(ValidationError, match=r"empty_share \(0.7\) and negative_share \(0.4\) are above 1"):
        ControlsConfig(empty_share=0.7, negative_share=0.4)
