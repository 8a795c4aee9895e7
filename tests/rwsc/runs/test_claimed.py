import pytest
from support.corpora import make_inputs, synth_config
from support.plans import bags_of
from support.things import item_row, thing, write_bank
from support.two_views import paired_config

from rwsc.corpus.plan import PlanSettings
from rwsc.corpus.plan_store import PLAN_KEY
from rwsc.errors import ConfigError, RunMismatch
from rwsc.runs.claimed import asked_plan, claim_and_plan, prepared, settle_plan
from rwsc.runs.synth_inputs import read_inputs
from rwsc.storage.prefix import Prefix


def test_a_claimed_folder_has_card_and_plan_and_keeps_both(inputs_root, store_uri):
    config = prepared(synth_config(inputs_root, output=store_uri))
    claimed = claim_and_plan(config)
    assert (claimed.plan.num_images, claimed.images_before) == (7, 7)
    corpus = Prefix(store_uri)
    before = {key: corpus.read(key) for key in corpus.list_keys()}
    assert set(before) == {"run.json", PLAN_KEY}
    assert claim_and_plan(config).plan.stamp == claimed.plan.stamp
    with pytest.raises(RunMismatch, match=r"settings.seed: 0 -> 1"):
        claim_and_plan(config.model_copy(update={"seed": 1}))
    assert {key: corpus.read(key) for key in corpus.list_keys()} == before


def test_a_corpus_that_may_grow_is_planned_anew_and_knows_its_former_size(inputs_root, tmp_path):
    config = prepared(synth_config(inputs_root, output=str(tmp_path)))
    first = claim_and_plan(config).plan.shards()
    grown = claim_and_plan(config.model_copy(update={"num_images": 11}), may_grow=True)
    assert (grown.plan.num_images, grown.images_before) == (11, 7)
    assert [shard.shard_id for shard in grown.plan.shards()][: len(first)] == [
        shard.shard_id for shard in first
    ]


def test_harmless_things_of_a_labelled_class_are_refused_before_anything_is_written(inputs_root, tmp_path):
    controls = {"distractor_share": 0.5, "distractors": f"{inputs_root}/items"}
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"), controls=controls)
    with pytest.raises(ConfigError, match="the class 'gun' of"):
        claim_and_plan(prepared(config))
    assert list(Prefix(config.output).list_keys()) == []


@pytest.mark.parametrize("data", [b"no plan", None])
def test_a_plan_that_is_damaged_or_gone_is_written_again(inputs_root, tmp_path, data):
    config, corpus = synth_config(inputs_root), Prefix(str(tmp_path))
    bags = read_inputs(config).bags
    settle_plan(corpus, config, bags)
    plan = corpus.read(PLAN_KEY)
    if data is None:
        corpus.delete(PLAN_KEY)
    else:
        corpus.write(PLAN_KEY, data)
    settle_plan(corpus, config, bags)
    assert corpus.read(PLAN_KEY) == plan


def test_where_bags_have_moved_the_plan_names_the_same_images_at_their_new_places(inputs_root, tmp_path):
    corpus, images = Prefix(str(tmp_path / "corpus")), []
    make_inputs(str(tmp_path / "anew"))
    for root in (inputs_root, str(tmp_path / "anew")):
        config = synth_config(root)
        plan = settle_plan(corpus, config, read_inputs(config).bags)
        part = next(plan.parts(["image_id", "seed", "scan_uri"]))
        assert all(uri.startswith(root) for uri in part["scan_uri"].to_pylist())
        images.append(part.select(["image_id", "seed"]))
    assert images[0].equals(images[1])


def test_a_plan_says_what_was_cut_out_of_its_bags_and_a_bank_that_says_otherwise_is_another_run(tmp_path):
    make_inputs(str(tmp_path), num_bags=2)
    config = prepared(synth_config(str(tmp_path), items=str(tmp_path / "cut")))
    scan_id = bags_of(str(tmp_path))["scan_id"][0].as_py()
    rows = [item_row("b", thing(0), source_scan_id=scan_id), item_row("a", thing(1), source_scan_id=scan_id)]
    write_bank(config.items, rows)
    part = next(claim_and_plan(config).plan.parts(["scan_id", "bag_items"]))
    cut = {row["scan_id"]: row["bag_items"] for row in part.to_pylist()}
    assert (len(cut), cut[scan_id], sorted(map(len, cut.values()))) == (2, ["a", "b"], [0, 2])
    write_bank(config.items, [*rows, item_row("rejected", source_scan_id=scan_id)])
    with pytest.raises(RunMismatch, match=r"inputs\.bag_items"):
        claim_and_plan(config)


def test_what_is_asked_of_a_plan_is_what_the_settings_say(inputs_root, paired_root):
    config = synth_config(inputs_root, seed=3, controls={"empty_share": 0.5})
    assert asked_plan(config) == PlanSettings(num_images=7, seed=3, shard_images=3, controls=config.controls)
    assert asked_plan(paired_config(paired_root)).paired
