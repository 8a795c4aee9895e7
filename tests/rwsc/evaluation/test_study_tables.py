import math
import statistics

import pytest

from rwsc.evaluation.metric_totals import totals_of
from rwsc.evaluation.study import Arm, StudyConfig
from rwsc.evaluation.study_tables import Outcome, build_tables, figure_of

KEYS = [f"{region}.{name}" for region in ("box", "frame", "mask") for name in ("q_e", "qabf", "psnr", "ei")]
KEYS += ["outside.mae", "outside.psnr", "loss.ll", "loss.csd", "loss.recon"]


def study(**values):
    return StudyConfig(**{"output": "out", "phantoms": 1, "seeds": [0, 1], "engines": ["tip"], **values})


def outcome(seed, *values, **changes):
    return Outcome(seed=seed, scores=[{**dict.fromkeys(KEYS, value), **changes} for value in values])


def test_the_mean_is_over_seeds_of_means_over_pairs_and_the_spread_is_between_seeds():
    rows = {"0": [1.0, 3.0], "1": [6.0], "2": [10.0, 12.0, 14.0]}
    figure = figure_of({seed: totals_of([{"x": v} for v in values])["x"] for seed, values in rows.items()})
    assert figure.mean == pytest.approx(20 / 3)
    assert figure.spread == pytest.approx(statistics.stdev([2, 6, 12]))
    assert figure.by_seed == {"0": 2, "1": 6, "2": 12}
    assert figure.between_pairs == pytest.approx(statistics.stdev([1, 3, 6, 10, 12, 14]))


def test_what_is_infinite_or_undefined_is_in_no_mean_but_counted():
    totals = totals_of([{"x": 2.0}, {"x": math.inf}, {"x": math.nan}, {"x": math.inf}])
    figure = figure_of({"0": totals["x"], "1": totals_of([{"x": math.inf}])["x"]})
    assert (figure.mean, figure.counted, figure.infinite, figure.undefined) == (2.0, 1, 3, 1)
    assert math.isnan(figure.spread)


def test_tables_are_those_that_arms_ask_for_with_the_slides_beside_them():
    arms = [Arm(name="rwsc", tables=["methods", "edge_attention"]), Arm(name="mefnet", tables=["methods"])]
    tables = {table.name: table for table in build_tables(study(arms=arms), {})}
    assert list(tables) == ["edge_attention", "methods"]
    assert [row.name for row in tables["methods"].rows] == ["rwsc", "mefnet", "tip", "truth"]
    assert tables["methods"].rows[1].slides["q_e"] == 0.7509
    assert tables["edge_attention"].rows[0].slides == {"outside.mae": 1.938, "outside.psnr": 39.084}
    assert tables["methods"].rows[2].slides == {}
    assert all(row.figures == {} and row.done == 0 for row in tables["methods"].rows)


def test_an_unfinished_or_failed_run_is_seen_and_does_not_count():
    arms = [Arm(name="a")]
    outcomes = {"a": [outcome(0, 4.0), Outcome(seed=1, failure="it diverged")]}
    (table,) = build_tables(study(arms=arms), outcomes)
    (row,) = table.rows
    assert (row.done, row.wanted, list(row.failures)) == (1, 2, ["seed 1: it diverged"])
    assert row.figures["box.q_e"].mean == 4.0


def test_a_claim_counts_seeds_and_knows_that_errors_should_be_low():
    arms = [
        Arm(name="on", title="with", tables=["edge_attention"]),
        Arm(name="off", title="without", tables=["edge_attention"], against=["on"]),
    ]
    outcomes = {
        "on": [outcome(0, 1.0, **{"outside.psnr": 40.0}), outcome(1, 2.0, **{"outside.psnr": 30.0})],
        "off": [outcome(1, 2.5, **{"outside.psnr": 31.0}), outcome(0, 2.0, **{"outside.psnr": 35.0})],
    }
    (table,) = build_tables(study(arms=arms), outcomes)
    mae, psnr = table.claims
    assert (mae.metric, mae.first, mae.other) == ("outside.mae", "with", "without")
    assert (mae.difference, mae.is_better, mae.ahead, mae.seeds) == (-0.75, True, 2, 2)
    assert (psnr.difference, psnr.is_better, psnr.ahead, psnr.seeds) == (2.0, True, 1, 2)


def test_a_claim_rests_on_the_seeds_that_both_arms_have():
    arms = [
        Arm(name="on", tables=["edge_attention"]),
        Arm(name="off", tables=["edge_attention"], against=["on"]),
    ]
    diverged = Outcome(seed=1, failure="it diverged")
    outcomes = {"on": [outcome(0, 1.0), outcome(1, 9.0)], "off": [outcome(0, 1.5), diverged]}
    (table,) = build_tables(study(arms=arms), outcomes)
    mae = table.claims[0]
    assert (mae.difference, mae.is_better, mae.ahead, mae.seeds) == (-0.5, True, 1, 1)


def test_a_sweep_has_every_arm_in_one_table():
    arms = [Arm(name=f"k{kernel}", set={"network.ea_kernel": kernel}) for kernel in (3, 5, 7)]
    (table,) = build_tables(study(arms=arms), {"k5": [outcome(0, 1.0), outcome(1, 2.0)]})
    assert table.name == "sweep"
    assert [row.done for row in table.rows] == [0, 2, 0]
    assert {column.key for column in table.columns} <= set(KEYS)


def test_the_order_in_which_runs_are_done_does_not_matter():
    runs = [outcome(seed, value) for seed, value in ((0, 0.1), (1, 0.7), (2, 1e9))]
    first, second = (
        build_tables(study(arms=[Arm(name="a")], seeds=[0, 1, 2]), {"a": order})
        for order in (runs, runs[::-1])
    )
    assert list(first[0].rows[0].figures["box.q_e"].by_seed) == list(
        second[0].rows[0].figures["box.q_e"].by_seed
    )
    assert first == second
