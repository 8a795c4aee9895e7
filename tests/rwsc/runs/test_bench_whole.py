import pytest
from support.corpora import index_and_cut, make_inputs, synth_config
from support.two_energies import draw_truths, write_truths

from rwsc.errors import ConfigError
from rwsc.runs.bench_whole import BARE, measure_stages, measure_whole
from rwsc.storage.prefix import Prefix


@pytest.mark.long
def test_a_run_is_held_against_its_slowest_stage(ray_cluster, tmp_path):
    make_inputs(str(tmp_path))
    inputs = {"catalogue": f"{tmp_path}/catalogue.parquet", "items": f"{tmp_path}/items"}
    found = measure_whole(16, **inputs, engine="tip")
    assert found["slowest"] in BARE
    assert found["share"] == pytest.approx(found["rate"] / found["limit"], abs=0.01)
    slowest = found["stages_ms"][found["slowest"]]
    assert found["limit"] == pytest.approx(found["workers"] * 1000 / slowest["median"], rel=0.01)
    assert all(found["stages_ms"][name]["median"] <= slowest["median"] for name in BARE)
    stages = sum(stage["median"] for stage in found["stages_ms"].values())
    assert found["rest_ms"] == pytest.approx(found["workers"] * 1000 / found["rate"] - stages, rel=0.02)


def test_stages_are_in_the_order_of_the_work_and_take_time(tmp_path):
    make_inputs(str(tmp_path))
    stages = measure_stages(synth_config(str(tmp_path)).model_dump(), "cpu", 1, 2)
    assert list(stages)[:2] == ["read", "decode"]
    assert list(stages)[-1] == "write"
    assert all(min(stages[name]) > 0 for name in (*BARE, "read", "write", "find bag"))


def test_scans_of_two_energies_are_measured_too(tmp_path):
    write_truths(Prefix(str(tmp_path / "scans")), draw_truths(3), form="npy")
    index_and_cut(Prefix(str(tmp_path)))
    settings = synth_config(str(tmp_path), engine="tip_dual", num_images=3).model_dump()
    stages = measure_stages(settings, "cpu", 0, 1)
    assert all(min(stages[name]) > 0 for name in BARE)


@pytest.mark.long
def test_one_shard_alone_has_no_rate(ray_cluster, tmp_path):
    make_inputs(str(tmp_path))
    with pytest.raises(ConfigError, match="1 images are one shard alone"):
        measure_whole(1, catalogue=f"{tmp_path}/catalogue.parquet", items=f"{tmp_path}/items", engine="tip")


def test_a_catalogue_without_a_bank_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="go together"):
        measure_whole(4, catalogue=Prefix(str(tmp_path)).uri_of("c.parquet"))
