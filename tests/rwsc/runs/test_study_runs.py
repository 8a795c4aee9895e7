import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from rwsc.errors import ConfigError, RunMismatch, WeightsError
from rwsc.evaluation.study import TRUTH, Arm, StudyConfig, train_config
from rwsc.evaluation.study_scores import draw_pairs
from rwsc.runs.held_out import open_held_out
from rwsc.runs.session import WorkerPool
from rwsc.runs.study_runs import MACHINE_KEY, check_runs, engine_scores, read_machine, room_for
from rwsc.runs.train import check_run, read_inputs, train
from rwsc.runs.weights import WEIGHTS_KEY
from rwsc.sources.catalogue import read_catalogue
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig

TRAINING = {
    "steps": 1, "batch": 2, "checkpoint_every": 1, "validation_samples": 2, "threads": 1, "sample": {"crop_px": 32},
    "network": {"stage_channels": [4, 8], "hidden_channels": 4},
}  # fmt: skip


def study(output, *arms, **values):
    return StudyConfig(output=str(output), phantoms=2, seeds=[0], training=TRAINING, arms=arms, **values)


def test_pictures_of_engines_are_kept_in_8_bits(tmp_path):
    out = Prefix(str(tmp_path))
    some = StudyConfig(output=out.uri, phantoms=2, held_out_pairs=2, pairs={"crop_px": 40})
    pairs = draw_pairs(open_held_out(some)[0], 2)
    scores = engine_scores(out, "tip", pairs, 1, "key")
    kept = decode_image(out.read("pictures/tip/fused-0.png"))
    product = np.rint(255 * pairs[0].sample.item_CHW * pairs[0].sample.bag_CHW).transpose(1, 2, 0)
    assert np.abs(kept - product).max() <= 1
    assert not out.exists("pictures/tip/fused-1.png")
    assert engine_scores(out, "tip", [], 1, "key") == scores  # read back, not measured again


@pytest.mark.parametrize("damaged", [b"[]", b"{}", b"\xff", b'{"key": "key", "pictures": 0, "scores": [1]}'])
def test_scores_that_are_none_are_measured_again(tmp_path, damaged):
    out = Prefix(str(tmp_path))
    out.write("scores/tip.json", damaged)
    some = StudyConfig(output=out.uri, phantoms=2, held_out_pairs=2, pairs={"crop_px": 40})
    scores = engine_scores(out, "tip", draw_pairs(open_held_out(some)[0], 2), 0, "key")
    assert len(scores) == 2
    assert engine_scores(out, "tip", [], 0, "key") == scores


def test_the_true_scan_of_phantoms_is_measured_like_an_engine(tmp_path):
    out = Prefix(str(tmp_path))
    some = StudyConfig(output=out.uri, phantoms=2, held_out_pairs=2, pairs={"crop_px": 40}, pairs_seed=3)
    assert some.untrained[-1] == TRUTH
    pairs = draw_pairs(open_held_out(some)[0], 2)
    scores = engine_scores(out, TRUTH, pairs, 1, "key")
    kept = decode_image(out.read("pictures/truth/fused-0.png"))
    truth = np.rint(255 * pairs[0].sample.truth_CHW).transpose(1, 2, 0)
    assert np.abs(kept - truth).max() <= 1
    assert all(row["outside.mae"] < 1 for row in scores)  # the rim's thinner half counts as outside
    tip = engine_scores(out, "tip", pairs, 1, "key")
    assert all(row["box.q_e"] != other["box.q_e"] for row, other in zip(scores, tip, strict=True))


def test_of_real_scans_no_truth_is_known():
    assert StudyConfig(output="x", items="i", bags="b").untrained == ["average", "minimum", "tip", "alpha"]


def test_start_weights_that_are_not_there_are_told_with_their_arm_before_any_training(tmp_path):
    some = study(tmp_path, Arm(name="plain"), Arm(name="odd", set={"start_from": str(tmp_path / "none")}))
    with pytest.raises(WeightsError, match="arm 'odd': no weights") as refused:
        check_runs(some)
    assert refused.value.remedy
    assert not list(tmp_path.iterdir())


