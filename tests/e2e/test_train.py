"""Training on a real cluster: resume after kills gives the straight run's weights, bit for bit."""

import json

import pytest
from support.corpora import make_inputs
from support.processes import kill, ray_workers, rwsc, wait_for

from rwsc.errors import ConfigError, RunMismatch
from rwsc.fusion.network.weights import decode_weights, encode_weights
from rwsc.fusion.networks import decode_network
from rwsc.runs.metrics_log import read_metrics
from rwsc.runs.train import train
from rwsc.runs.weights import read_weights
from rwsc.storage.prefix import Prefix
from rwsc.training.losses import LossConfig
from rwsc.training.settings import TrainConfig

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SETTINGS = """
[train]
steps = 16
batch = 4
workers = 2
checkpoint_every = 4
report_every = 2
validation_samples = 4
learning_rate = 2e-3

[train.sample]
crop_px = 32
"""


def make_config(root, output, **changes):
    folder = Prefix(root)
    defaults = {
        "items": folder.uri_of("items"),
        "bags": folder.uri_of("catalogue.parquet"),
        "output": str(output),
        "steps": 4,
        "batch": 2,
        "checkpoint_every": 2,
        "report_every": 1,
        "validation_samples": 2,
        "sample": {"crop_px": 32},
    }
    return TrainConfig(**{**defaults, **changes})


def test_a_killed_run_on_ray_is_finished_without_it_to_the_straight_runs_weights(
    ray_cluster, inputs_root, tmp_path
):
    config = make_config(inputs_root, tmp_path / "run", steps=80, workers=1, checkpoint_every=10)
    straight = config.model_copy(update={"output": str(tmp_path / "straight")})
    settings = tmp_path / "settings.toml"
    settings.write_text(
        "[train]\nsteps = 80\nbatch = 2\nworkers = 1\ncheckpoint_every = 10\nreport_every = 1\n"
        "validation_samples = 2\n[train.sample]\ncrop_px = 32\n"
    )
    run = Prefix(config.output)
    arguments = ("--items", config.items, "--bags", config.bags, "-o", config.output, "--config", settings)
    driver = rwsc("train", *arguments, address=ray_cluster, cwd=tmp_path)
    wait_for(
        lambda: any(key.endswith(".safetensors") for key in run.list_keys("checkpoints")), process=driver
    )
    kill(driver.pid)
    driver.communicate()
    wait_for(lambda: not ray_workers("RayTrainWorker"))
    assert not run.exists("weights.safetensors")

    train(config, here="cpu")
    train(straight, here="cpu")
    assert run.read("weights.safetensors") == Prefix(straight.output).read("weights.safetensors")


@pytest.mark.long
def test_after_a_killed_worker_and_a_killed_driver_the_weights_are_the_straight_runs(
    ray_cluster, inputs_root, tmp_path
):
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)

    def command(output):
        return [
            "train", "--items", f"{inputs_root}/items", "--bags", f"{inputs_root}/catalogue.parquet",
            "-o", output, "--config", settings,
        ]  # fmt: skip

    straight = rwsc(*command(tmp_path / "straight"), address=ray_cluster, cwd=tmp_path)
    out, err = straight.communicate(timeout=300)
    assert straight.returncode == 0, err[-3000:]

    run = Prefix(str(tmp_path / "run"))

    def checkpoints():
        return {key.split("/")[1] for key in run.list_keys("checkpoints") if key.endswith(".safetensors")}

    driver = rwsc(*command(run.uri), address=ray_cluster, cwd=tmp_path)
    wait_for(checkpoints, process=driver)
    first = wait_for(lambda: ray_workers("RayTrainWorker"), process=driver)
    kill(min(first))
    wait_for(lambda: ray_workers("RayTrainWorker") - first, process=driver)
    before = checkpoints()
    wait_for(lambda: checkpoints() - before, process=driver)
    kill(driver.pid)
    driver.communicate()
    assert not run.exists("weights.safetensors")

    driver = rwsc(*command(run.uri), address=ray_cluster, cwd=tmp_path)
    out, err = driver.communicate(timeout=300)
    assert driver.returncode == 0, err[-3000:]
    assert "taking up the run" in err
    assert out.strip() == run.uri_of("weights.safetensors")
    assert run.read("weights.safetensors") == Prefix(str(tmp_path / "straight")).read("weights.safetensors")

    lines = read_metrics(run)
    assert [line["step"] for line in lines] == list(range(2, 17, 2))
    straight_lines = read_metrics(Prefix(str(tmp_path / "straight")))
    assert [line["total"] for line in lines] == [line["total"] for line in straight_lines]
    assert sum(line["total"] for line in lines[-3:]) < sum(line["total"] for line in lines[:3])


