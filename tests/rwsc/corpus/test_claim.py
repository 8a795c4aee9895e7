import pytest
from support.corpora import synth_config

from rwsc.corpus.claim import claim_corpus, extended, read_corpus_card
from rwsc.corpus.summary import REPORT_KEY
from rwsc.errors import RunMismatch, SourceError
from rwsc.storage.prefix import Prefix
from rwsc.storage.run_card import RUN_CARD_KEY, claim_run


def card(num_images, fingerprint="f"):
    settings = {"seed": 0, "num_images": num_images}
    return {"kind": "synth", "fingerprint": fingerprint, "settings": settings}


@pytest.fixture
def corpus(store_uri):
    corpus = Prefix(store_uri)
    assert claim_corpus(corpus, card(100), may_grow=False) == 100
    corpus.write(REPORT_KEY, b"{}")
    return corpus


def test_the_same_claim_changes_nothing(corpus):
    for may_grow in (False, True):
        assert claim_corpus(corpus, card(100), may_grow=may_grow) == 100
    assert corpus.exists(REPORT_KEY)


def test_a_claim_from_other_addresses_tells_the_card_where_all_lies_now(store_uri):
    corpus = Prefix(store_uri)

    def card_of(items, **more):
        return card(100) | {"addresses": {"items": items} | more}

    claim_corpus(corpus, card_of("a", weights=None), may_grow=False)
    corpus.write(REPORT_KEY, b"{}")
    for may_grow in (False, True):
        claim_corpus(corpus, card_of("b", weights=str(may_grow)), may_grow=may_grow)
        assert read_corpus_card(corpus) == card_of("b", weights=str(may_grow))
    with pytest.raises(RunMismatch):
        claim_corpus(corpus, card(80) | {"addresses": {"items": "c"}}, may_grow=True)
    with pytest.raises(RunMismatch):
        claim_corpus(corpus, card(100, "g") | {"addresses": {"items": "c"}}, may_grow=False)
    assert read_corpus_card(corpus)["addresses"]["items"] == "b"
    assert corpus.exists(REPORT_KEY)


def test_a_corpus_grows_only_where_it_may_and_is_then_unfinished(corpus):
    with pytest.raises(RunMismatch, match=r"settings.num_images: 100 -> 150") as refused:
        claim_corpus(corpus, card(150), may_grow=False)
    assert "--num-images 100 --extend 50" in refused.value.remedy
    assert claim_corpus(corpus, card(150), may_grow=True) == 100
    assert read_corpus_card(corpus) == card(150)
    assert not corpus.exists(REPORT_KEY)
    assert claim_corpus(corpus, card(150), may_grow=False) == 150


def test_a_corpus_never_shrinks_and_never_becomes_another(corpus):
    with pytest.raises(RunMismatch, match=r"settings.num_images: 100 -> 80"):
        claim_corpus(corpus, card(80), may_grow=True)
    with pytest.raises(RunMismatch, match=r"settings.num_images: 100 -> 150"):
        claim_corpus(corpus, card(150, "g"), may_grow=True)
    assert read_corpus_card(corpus) == card(100)
    assert corpus.exists(REPORT_KEY)


def settings(root, corpus, **changes):
    return synth_config(root, output=corpus.uri, **changes)


def test_an_extension_that_names_where_it_starts_can_be_repeated(inputs_root, corpus):
    config = settings(inputs_root, corpus, num_images=100)
    assert extended(corpus, config, 50).num_images == 150
    claim_corpus(corpus, card(150), may_grow=True)
    assert extended(corpus, config, 50).num_images == 150
    with pytest.raises(RunMismatch, match="has 150 planned images, not 100"):
        extended(corpus, config, 20)


def test_without_a_number_a_finished_corpus_grows_from_what_it_has(inputs_root, corpus):
    values = settings(inputs_root, corpus).model_dump(exclude_unset=True)
    values.pop("num_images")
    config = type(settings(inputs_root, corpus))(**values)
    assert extended(corpus, config, 50).num_images == 150
    corpus.delete(REPORT_KEY)
    with pytest.raises(RunMismatch, match="is not finished"):
        extended(corpus, config, 50)


def test_what_is_no_corpus_does_not_grow(inputs_root, tmp_path):
    empty, train, old = (Prefix(str(tmp_path / name)) for name in ("empty", "train", "old"))
    claim_run(train, card(1) | {"kind": "train"})
    claim_run(old, card(1) | {"settings": {}})
    for corpus, error, message in (
        (empty, RunMismatch, "is no run"),
        (train, SourceError, "no corpus but a run of kind 'train'"),
        (old, RunMismatch, "does not say how large"),
    ):
        with pytest.raises(error, match=message):
            extended(corpus, settings(inputs_root, corpus), 5)
    assert not empty.exists(RUN_CARD_KEY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"addresses": "nowhere"}, "no table as addresses"),
        ({"addresses": {"items": 3}}, "no address of items"),
        ({"inputs": []}, "no table as inputs"),
        ({"settings": {"num_images": True}}, "does not say how large"),
        ({"settings": {"num_images": 1, "max_pixels": "many"}}, "no number as max_pixels"),
        ({"settings": {"num_images": 1, "shard_images": 0}}, "no number as shard_images"),
        ({"settings": {"num_images": 1, "controls": [1]}}, "no table as settings.controls"),
    ],
)
def test_a_card_that_its_readers_would_stumble_over_is_refused(tmp_path, change, message):
    claim_run(Prefix(str(tmp_path)), card(1) | change)
    with pytest.raises(RunMismatch, match=message):
        read_corpus_card(Prefix(str(tmp_path)))
