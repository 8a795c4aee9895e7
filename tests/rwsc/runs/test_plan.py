import json
from pathlib import Path

import pytest
from support.corpora import make_inputs, synth_config
from support.made_corpora import files_of, make_here

from rwsc.errors import RunMismatch
from rwsc.runs.plan import estimate, write_corpus_plan
from rwsc.storage.prefix import Prefix


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("plan")
    make_inputs(str(root))
    return root


def test_an_estimate_of_every_image_is_what_the_run_makes(root, tmp_path):
    config = synth_config(str(root), output=str(tmp_path / "corpus"), num_images=8, workers=2)
    found = estimate(config, num_sample=8)
    assert not (tmp_path / "corpus").exists()
    make_here(config)
    images = list((tmp_path / "corpus" / "images").rglob("*.png"))
    assert found["sample"] == {"images": 8, "made": len(images)}
    assert found["gigabytes"]["png"] == pytest.approx(sum(path.stat().st_size for path in images) / 1e9, 0.1)
    assert sum(found["expected_objects"].values()) == pytest.approx(8, abs=1)
    assert found["seconds_per_image"] > 0
    assert found["hours"] == pytest.approx((15 + 8 * found["seconds_per_image"] / 2) / 3600, abs=1e-3)
    assert (found["workers"], found["device"], found["gpu_hours"]) == (2, "cpu", 0.0)


def test_a_written_plan_is_taken_up_by_the_run(root, store_uri):
    config = synth_config(str(root), output=f"{store_uri}/planned")
    written = write_corpus_plan(config)
    assert written == {"plan": f"{config.output}/plan.parquet", "images": 7, "shards": 3}
    assert set(Prefix(config.output).list_keys()) == {"run.json", "plan.parquet"}
    before = files_of(config.output)
    assert write_corpus_plan(config) == written
    assert files_of(config.output) == before
    with pytest.raises(RunMismatch, match=r"settings.num_images: 7 -> 9"):
        write_corpus_plan(config.model_copy(update={"num_images": 9}))
    make_here(config)
    at_once = synth_config(str(root), output=f"{store_uri}/at-once")
    make_here(at_once)
    assert files_of(config.output) == files_of(at_once.output)


@pytest.fixture
def rwsc(rwsc, root):
    common = ["--items", root / "items", "--bags", root / "catalogue.parquet", "-o", "corpus"]
    return lambda *arguments: rwsc("plan", *common, *arguments)


def test_dry_run_prints_a_table_or_json_and_writes_nothing(rwsc):
    arguments = ["--engine", "tip", "--num-images", "100000", "--items-per-bag", "2", "--dry-run"]
    code, out, err = rwsc(*arguments, "--sample", "3")
    assert code == 0
    assert "100,000 in 3,125 shards" in out
    for start in (
        "rejected ",
        "time ",
        "GPU-hours ",
        "GB as png ",
        "GB as jpeg ",
        "class gun ",
        "class knife ",
    ):
        assert any(line.startswith(start) for line in out.splitlines()), start
    assert "making 3 of 100,000 images with tip on cpu, in memory" in err
    code, out, _ = rwsc(*arguments, "--sample", "3", "--json")
    assert json.loads(out)["images"] == 100_000
    assert list(Path().iterdir()) == []


def test_where_nothing_can_be_made_the_exit_code_says_so(rwsc, tmp_path):
    (tmp_path / "s.toml").write_text("[synth]\nmax_pixels = 10\n")
    code, out, err = rwsc("--engine", "tip", "--dry-run", "--config", "s.toml")
    assert code == 1
    assert "none of the images that were tried could be made" in err
    assert "failed " in out


def test_without_dry_run_the_plan_is_written(rwsc, tmp_path):
    code, out, err = rwsc("--engine", "tip", "--num-images", "40")
    assert (code, out) == (0, f"{tmp_path}/corpus/plan.parquet\n")
    assert "40 images in 2 shards are planned" in err
    code, _, err = rwsc("--engine", "tip", "--num-images", "41")
    assert code == 2
    assert "settings.num_images: 40 -> 41" in err