@pytest.mark.long
def test_a_run_on_phantoms_needs_no_data_and_learns_from_the_truth(ray_cluster, tmp_path):
    config = TrainConfig(
        output=str(tmp_path / "run"),
        phantoms=2,
        steps=6,
        batch=2,
        checkpoint_every=3,
        report_every=1,
        validation_samples=2,
        loss={"truth": 50},
        sample={"crop_px": 32},
    )
    train(config)
    run = Prefix(config.output)
    card = decode_weights(*read_weights(run.uri))[1]
    assert card.data_licence == "phantom: made by rwsc, Apache-2.0"
    assert card.data_hashes == {}
    assert card.training["phantoms"] == 2
    lines = read_metrics(run)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all(line["truth"] > 0 for line in lines)
    assert lines[-1]["val_truth"] > 0

    with pytest.raises(RunMismatch, match=r"settings.loss.truth: 50.0 -> 20.0"):
        train(config.model_copy(update={"loss": LossConfig(truth=20)}))


@pytest.mark.long
def test_a_baseline_is_trained_as_rwsc_is_and_its_card_names_it(ray_cluster, tmp_path):
    config = TrainConfig(
        output=str(tmp_path / "run"),
        method="fusiongan",
        phantoms=2,
        steps=4,
        batch=2,
        checkpoint_every=2,
        report_every=1,
        validation_samples=2,
        sample={"crop_px": 48},
        network={"width_divisor": 4},
    )
    train(config)
    network, card = decode_network("fusiongan", *read_weights(config.output))
    assert network.config == card.network == config.network_config()
    assert card.training["method"] == "fusiongan"
    lines = read_metrics(Prefix(config.output))
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert {"adversarial", "discriminator", "intensity", "gradient"} <= set(lines[0])
    assert card.metrics["val_total"] == min(line["val_total"] for line in lines if "val_total" in line)
    with pytest.raises(RunMismatch, match=r"settings.method: fusiongan -> mefnet"):
        train(TrainConfig(**{**config.model_dump(), "method": "mefnet"}))


@pytest.mark.s3
@pytest.mark.long
def test_a_run_in_a_bucket_is_complete_left_alone_and_a_start_for_fine_tuning(
    ray_cluster, s3_uri, tmp_path, monkeypatch, capsys
):
    make_inputs(s3_uri, num_bags=4)
    config = make_config(s3_uri, f"{s3_uri}/run")
    assert train(config) == f"{s3_uri}/run/weights.safetensors"
    run = Prefix(f"{s3_uri}/run")
    keys = set(run.list_keys())
    assert {"run.json", "metrics.jsonl", "weights.safetensors", "weights.json"} <= keys
    assert any(key.startswith("tensorboard/events.out.tfevents") for key in keys)
    assert any(key.startswith("checkpoints/step_00000004/") for key in keys)
    network, card = decode_weights(*read_weights(run.uri))
    assert card.data_licence == "made up, CC0"
    assert set(card.data_hashes) == {"items", "bags"}
    assert card.metrics["step"] in (2, 4)
    assert network.config == config.network_config()
    assert [json.loads(line)["step"] for line in run.read("metrics.jsonl").splitlines()] == [1, 2, 3, 4]

    capsys.readouterr()
    train(config)
    assert "trained already" in capsys.readouterr().err
    with pytest.raises(RunMismatch, match=r"settings.seed: 0 -> 1"):
        train(make_config(s3_uri, run.uri, seed=1))

    with pytest.raises(ConfigError, match="another network than size 'base' asks for"):
        train(make_config(s3_uri, tmp_path / "base", size="base", start_from=run.uri))
    academic = card.model_copy(update={"data_licence": "academic use only"})
    for key, data in zip(
        ("weights.safetensors", "weights.json"), encode_weights(network, academic), strict=True
    ):
        Prefix(str(tmp_path / "start")).write(key, data)
    monkeypatch.chdir(tmp_path)
    train(make_config(s3_uri, tmp_path / "tuned", steps=1, start_from="start"), here="cpu")
    tuned = decode_weights(*read_weights(str(tmp_path / "tuned")))[1]
    assert tuned.data_licence == "academic use only"
    assert set(tuned.data_hashes) == {"items", "bags", "start_from"}
