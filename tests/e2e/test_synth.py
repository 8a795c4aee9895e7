"""Synthesis on a real cluster: same bytes anywhere, nothing lost, nothing twice, resume after every kill."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from support.corpora import make_inputs, synth_config
from support.made_corpora import files_of, make_here
from support.processes import kill, ray_workers, rwsc, wait_for

from rwsc.corpus.coco import COCO_KEY
from rwsc.corpus.commit import committed_shards, read_rows
from rwsc.corpus.limit import FailureLimit
from rwsc.errors import RunMismatch, SourceError, WeightsError
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.runs.claimed import claim_and_plan, prepared
from rwsc.runs.limits import TooFarFromBags, TooManyFailed
from rwsc.runs.synthesize import synthesize
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix, read_uri

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def write_weights(folder, seed=0, **changes):
    torch.manual_seed(seed)
    config = named_config("tiny", **changes)
    card = WeightsCard(network=config, code_version="0", data_licence="CC0")
    network = RwscNetwork(config)
    with torch.no_grad():  # an untrained network is TIP exactly
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    weights, text = encode_weights(network, card)
    folder.write("weights.safetensors", weights)
    folder.write("weights.json", text)
    return folder.uri


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(Prefix(str(tmp_path_factory.mktemp("weights"))))


CHANGES = {"engine": "rwsc", "num_images": 48, "shard_images": 4, "placement": {"items_max": 2}}


def make(inputs_root, output, **changes):
    config = synth_config(inputs_root, output=str(output), **changes)
    return config, synthesize(config)


def rows_of(uri):
    corpus = Prefix(uri)
    return [row for shard in sorted(committed_shards(corpus)) for row in read_rows(corpus, shard)]


@pytest.fixture(scope="module")
def made(ray_cluster, inputs_root, weights, tmp_path_factory):
    """The undisturbed corpus: its settings and totals."""
    output = tmp_path_factory.mktemp("made") / "corpus"
    return make(inputs_root, output, weights=weights, workers=3, **CHANGES)


def test_one_worker_and_three_make_the_same_files(made, inputs_root, weights, tmp_path):
    make(inputs_root, tmp_path / "one", weights=weights, workers=1, **CHANGES)
    one, three = files_of(str(tmp_path / "one")), files_of(made[0].output)
    assert one == three
    assert sum(key.startswith("images/") for key in one) == 48


def test_every_planned_image_is_one_row_and_every_made_row_one_file(made):
    config, totals = made
    corpus, rows = Prefix(config.output), rows_of(config.output)
    assert len(rows) == len({row["image_id"] for row in rows}) == totals.planned == 48
    assert {row["uri"] for row in rows} == set(corpus.list_keys("images"))
    for row in rows:
        assert hashlib.sha256(corpus.read(row["uri"])).hexdigest() == row["sha256"]


def test_both_engines_share_one_plan_and_its_placements(made, inputs_root, tmp_path):
    config, _ = make(inputs_root, tmp_path / "tip", **{**CHANGES, "engine": "tip"})
    by_tip = {row["image_id"]: row for row in rows_of(config.output)}
    by_rwsc = {row["image_id"]: row for row in rows_of(made[0].output)}
    assert by_tip.keys() == by_rwsc.keys()
    for image_id, row in by_tip.items():
        assert row["objects"] == by_rwsc[image_id]["objects"]
        assert row["sha256"] != by_rwsc[image_id]["sha256"]


def test_a_second_run_changes_nothing_and_says_so(made, capsys):
    config, totals = made
    before = {path: path.stat().st_mtime_ns for path in Path(config.output).rglob("*") if path.is_file()}
    capsys.readouterr()
    assert synthesize(config) == totals
    assert "nothing to do" in capsys.readouterr().err
    after = {path: path.stat().st_mtime_ns for path in Path(config.output).rglob("*") if path.is_file()}
    assert after == before


def test_a_folder_of_other_settings_is_refused_with_the_difference(made, tmp_path):
    config, _ = made
    before = files_of(config.output)
    with pytest.raises(RunMismatch, match=r"settings.num_images: 48 -> 8; settings.seed: 0 -> 5"):
        synthesize(config.model_copy(update={"num_images": 8, "seed": 5}))
    make_inputs(str(tmp_path / "other"), num_bags=3)
    with pytest.raises(RunMismatch, match=r"inputs.bags"):
        synthesize(config.model_copy(update={"bags": str(tmp_path / "other" / "catalogue.parquet")}))
    assert files_of(config.output) == before


def test_outside_the_fused_rectangles_the_files_decode_to_the_bag(made):
    corpus = Prefix(made[0].output)
    for row in rows_of(corpus.uri):
        image, bag = decode_image(corpus.read(row["uri"])), decode_image(read_uri(row["scan_uri"]))
        outside = np.ones(bag.shape[:2], bool)
        for thing in row["objects"]:
            x, y, width, height = thing["fused_xywh"]
            outside[y : y + height, x : x + width] = False
        np.testing.assert_array_equal(image[outside], bag[outside])


def test_weights_of_another_size_are_refused_before_anything_is_written(inputs_root, tmp_path):
    folder = Prefix(str(tmp_path / "weights"))
    write_weights(folder)
    other = Prefix(str(tmp_path / "other"))
    write_weights(other, stage_channels=(8, 16, 32))
    folder.write("weights.safetensors", other.read("weights.safetensors"))
    config = synth_config(inputs_root, output=str(tmp_path / "corpus"), engine="rwsc", weights=folder.uri)
    with pytest.raises(WeightsError):
        synthesize(config)
    assert list(Prefix(config.output).list_keys()) == []


def test_bags_spoilt_after_indexing_cost_a_row_each(ray_cluster, tmp_path):
    make_inputs(str(tmp_path), num_bags=6)
    bags = sorted((tmp_path / "scans" / "bags").iterdir())
    bags[0].unlink()
    bags[1].write_bytes(b"")
    bags[2].write_text("this is no picture")
    config, totals = make(str(tmp_path), tmp_path / "corpus", num_images=6)
    assert (totals.planned, totals.made, totals.failed) == (6, 3, 3)
    rows = rows_of(config.output)
    reasons = sorted(row["reason"] for row in rows if row["status"] == "failed")
    assert len(reasons) == 3
    assert all(row["uri"] is None for row in rows if row["status"] == "failed")


def test_an_archive_that_is_not_there_stops_the_run_before_it_starts(ray_cluster, tmp_path):
    make_inputs(str(tmp_path), num_bags=3)
    (tmp_path / "scans").rename(tmp_path / "moved")
    with pytest.raises(SourceError, match="none of the first 3 bags is where the catalogue says"):
        make(str(tmp_path), tmp_path / "corpus")
    assert not committed_shards(Prefix(str(tmp_path / "corpus")))


def test_a_corpus_whose_summaries_are_gone_gets_them_again(made):
    config, totals = made
    corpus = Prefix(config.output)
    coco = corpus.read(COCO_KEY)
    corpus.delete(COCO_KEY)
    corpus.write("report.json", b"{")
    assert synthesize(config) == totals
    assert corpus.read(COCO_KEY) == coco


def test_after_a_killed_driver_and_a_killed_worker_the_corpus_is_the_undisturbed_one(
    made, ray_cluster, inputs_root, weights, tmp_path
):
    output = tmp_path / "corpus"
    settings = tmp_path / "settings.toml"
    settings.write_text("[synth]\nshard_images = 4\n")
    arguments = [
        "synth", "--items", f"{inputs_root}/items", "--bags", f"{inputs_root}/catalogue.parquet", "-o", output,
        "--weights", weights, "--num-images", 48, "--items-per-bag", "1-2", "--workers", 2, "--config", settings,
    ]  # fmt: skip
    corpus = Prefix(str(output))

    driver = rwsc(*arguments, address=ray_cluster, cwd=tmp_path)
    wait_for(lambda: committed_shards(corpus), process=driver)
    kill(driver.pid)
    driver.communicate()
    assert 0 < len(committed_shards(corpus)) < 12
    wait_for(lambda: not ray_workers("MapWorker"))

    # One worker alone, so that the run cannot end unless its successor takes over.
    driver = rwsc(*arguments, "--workers", 1, address=ray_cluster, cwd=tmp_path)
    done = len(committed_shards(corpus))
    wait_for(lambda: len(committed_shards(corpus)) > done, process=driver)
    (victim,) = wait_for(lambda: ray_workers("MapWorker"), process=driver)
    kill(victim)
    successor = wait_for(lambda: ray_workers("MapWorker") - {victim}, process=driver)
    assert successor
    out, err = driver.communicate(timeout=180)
    assert driver.returncode == 0, err[-3000:]
    assert out.strip() == corpus.uri_of(COCO_KEY)
    assert files_of(str(output)) == files_of(made[0].output)


def test_controls_are_planned_made_counted_and_alike_on_any_number_of_workers(
    ray_cluster, inputs_root, tmp_path
):
    controls = {"empty_share": 0.25, "negative_share": 0.25, "distractor_share": 0.5}
    changes = {"num_images": 16, "shard_images": 4, "controls": controls}
    config, totals = make(inputs_root, tmp_path / "three", workers=3, **changes)
    make(inputs_root, tmp_path / "one", workers=1, **changes)
    assert files_of(config.output) == files_of(str(tmp_path / "one"))
    rows = rows_of(config.output)
    assert totals.roles == {
        role: {"made": number, "rejected": 0, "failed": 0}
        for role, number in (("empty", 4), ("negative", 4), ("positive", 8))
    }
    assert totals.distractors == sum(len(row["distractors"]) for row in rows) > 0
    coco = json.loads(Prefix(config.output).read(COCO_KEY))
    labelled = {annotation["image_id"] for annotation in coco["annotations"]}
    assert [image["id"] in labelled for image in coco["images"]] == [
        image["role"] == "positive" for image in coco["images"]
    ]
    assert len(coco["images"]) == 16
    assert {category["name"] for category in coco["categories"]} == {"gun", "knife"}


def test_a_run_whose_images_drift_is_ended_alike_on_any_number_of_workers_and_can_go_on(
    ray_cluster, inputs_root, tmp_path, capsys
):
    config = synth_config(inputs_root, output=str(tmp_path / "one"), num_images=20, shard_images=2, workers=1)
    told = []
    for name, workers in (("one", 1), ("three", 3)):
        changed = config.model_copy(update={"output": str(tmp_path / name), "workers": workers})
        with pytest.raises(
            TooFarFromBags, match=r"nepers from that in their bags, more than the 0\.001"
        ) as ended:
            synthesize(changed, max_drift=0.001)
        told.append(ended.value.message.rpartition("; ")[0])
        assert rows_of(changed.output)
        assert not (tmp_path / name / "report.json").exists()
    assert told[0] == told[1]
    assert "by 16 images" in told[0]
    totals = synthesize(config, max_drift=5.0)
    assert totals.planned == 20
    reference = config.model_copy(update={"output": str(tmp_path / "undisturbed")})
    make_here(reference)
    assert files_of(config.output) == files_of(reference.output)


@pytest.mark.s3
@pytest.mark.long
def test_a_corpus_grows_and_its_failed_images_are_tried_again_in_a_bucket_too(ray_cluster, s3_uri, capsys):
    make_inputs(s3_uri, num_bags=4)
    scans = Prefix(f"{s3_uri}/scans")
    key = next(key for key in scans.list_keys("bags"))
    config, totals = make(s3_uri, f"{s3_uri}/at-once", num_images=10, workers=1)
    assert totals.made == 10

    data = scans.read(key)
    scans.delete(key)
    smaller = config.model_copy(update={"output": f"{s3_uri}/grown", "num_images": 4})
    assert synthesize(smaller).failed == 1
    larger = smaller.model_copy(update={"num_images": 10})
    claim_and_plan(prepared(larger), may_grow=True)  # killed before anything was made
    with pytest.raises(TooManyFailed, match="1 images failed, more than the 0 that"):
        synthesize(smaller, extend=6, max_failed=FailureLimit(number=0))
    with pytest.raises(RunMismatch, match=r"settings.num_images: 10 -> 4"):
        synthesize(smaller)
    scans.write(key, data)
    assert synthesize(smaller, extend=6, retry_failed=True) == totals
    assert files_of(f"{s3_uri}/grown") == files_of(config.output)
    capsys.readouterr()
    assert synthesize(smaller, extend=6) == totals
    assert "nothing to do" in capsys.readouterr().err


@pytest.mark.s3
@pytest.mark.long
def test_the_same_run_works_in_a_bucket(ray_cluster, s3_uri, tmp_path, capsys):
    make_inputs(s3_uri, num_bags=4)
    weights = write_weights(Prefix(f"{s3_uri}/weights"))
    _, totals = make(s3_uri, f"{s3_uri}/corpus", engine="rwsc", weights=weights)
    assert totals.made == 7
    corpus = Prefix(f"{s3_uri}/corpus")
    (tmp_path / "coco.json").write_bytes(corpus.read(COCO_KEY))
    with capsys.disabled():
        coco = COCO(str(tmp_path / "coco.json"))
    for image in coco.imgs.values():
        assert decode_image(corpus.read(image["file_name"])).shape[:2] == (image["height"], image["width"])
    assert synthesize(synth_config(s3_uri, engine="rwsc", weights=weights)) == totals