def test_start_weights_of_another_network_are_told_with_their_arm_before_any_training(tmp_path):
    with pytest.raises(ConfigError, match="arm 'odd': default holds another network than size 'base'"):
        check_runs(study(tmp_path, Arm(name="odd", set={"start_from": "default", "size": "base"})))


def test_a_run_from_weights_that_were_trained_again_since_is_refused(tmp_path):
    start = TrainConfig(output=str(tmp_path / "start"), phantoms=2, **TRAINING)
    train(start, here="cpu")
    some = study(tmp_path / "study", Arm(name="tuned", set={"start_from": start.output}))
    train(train_config(some, some.arms[0], 0), here="cpu")
    check_runs(some)
    again = TrainConfig(output=str(tmp_path / "again"), phantoms=2, seed=1, **TRAINING)
    train(again, here="cpu")
    for key in (WEIGHTS_KEY, "weights.json"):
        Prefix(start.output).write(key, Prefix(again.output).read(key))
    with pytest.raises(RunMismatch, match=r"runs/tuned-0 belongs to another run: inputs\.start_from"):
        check_runs(some)


def test_a_run_on_bags_that_are_others_now_is_refused_and_one_on_the_same_is_not(tmp_path, inputs_root):
    bags = f"{inputs_root}/catalogue.parquet"
    run = TrainConfig(output=str(tmp_path / "run"), items=f"{inputs_root}/items", bags=bags, **TRAINING)
    check_run(run, {})
    assert not (tmp_path / "run").exists()
    train(run, here="cpu")
    check_run(run, {})
    fewer = str(tmp_path / "fewer.parquet")
    catalogue = read_catalogue(bags)
    uris = {bag["uri"] for bag in read_inputs(run).bags[:1]}
    kept = catalogue.filter([uri not in uris for uri in catalogue["uri"].to_pylist()])
    pq.write_table(kept, fewer)
    with pytest.raises(RunMismatch, match=r"inputs\.bags"):
        check_run(run.model_copy(update={"bags": fewer}), {})


def test_runs_on_the_same_data_read_them_once(tmp_path, inputs_root):
    here = tmp_path / "items.parquet"
    here.write_bytes(Prefix(inputs_root).read("items/items.parquet"))
    run = TrainConfig(
        output=str(tmp_path / "a"), items=str(here), bags=f"{inputs_root}/catalogue.parquet", **TRAINING
    )
    seen = {}
    check_run(run, seen)
    here.unlink()
    check_run(run.model_copy(update={"output": str(tmp_path / "b"), "seed": 1}), seen)
    assert len(seen) == 1
    check_run(run.model_copy(update={"items": f"{inputs_root}/items"}), seen)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("pool", "cluster", "fits"),
    [
        ((1, 1.0, 1.0), {"CPU": 16, "GPU": 1}, 1),
        ((1, 1.0, 1.0), {"CPU": 16, "GPU": 4}, 4),
        ((2, 1.0, 1.0), {"CPU": 16, "GPU": 5}, 2),
        ((1, 0.75, 0.0), {"CPU": 1}, 1),
        ((1, 1.0, 0.0), {"CPU": 2}, 2),
        ((3, 0.1, 0.0), {"CPU": 0.9}, 3),
    ],
)
def test_a_cluster_holds_as_many_runs_as_it_has_of_what_is_scarcest(pool, cluster, fits):
    workers, cpus, gpus = pool
    sized = WorkerPool(num_workers=workers, cpus_per_worker=cpus, gpus_per_worker=gpus)
    assert room_for(sized, cluster) == fits


@pytest.mark.parametrize("found", [None, b"{", b"[]"])
def test_of_a_run_without_a_record_no_machine_is_known(tmp_path, found):
    if found is not None:
        Prefix(str(tmp_path)).write(f"runs/a-0/{MACHINE_KEY}", found)
    assert read_machine(Prefix(str(tmp_path)), "a-0") is None


def test_what_is_recorded_of_a_run_is_read_back(tmp_path):
    machine = {"device": "cuda", "gpu": "a GPU", "date": "2026-11-23"}
    Prefix(str(tmp_path)).write(f"runs/a-0/{MACHINE_KEY}", json.dumps(machine).encode())
    assert read_machine(Prefix(str(tmp_path)), "a-0") == machine
