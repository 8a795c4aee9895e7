import pytest
from support.probe_scans import write_probe_scans

from rwsc.errors import ConfigError, SourceError
from rwsc.runs.bench_probe import MIN_PICTURES, measure_probe, measure_probe_on_scans

HALF = {"mean": 0.5, "lowest": 0.5, "highest": 0.5}


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_probe_scans(str(tmp_path_factory.mktemp("probe")), num_threats=16)


def are_in_order(auc):
    return 0 <= auc["lowest"] <= auc["mean"] <= auc["highest"] <= 1


def test_every_engine_has_all_figures_and_tip_leaves_no_trace_without_an_item():
    found = measure_probe(MIN_PICTURES, engines=["tip"])
    assert list(found["engines"]) == ["scanned again", "tip"]
    again, tip = found["engines"].values()
    assert (again["matched"], again["empty"]) == (None, None)
    assert tip["empty"] == HALF
    assert all(are_in_order(auc) for auc in (again["composite"], tip["composite"], tip["matched"]))


@pytest.mark.long
def test_scans_of_a_user_have_all_figures_and_those_of_the_bags_alone(scans):
    found = measure_probe_on_scans(*scans, 100, engines=["tip", "alpha"])
    assert list(found["engines"]) == ["tip", "alpha"]
    assert sum(found["pairs_by_fold"]) == found["pairs"] >= MIN_PICTURES
    assert are_in_order(found["bags_alone"])
    for row in found["engines"].values():
        assert list(row) == ["composite", "matched", "own_scan", "empty"]
        assert row["empty"] == HALF
        assert all(are_in_order(auc) for auc in row.values())
    assert found["engines"]["alpha"]["own_scan"]["mean"] > 0.7
    assert measure_probe_on_scans(*scans, 100, engines=["tip"])["engines"]["tip"] == found["engines"]["tip"]


def test_an_engine_that_cannot_fuse_such_scans_is_refused_by_name(scans):
    with pytest.raises(ConfigError, match="tip_dual"):
        measure_probe_on_scans(*scans, 100, engines=["tip_dual"])


def test_too_few_pictures_and_unknown_engines_are_refused(scans):
    with pytest.raises(ConfigError, match="7 phantoms are too few"):
        measure_probe(MIN_PICTURES - 1)
    with pytest.raises(ConfigError, match="7 items are too few"):
        measure_probe_on_scans(*scans, MIN_PICTURES - 1)
    with pytest.raises(ConfigError, match="no engine 'magic'"):
        measure_probe(MIN_PICTURES, engines=["magic"])
    with pytest.raises(SourceError, match="cannot be taken apart"):
        measure_probe_on_scans(*scans, 8, without_groups=[f"benign {number}" for number in range(1, 4)])
