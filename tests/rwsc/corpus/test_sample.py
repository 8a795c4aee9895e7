import itertools

from hypothesis import given
from hypothesis import strategies as st

from rwsc.corpus.sample import is_of_sample


@given(st.integers(1, 300).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_as_many_as_wanted_and_no_gap_much_wider_than_another(sizes):
    wanted, total = sizes
    chosen = [place for place in range(total) if is_of_sample(place, wanted=wanted, total=total)]
    assert len(chosen) == wanted
    gaps = {later - earlier for earlier, later in itertools.pairwise(chosen)}
    assert not gaps or max(gaps) - min(gaps) <= 1
