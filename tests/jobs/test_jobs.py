"""The entry points for Ray jobs, and the settings files that are shipped."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.corpora import write_scans
from support.scenes import write_masked_bags

from jobs.settle_outliner import settle_outliner
from rwsc.config import load_settings
from rwsc.corpus.commit import committed_shards
from rwsc.corpus.settings import SynthConfig
from rwsc.evaluation.study import StudyConfig, check_arms
from rwsc.items.in_box import SETTLING
from rwsc.items.settings import BuildConfig
from rwsc.sources.index import index_to_catalogue
from rwsc.sources.settings import IndexConfig
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "jobs" / "configs").glob("*.toml"))
KINDS = {
    "index": IndexConfig,
    "items": BuildConfig,
    "train": TrainConfig,
    "synth": SynthConfig,
    "evaluate_tables": StudyConfig,
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_settings_file_loads(path, monkeypatch):
    monkeypatch.setenv("RWSC_SCANS", "/scans")
    for section in tomllib.loads(path.read_text()):
        settings = load_settings(KINDS[section], section=section, file=str(path))
        if isinstance(settings, StudyConfig):
            check_arms(settings)


def test_the_job_that_trains_the_outliner_says_what_it_takes():
    command = [sys.executable, str(ROOT / "jobs" / "train_outliner.py"), "--help"]
    # A plain terminal: colours would come between the dashes and the name.
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    for option in ("--steps", "--seed", "--loader-workers"):
        assert option in out


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.long
def test_the_smoke_settings_go_through_every_stage_as_jobs_do(ray_cluster, tmp_path):
    write_scans(Prefix(str(tmp_path / "scans")), num_bags=4)
    environment = {**os.environ, "RAY_ADDRESS": ray_cluster, "RWSC_SCANS": str(tmp_path / "scans")}
    config = ["--config", str(ROOT / "jobs" / "configs" / "smoke.toml")]
    cli = [sys.executable, "-m", "rwsc.cli.main"]
    for command in (
        [*cli, "sources", "index", *config],
        [*cli, "items", "build", *config],
        [sys.executable, str(ROOT / "jobs" / "train.py"), *config],
        [sys.executable, str(ROOT / "jobs" / "synth.py"), *config],
    ):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert len(committed_shards(Prefix(str(tmp_path / "smoke" / "corpus")))) == 2


def test_settlings_of_outlines_are_compared_on_phantoms_and_scans(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("jobs.settle_outliner.SURE", ((0.03, 0.97),))
    monkeypatch.setattr("jobs.settle_outliner.LIKELY", (0.3, 0.5))
    write_masked_bags(Prefix(str(tmp_path / "scans")), ["a", "b", "b"])
    index_to_catalogue(str(tmp_path / "scans"), str(tmp_path / "catalogue.parquet"))
    settle_outliner(num_phantoms=8, seed=4, catalogue=str(tmp_path / "catalogue.parquet"))
    lines = capsys.readouterr().out.splitlines()
    head, taken, wide, other, confidence, of_scans = lines[:6]
    assert head.split() == ["bag", "likely", "item", "mean", "median", "0.8+"]
    assert [float(value) for value in taken.split()[:3]] == [SETTLING.bag, SETTLING.likely, SETTLING.item]
    assert [line.split()[:3] for line in (wide, other)] == [
        ["0.03", "0.30", "0.97"],
        ["0.03", "0.50", "0.97"],
    ]
    assert len({line.split()[3] for line in (taken, wide)}) == 2
    assert confidence.startswith("Confidence(expected_iou=")
    assert of_scans == "on 3 masked items of 2 groups of scans"
    assert lines[6].split()[-1] == "0.7+"
    assert [line.split()[:3] for line in lines[7:10]] == [line.split()[:3] for line in (taken, wide, other)]
    assert lines[10] == "each group settled as is best on all others"
    assert sum(int(line.split()[-2]) for line in lines[11:-1]) == 2
    mean, median, fair = map(float, lines[-1].split())
    assert 0 < mean < 1
    assert 0 < median < 1
    assert fair in {0, 0.333, 0.667, 1}


def test_a_catalogue_of_one_group_is_refused_in_a_line(tmp_path):
    write_masked_bags(Prefix(str(tmp_path / "scans")), ["a"])
    index_to_catalogue(str(tmp_path / "scans"), str(tmp_path / "catalogue.parquet"))
    job = [sys.executable, str(ROOT / "jobs" / "settle_outliner.py"), "--num-phantoms", "1"]
    done = subprocess.run(
        [*job, "--catalogue", str(tmp_path / "catalogue.parquet")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    error, remedy = done.stderr.splitlines()
    assert error.startswith("error: masked items of 1 groups of scans")
    assert remedy.startswith("try:   give a catalogue with masked items of two groups")
