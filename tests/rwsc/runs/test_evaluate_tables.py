import json

import pytest

from rwsc.errors import ResourceError, RunMismatch, RwscError
from rwsc.evaluation.study import Arm, StudyConfig
from rwsc.runs import study_runs
from rwsc.runs.evaluate_tables import JSON_KEY, PAGE_KEY, evaluate_tables
from rwsc.runs.study_runs import MACHINE_KEY
from rwsc.runs.weights import WEIGHTS_KEY
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
    assert document["runs"] == {"done": 3, "failed": 0, "wanted": 3}
    tables = {table["name"]: table for table in document["tables"]}
    assert [row["name"] for row in tables["methods"]["rows"]] == ["on", "mefnet", "tip", "average", "truth"]
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
    assert [(each["runs"], each["machine"]["device"]) for each in before["machines"]] == [(3, "cpu")]
    monkeypatch.setattr(study_runs, "start_ray", lambda: pytest.fail("Ray is started for nothing"))
    evaluate_tables(study(finished.uri))
    assert read(finished) == {**before, "settings": read(finished)["settings"]}
    monkeypatch.undo()
    others = [study(finished.uri).arms[0], Arm(name="tuned", set={"start_from": "default"})]
    evaluate_tables(study(finished.uri, arms=others, seeds=[0, 1]))
    row = read(finished)["tables"][0]["rows"][0]
    assert set(row["figures"]["outside.mae"]["by_seed"]) == {"0", "1"}
    assert (
        row["figures"]["outside.mae"]["by_seed"]["0"]
        == before["tables"][0]["rows"][0]["figures"]["outside.mae"]["mean"]
    )
    tuned = json.loads(finished.read("runs/tuned-0/run.json"))["settings"]["network"]
    assert tuned["pixel_channels"] == 32  # what the default weights have, and networks by default do not
    assert "network" not in read(finished)["arms"]["tuned"]
    assert read(finished)["arms"]["on"]["network"]


@pytest.mark.ray
def test_other_pairs_or_settings_in_the_same_folder_are_refused(finished):
    before = _report(finished)
    with pytest.raises(RunMismatch, match="pairs_seed: 0 -> 1"):
        evaluate_tables(study(finished.uri, pairs_seed=1))
    with pytest.raises(RunMismatch, match="steps: 2 -> 3"):
        evaluate_tables(study(finished.uri, training={**TRAINING, "steps": 3}))
    assert _report(finished) == before


def _report(out):
    return {key: out.read(key) for key in (JSON_KEY, PAGE_KEY, *out.list_keys("figures"))}


@pytest.mark.ray
@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"start_from": "/nowhere"}, "arm 'odd': no weights"),
        ({"start_from": "default", "size": "base"}, "arm 'odd': default holds another network"),
        ({"network": SMALL, "use_gpu": True}, "1 workers want a GPU each, but the cluster has 0"),
    ],
)
def test_what_an_arm_more_is_refused_for_is_told_before_the_report_is_touched(finished, own, said):
    before = _report(finished)
    arms = [*study(finished.uri).arms, Arm(name="odd", set=own)]
    with pytest.raises(RwscError, match=said):
        evaluate_tables(study(finished.uri, arms=arms))
    assert _report(finished) == before
    assert not finished.exists("runs/odd-0/run.json")


@pytest.mark.ray
def test_runs_at_once_are_as_many_as_the_cluster_holds(ray_cluster, tmp_path, capsys):
    arms = [Arm(name="a", set={"network": SMALL})]
    some = study(str(tmp_path), arms=arms, engines=[], pictures=0, seeds=[0, 1, 2, 3, 4], runs_at_once=9)
    evaluate_tables(some)
    assert "runs_at_once is 9, but the cluster holds 4: training 4 at once" in capsys.readouterr().err
    assert read(Prefix(str(tmp_path)))["runs"] == {"done": 5, "failed": 0, "wanted": 5}


@pytest.mark.ray
def test_a_run_whose_machine_was_not_recorded_is_no_other_run(ray_cluster, tmp_path):
    out = Prefix(str(tmp_path))
    some = study(out.uri, arms=[Arm(name="a", set={"network": SMALL})], engines=[], seeds=[0, 1])
    evaluate_tables(some)
    before = read(out)
    out.delete(f"runs/a-1/{MACHINE_KEY}")  # as earlier versions left it
    evaluate_tables(some)
    after = read(out)
    assert after["tables"] == before["tables"]
    assert [each["runs"] for each in after["machines"]] == [1, 1]
    assert after["machines"][1]["machine"] is None
    # Measured again for more pictures, but trained before: what it was trained on stays unknown.
    evaluate_tables(some.model_copy(update={"pictures": 2}))
    assert read(out)["machines"] == after["machines"]


@pytest.mark.ray
@pytest.mark.s3
@pytest.mark.long
def test_several_workers_are_a_group_of_ray_train_and_must_fit(s3_uri, ray_cluster):
    arms = [Arm(name="a", set={"network": SMALL, "workers": 2})]
    evaluate_tables(study(s3_uri, arms=arms, engines=[]))
    assert read(Prefix(s3_uri))["runs"] == {"done": 1, "failed": 0, "wanted": 1}
    many = {"workers": 40, "batch": 40, "validation_samples": 40}
    with pytest.raises(ResourceError, match="40 workers do not fit"):
        evaluate_tables(study(f"{s3_uri}/many", training={**TRAINING, **many}))
