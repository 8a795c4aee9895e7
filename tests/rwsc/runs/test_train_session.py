import json

import pytest
import torch

from rwsc.errors import ConfigError
from rwsc.runs.metrics_log import read_metrics
from rwsc.runs.train import train
from rwsc.runs.train_loop import WorkerLoop
from rwsc.runs.train_session import RECORD_KEY, HereSession
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig


def config(output, **values):
    small = {
        "phantoms": 2, "steps": 6, "batch": 2, "checkpoint_every": 2, "report_every": 1, "validation_samples": 2,
        "threads": 1, "sample": {"crop_px": 32}, "network": {"stage_channels": (4, 8), "hidden_channels": 4},
    }  # fmt: skip
    return TrainConfig(output=output, **{**small, **values})


def test_the_last_and_the_best_checkpoint_are_kept_and_found_again(store_uri):
    run = Prefix(store_uri)
    session = HereSession(run, "cpu")
    assert session.last_state() is None
    for step, total in ((2, 0.5), (4, 0.3), (6, 0.4), (8, 0.9)):
        session.report({"step": step, "val_total": total}, f"state {step}".encode())
    for found in (session, HereSession(run, "cpu")):
        assert found.last_state() == b"state 8"
        assert found.best() == (b"state 4", {"step": 4, "val_total": 0.3})
    assert sorted(run.list_keys("checkpoints/here")) == [
        f"checkpoints/here/step_{step:08d}.safetensors" for step in (4, 8)
    ]


def test_a_damaged_record_begins_anew(tmp_path):
    run = Prefix(str(tmp_path))
    run.write(RECORD_KEY, b"{")
    assert HereSession(run, "cpu").last_state() is None


def test_a_run_cut_short_gives_the_same_weights_as_one_that_was_not(tmp_path, monkeypatch):
    whole = Prefix(train(config(str(tmp_path / "whole")), here="cpu").removesuffix(f"/{WEIGHTS_KEY}"))
    log = Prefix(str(tmp_path / "cut"))
    begun = config(log.uri)
    checkpoint = WorkerLoop._checkpoint

    def stop_after_four(self, metrics):
        checkpoint(self, metrics)
        if self._step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(WorkerLoop, "_checkpoint", stop_after_four)
    with pytest.raises(KeyboardInterrupt):
        train(begun, here="cpu")
    monkeypatch.undo()
    assert not log.exists(WEIGHTS_KEY)
    assert json.loads(log.read(RECORD_KEY))["last"]["step"] == 4
    train(begun, here="cpu")
    assert log.read(WEIGHTS_KEY) == whole.read(WEIGHTS_KEY)
    assert [line["step"] for line in read_metrics(log)] == [1, 2, 3, 4, 5, 6]
    assert json.loads(log.read(CARD_KEY))["training"]["seed"] == 0


def test_a_finished_run_is_left_alone(tmp_path, monkeypatch):
    uri = train(config(str(tmp_path), steps=2), here="cpu")
    monkeypatch.setattr(WorkerLoop, "run", lambda self: pytest.fail("trained again"))
    assert train(config(str(tmp_path), steps=2), here="cpu") == uri


def test_several_workers_do_not_fit_into_one_process(tmp_path):
    with pytest.raises(ConfigError, match="2 workers"):
        train(config(str(tmp_path), workers=2), here="cpu")


def test_the_random_stream_of_the_process_does_not_matter(tmp_path):
    torch.manual_seed(99)
    first = train(config(str(tmp_path / "a"), steps=2), here="cpu")
    torch.rand(3)
    second = train(config(str(tmp_path / "b"), steps=2), here="cpu")
    with open(first, "rb") as one, open(second, "rb") as other:
        assert one.read() == other.read()


@pytest.mark.ray
@pytest.mark.long
def test_ray_train_gives_the_same_weights(tmp_path, ray_cluster):
    here = train(config(str(tmp_path / "here")), here="cpu")
    there = train(config(str(tmp_path / "there")))
    with open(here, "rb") as one, open(there, "rb") as other:
        assert one.read() == other.read()
