import json

import numpy as np
import pyarrow as pa
import pytest

from rwsc.errors import ConfigError, ResourceError, RunMismatch
from rwsc.evaluation.study import Arm, StudyConfig
from rwsc.evaluation.study_scores import draw_pairs
from rwsc.runs import evaluate_tables as module
from rwsc.runs.evaluate_tables import JSON_KEY, PAGE_KEY, evaluate_tables, open_held_out
from rwsc.runs.weights import WEIGHTS_KEY
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix

TRAINING = {
    "steps": 2, "batch": 2, "checkpoint_every": 2, "validation_samples": 2, "threads": 1, "sample": {"crop_px": 32},
}  # fmt: skip
SMALL = {"stage_channels": [4, 8], "hidden_channels": 4}


def study(output, **values):
    arms = [
        Arm(name="on", tables=["edge_attention", "methods"], set={"network": SMALL}),
        Arm(
            name="off",
            tables=["edge_attention"],
            against=["on"],
            set={"network": {**SMALL, "edge_attention": False}},
        ),
        Arm(name="mefnet", tables=["methods"], set={"method": "mefnet", "network.width_divisor": 4}),
    ]
    defaults = {
        "phantoms": 2, "held_out_pairs": 2, "pairs": {"crop_px": 40}, "seeds": [0], "training": TRAINING,
        "arms": arms, "engines": ["tip", "average"], "pictures": 1,
    }  # fmt: skip
    return StudyConfig(output=output, **{**defaults, **values})


@pytest.fixture(scope="module")
def finished(tmp_path_factory, ray_cluster):
    out = Prefix(str(tmp_path_factory.mktemp("study")))
    assert evaluate_tables(study(out.uri, runs_at_once=2)) == (out.uri_of(PAGE_KEY), 0)
    return out


def read(out):
    return json.loads(out.read(JSON_KEY))


@pytest.mark.ray
def test_a_study_trains_every_arm_and_writes_tables_page_and_figures(finished):
    document = read(finished)
    assert document["runs"] == {"done": 3, "wanted": 3}
    tables = {table["name"]: table for table in document["tables"]}
    assert [row["name"] for row in tables["methods"]["rows"]] == ["on", "mefnet", "tip", "average"]
    assert [claim["metric"] for claim in tables["edge_attention"]["claims"]] == [
        "outside.mae",
        "outside.psnr",
    ]
    tip = tables["methods"]["rows"][2]["figures"]
    assert tip["outside.mae"]["mean"] == 0
    assert tip["outside.psnr"]["infinite"] == 2
    on = tables["methods"]["rows"][0]["figures"]
    assert on["outside.mae"]["mean"] > 5  # two steps of a network without the product: nothing is pasted back
    assert sorted(finished.list_keys("figures")) == [
        "figures/figure5.png",
        "figures/figure6.png",
        "figures/figure8.png",
    ]
    assert b"<!doctype html>" in finished.read(PAGE_KEY)
    for name in ("on-0", "off-0", "mefnet-0"):
        assert finished.exists(f"runs/{name}/{WEIGHTS_KEY}")


@pytest.mark.ray
def test_what_is_done_costs_nothing_and_arms_and_seeds_may_be_added(finished, monkeypatch):
    before = read(finished)
    monkeypatch.setattr(module, "start_ray", lambda: pytest.fail("Ray is started for nothing"))
    evaluate_tables(study(finished.uri))
    assert read(finished) == {**before, "settings": read(finished)["settings"]}
    monkeypatch.undo()
    fewer = study(finished.uri).arms[:1]
    evaluate_tables(study(finished.uri, arms=fewer, seeds=[0, 1]))
    row = read(finished)["tables"][0]["rows"][0]
    assert set(row["figures"]["outside.mae"]["by_seed"]) == {"0", "1"}
    assert (
        row["figures"]["outside.mae"]["by_seed"]["0"]
        == before["tables"][0]["rows"][0]["figures"]["outside.mae"]["mean"]
    )


@pytest.mark.ray
def test_other_pairs_or_settings_in_the_same_folder_are_refused(finished):
    with pytest.raises(RunMismatch, match="pairs_seed: 0 -> 1"):
        evaluate_tables(study(finished.uri, pairs_seed=1))
    with pytest.raises(RunMismatch, match="steps: 2 -> 3"):
        evaluate_tables(study(finished.uri, training={**TRAINING, "steps": 3}))


@pytest.mark.ray
@pytest.mark.s3
@pytest.mark.long
def test_several_workers_are_a_group_of_ray_train_and_must_fit(s3_uri, ray_cluster):
    arms = [Arm(name="a", set={"network": SMALL, "workers": 2})]
    evaluate_tables(study(s3_uri, arms=arms, engines=[]))
    assert read(Prefix(s3_uri))["runs"] == {"done": 1, "wanted": 1}
    with pytest.raises(ResourceError, match="9 runs at once"):
        evaluate_tables(study(f"{s3_uri}/many", runs_at_once=9))


def test_phantoms_held_out_are_no_phantoms_of_training():
    from rwsc.training.phantom_samples import PhantomSource

    some = study("unused")
    source, licence = open_held_out(some)
    held = [pair.sample.bag_CHW for pair in draw_pairs(source, 4)]
    assert "Apache" in licence
    for name in ("train", "validation"):
        trained = PhantomSource(2, config=some.pairs, seed=0, name=name)
        for index in range(4):
            bag_CHW = trained.draw(index).bag_CHW
            assert not any(np.array_equal(bag_CHW, other) for other in held)


def test_pictures_of_engines_are_kept_in_8_bits(tmp_path):
    out = Prefix(str(tmp_path))
    some = study(out.uri)
    pairs = draw_pairs(open_held_out(some)[0], 2)
    scores = module._engine_scores(out, "tip", pairs, 1, "key")
    kept = decode_image(out.read("pictures/tip/fused-0.png"))
    product = np.rint(255 * pairs[0].sample.item_CHW * pairs[0].sample.bag_CHW).transpose(1, 2, 0)
    assert np.abs(kept - product).max() <= 1
    assert not out.exists("pictures/tip/fused-1.png")
    assert module._engine_scores(out, "tip", [], 1, "key") == scores  # read back, not measured again


@pytest.mark.parametrize("what", ["physical item", "group of bags"])
def test_what_is_on_both_sides_is_named(what):
    with pytest.raises(ConfigError, match=f"the {what} 'b' is both trained on and held out"):
        module._refuse_shared(what, {"a", "b"}, {"b", "c"})


def test_a_catalogue_without_bags_of_a_split_is_one_clear_line():
    from rwsc.sources.schema import CATALOGUE_SCHEMA

    empty = pa.Table.from_pylist([], schema=CATALOGUE_SCHEMA)
    with pytest.raises(ConfigError, match="no bag in split 'val' or 'test'"):
        module._rows(empty, ["benign"], ["val", "test"])
