import pytest

from rwsc.errors import RunMismatch
from rwsc.storage.prefix import Prefix
from rwsc.storage.run_card import RUN_CARD_KEY, claim_run, read_run_card, rewrite_run_card


def make_card(fingerprint="f1", **settings):
    return {
        "kind": "synth",
        "fingerprint": fingerprint,
        "settings": {"seed": 0, **settings},
        "inputs": {"bags": "h"},
    }


def test_the_first_claim_is_new_and_the_same_again_is_not(store_uri):
    run = Prefix(store_uri)
    assert claim_run(run, make_card())
    assert not claim_run(run, make_card())
    assert read_run_card(run) == make_card()


def test_another_run_is_refused_with_what_differs_and_the_card_stays(store_uri):
    run = Prefix(store_uri)
    claim_run(run, make_card())
    with pytest.raises(RunMismatch, match=r"belongs to another run: settings.seed: 0 -> 1"):
        claim_run(run, make_card("f2", seed=1))
    assert read_run_card(run) == make_card()


def test_a_run_of_another_kind_is_refused_even_with_the_same_fingerprint(tmp_path):
    run = Prefix(str(tmp_path))
    claim_run(run, make_card())
    with pytest.raises(RunMismatch, match="kind: synth -> train"):
        claim_run(run, make_card() | {"kind": "train"})


def test_many_differences_are_counted_after_the_first_three(tmp_path):
    run = Prefix(str(tmp_path))
    claim_run(run, make_card(a=1, b=1, c=1, d=1, e=1))
    with pytest.raises(RunMismatch, match="and 2 more"):
        claim_run(run, make_card("f2", a=2, b=2, c=2, d=2, e=2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no run"),
        (b"{", "is damaged"),
        (b"\xff", "is damaged"),
        (b"[]", "no run card"),
        (b"[" * 100_000, "is damaged"),
        (b"{}", "no run card"),
    ],
)
def test_a_folder_without_a_readable_card_is_no_run(tmp_path, content, message):
    run = Prefix(str(tmp_path))
    if content is not None:
        run.write(RUN_CARD_KEY, content)
    with pytest.raises(RunMismatch, match=message):
        read_run_card(run)


def test_a_rewritten_card_is_the_one_that_later_claims_meet(store_uri):
    run = Prefix(store_uri)
    claim_run(run, make_card(num_images=1))
    rewrite_run_card(run, make_card(num_images=2))
    assert read_run_card(run) == make_card(num_images=2)
    assert not claim_run(run, make_card(num_images=2))
