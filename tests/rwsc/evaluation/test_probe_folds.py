from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rwsc.evaluation.probe_folds import deal_whole, join_kin

LINKS = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("tuvwxyz")), min_size=1, max_size=40)


@given(LINKS)
def test_no_session_and_no_thing_is_of_two_kins(links):
    kin = join_kin(links)
    assert len(kin) == len(links)
    for side in (0, 1):
        for name in {link[side] for link in links}:
            found = {each for link, each in zip(links, kin, strict=True) if link[side] == name}
            assert len(found - {None}) <= 1


@given(LINKS)
def test_equal_links_fare_alike_and_something_is_always_left(links):
    kin = join_kin(links)
    assert any(each is not None for each in kin)
    for link in set(links):
        assert len({each for other, each in zip(links, kin, strict=True) if other == link}) == 1


def test_what_hangs_together_by_a_few_is_taken_apart_by_leaving_those_out():
    links = [("monday", "gun")] * 5 + [("tuesday", "knife")] * 5 + [("tuesday", "gun")] + [("friday", "saw")]
    kin = join_kin(links)
    assert kin[10] is None
    assert [len(set(kin[:5])), len(set(kin[5:10]))] == [1, 1]
    assert len({kin[0], kin[5], kin[11]}) == 3


def test_things_of_one_session_stay_together_and_order_does_not_matter():
    links = [("a", "x"), ("a", "y"), ("b", "y"), ("c", "z"), ("d", "w"), ("d", "w"), ("e", "v"), ("f", "u")]
    kin = join_kin(links)
    assert None not in kin
    assert kin[0] == kin[1] == kin[2]
    assert len(set(kin)) == 5
    turned = join_kin(links[::-1])[::-1]
    assert [turned.index(each) for each in turned] == [kin.index(each) for each in kin]


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=4), st.integers(1, 30), min_size=1), st.integers(1, 5)
)
def test_folds_are_as_even_as_the_largest_thing_lets_them_be(sizes, num_folds):
    folds = deal_whole(sizes, num_folds)
    assert folds.keys() == sizes.keys()
    held = Counter({fold: 0 for fold in range(num_folds)})
    for thing, fold in folds.items():
        held[fold] += sizes[thing]
    assert set(held) == set(range(num_folds))
    assert max(held.values()) - min(held.values()) <= max(sizes.values())
