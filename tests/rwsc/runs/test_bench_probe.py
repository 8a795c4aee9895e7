import pytest

from rwsc.errors import ConfigError
from rwsc.runs.bench_probe import MIN_PHANTOMS, measure_probe


def test_every_engine_has_both_figures_and_tip_leaves_no_trace_without_an_item():
    found = measure_probe(MIN_PHANTOMS, engines=["tip"])
    assert list(found["engines"]) == ["scanned again", "tip"]
    assert found["engines"]["scanned again"]["empty"] is None
    assert found["engines"]["tip"]["empty"] == {"mean": 0.5, "lowest": 0.5, "highest": 0.5}
    for row in found["engines"].values():
        assert 0 <= row["composite"]["lowest"] <= row["composite"]["mean"] <= row["composite"]["highest"] <= 1


def test_too_few_phantoms_and_unknown_engines_are_refused():
    with pytest.raises(ConfigError, match="7 phantoms are too few"):
        measure_probe(MIN_PHANTOMS - 1)
    with pytest.raises(ConfigError, match="no engine 'magic'"):
        measure_probe(MIN_PHANTOMS, engines=["magic"])
