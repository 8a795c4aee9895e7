import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from rwsc.evaluation.metric_totals import MetricTotal, total_of
from rwsc.evaluation.study import Arm, StudyConfig, train_config
from rwsc.evaluation.study_figures import Sheet
from rwsc.evaluation.study_page import Study, best_of, render_page, statements, to_json
from rwsc.evaluation.study_tables import Column, Outcome, Row, build_tables, figure_of
from rwsc.fusion.baselines.methods import DEVIATIONS

KEYS = [f"{region}.{name}" for region in ("box", "frame", "mask") for name in ("q_e", "qabf", "psnr", "ei")]
KEYS += ["outside.mae", "outside.psnr", "loss.ll", "loss.csd", "loss.recon"]


def found(outcomes=None, **values):
    arms = [
        Arm(name="rwsc", title="<script>alert(1)</script>", tables=["methods", "edge_attention"]),
        Arm(name="mefnet", set={"method": "mefnet"}, tables=["methods"], against=["rwsc"]),
    ]
    config = StudyConfig(
        **{"output": "out", "phantoms": 3, "arms": arms, "seeds": [0, 1], "engines": ["tip"], **values}
    )
    if outcomes is None:
        outcomes = {
            "rwsc": [outcome(0, 0.9), outcome(1, 0.7)],
            "mefnet": [outcome(0, 0.5), outcome(1, 0.6)],
            "tip": [
                outcome(None, 0.4, **{"outside.psnr": math.inf, "box.psnr": math.inf, "box.qabf": math.nan})
            ],
        }
    return Study(
        config=config,
        tables=build_tables(config, outcomes),
        figures={"figure8": Sheet(picture=np.zeros((8, 8, 3), np.uint8), caption="Figure 8 & more")},
        machines=[None, *[{"device": "cpu", "cpu": "a CPU", "gpu": None, "date": "2026-11-23"}] * 3],
        licence="academic only",
        is_academic=True,
        trained={arm.name: train_config(config, arm, 0) for arm in arms},
    )


def outcome(seed, value, **changes):
    return Outcome(seed=seed, scores=[{**dict.fromkeys(KEYS, value), **changes}])


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.sources = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href", "srcset", "action")]


def test_the_page_calls_for_nothing_and_runs_nothing():
    page = render_page(found())
    tags = Tags(page)
    assert "script" not in tags.tags
    assert "link" not in tags.tags
    assert all(source.startswith("data:image/jpeg;base64,") for source in tags.sources)
    assert len(tags.sources) == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src &#39;none&#39;" in page
    assert "prefers-color-scheme: dark" in page


def test_the_page_shows_ours_beside_the_slides_and_what_is_in_no_mean():
    page = re.sub(r"\s+", " ", render_page(found()))
    assert "0.8000 ± 0.1414" in page  # 0.9 and 0.7
    assert ">0.7509<" in page  # MEFNet's Q_E in the slides
    assert '<td title=""><strong>∞</strong></td>' in page
    assert "undefined" in page
    assert DEVIATIONS["mefnet"] in page
    assert DEVIATIONS["u2fusion"] not in page
    assert "ahead in 2 of 2 seeds" in page


def test_json_is_json_and_says_the_same():
    document = json.loads(json.dumps(to_json(found()), allow_nan=False))
    methods = next(table for table in document["tables"] if table["name"] == "methods")
    rwsc, mefnet, tip, truth = methods["rows"]
    assert truth["figures"] == {}
    assert rwsc["figures"]["box.q_e"]["mean"] == pytest.approx(0.8)
    assert rwsc["figures"]["box.q_e"]["by_seed"] == {"0": 0.9, "1": 0.7}
    assert mefnet["slides"]["ei"] == 85.0403
    assert tip["figures"]["box.psnr"]["infinite"] == 1
    assert tip["figures"]["box.psnr"]["mean"] is None
    assert tip["figures"]["box.qabf"]["undefined"] == 1
    assert document["runs"] == {"done": 4, "failed": 0, "wanted": 4}
    assert document["arms"]["mefnet"]["method"] == "mefnet"


def test_machines_and_dates_are_those_of_the_runs():
    said, page = " ".join(statements(found())), render_page(found())
    assert "on a CPU (3 runs) and hardware that was not recorded (1 run), in float32" in said
    assert "3 runs: cpu a CPU, device cpu, date 2026-11-23; 1 run: machine and date not recorded." in page
    machines = json.loads(json.dumps(to_json(found())))["machines"]
    assert [(each["runs"], each["dates"]) for each in machines] == [(3, ["2026-11-23"]), (1, [])]


def test_what_limits_the_figures_is_said():
    said = " ".join(statements(found()))
    for part in (
        "phantoms",
        "trained on a CPU",
        "Fewer than three seeds",
        "academic use alone",
        "nothing is pasted",
    ):
        assert part in said
    assert "Unfinished: 0 of 4" in " ".join(statements(found(outcomes={})))
    assert "Unfinished" not in said


def test_runs_that_failed_are_told_apart_from_those_to_come():
    outcomes = {
        "rwsc": [outcome(0, 0.9), Outcome(seed=1, failure="it diverged")],
        "mefnet": [outcome(0, 0.5), outcome(1, 0.6)],
    }
    said = " ".join(statements(found(outcomes=outcomes)))
    assert "Failed: 1 of 4 runs" in said
    assert "Unfinished" not in said
    assert to_json(found(outcomes=outcomes))["runs"] == {"done": 3, "failed": 1, "wanted": 4}
    outcomes["mefnet"].pop()
    assert "Unfinished: 2 of 4" in " ".join(statements(found(outcomes=outcomes)))


def on_scans(**settings):
    arms = [Arm(name="fresh"), Arm(name="tuned", set=settings)]
    config = StudyConfig(output="out", items="items", bags="bags.parquet", arms=arms)
    study = replace(found(), config=config, trained={arm.name: train_config(config, arm, 0) for arm in arms})
    return " ".join(statements(study))


def test_start_weights_that_may_have_seen_what_is_held_out_are_said():
    said = on_scans(start_from="somewhere/run")
    assert "splits val, test were in no training of this study." in said
    assert "Not trained from nothing: tuned (somewhere/run)." in said
    assert "other data, which is not checked" in said
    for settings in ({}, {"start_from": "default"}):
        said = on_scans(**settings)
        assert "splits val, test were in no training." in said
        assert "not checked" not in said
        assert ("tuned (default). default are the weights that come with rwsc" in said) == bool(settings)


def test_settings_that_arms_share_are_said():
    shared = {
        "training": {"steps": 7, "loss": {"w1": 0.5}},
        "rwsc": {"network": {"residual": "none"}},
        "baselines": {"learning_rate": 0.002},
    }
    config = StudyConfig(output="out", phantoms=1, arms=[Arm(name="rwsc")], **shared)
    study = replace(found(), config=config, trained={"rwsc": train_config(config, config.arms[0], 0)})
    said = " ".join(statements(study))
    assert "Settings of all arms that set no others: steps = 7, loss.w1 = 0.5." in said
    assert "Settings of all arms of the method rwsc that set no others: network.residual = none." in said
    assert "learning_rate" not in said  # no arm has another method


def test_the_network_is_called_our_reconstruction_and_what_the_slides_leave_open_is_said():
    said = " ".join(statements(found()))
    assert "Arms of the method rwsc without a residual" in said
    assert "are our reconstruction of the slides' network" in said
    assert "The slides leave open" in said
    assert "as the slides show it" not in said


def claim_texts(first, other):
    arms = [
        Arm(name="on", tables=["edge_attention"]),
        Arm(name="off", tables=["edge_attention"], against=["on"]),
    ]
    config = StudyConfig(output="out", phantoms=1, arms=arms, seeds=[0, 1, 2])
    page = render_page(
        replace(
            found(),
            config=config,
            tables=build_tables(config, {"on": first, "off": other}),
            trained={arm.name: train_config(config, arm, 0) for arm in arms},
        )
    )
    return re.findall(r'<span class="(holds|fails|undecided)">(?:MAE|PSNR) ([^<]*)</span>', page)


def test_claims_of_whole_studies_read_as_ever():
    assert claim_texts([outcome(0, 1.0), outcome(1, 1.0)], [outcome(0, 2.0), outcome(1, 1.5)]) == [
        ("holds", "better (-0.750, ahead in 2 of 2 seeds)"),
        ("fails", "worse (-0.75, ahead in 0 of 2 seeds)"),
    ]


def test_what_cannot_be_compared_is_said_and_not_shown_as_holding():
    nothing = ("undecided", "not compared: no seed has scores of both")
    assert claim_texts([outcome(0, 1.0)], [outcome(1, 2.0)]) == [nothing, nothing]
    assert claim_texts([outcome(0, math.nan)], [outcome(0, 2.0)]) == [nothing, nothing]
    assert claim_texts([outcome(0, 1.0)], []) == []


def test_a_tie_and_infinite_scores_have_words_of_their_own():
    mae, psnr = claim_texts([outcome(0, 1.0)], [outcome(0, 1.0)])
    assert mae == ("undecided", "equal (+0.000, ahead in 0 of 1 seed)")
    perfect = outcome(0, 1.0, **{"outside.psnr": math.inf})
    mae, psnr = claim_texts([perfect], [outcome(0, 1.0)])
    assert psnr == ("holds", "better (+∞, infinitely better in 1 score, ahead in 1 of 1 seed)")
    mixed = [outcome(0, 1.0, **{"outside.psnr": math.inf}), outcome(1, 1.0)]
    mae, psnr = claim_texts(mixed, [outcome(0, 1.0), outcome(1, 1.0, **{"outside.psnr": math.inf})])
    assert "infinitely better in 1 score and worse in 1 score, ahead in 1 of 2 seeds" in psnr[1]


def test_a_difference_too_small_for_its_digits_is_no_zero():
    mae, _ = claim_texts([outcome(0, 1.0)], [outcome(0, 1.00003)])
    assert mae == ("holds", "better (-3e-05, ahead in 1 of 1 seed)")


def test_the_best_are_those_with_infinite_scores_and_nobody_where_these_and_means_disagree():
    column = Column(key="psnr", head="PSNR", group="", better="high")

    def best(column, **scores):
        rows = [
            Row(
                name=name,
                title=name,
                figures={"psnr": figure_of({"0": sum(map(total_of, row), MetricTotal())})},
                done=1,
                wanted=1,
            )
            for name, row in scores.items()
        ]
        return best_of(column, rows)

    assert best(column, a=[50.0, 50.0], b=[40.0, 70.0]) == {"b"}
    assert best(column, a=[math.inf, math.inf], b=[60.0, 70.0], c=[math.inf, math.inf]) == {"a", "c"}
    assert best(column, a=[math.inf, 50.0], b=[60.0, 60.0]) == set()
    assert best(column, a=[math.inf, 70.0], b=[60.0, 60.0]) == {"a"}
    assert best(column, a=[math.nan], b=[math.nan]) == set()
    assert best(replace(column, is_marked=False), a=[50.0], b=[40.0]) == set()


def test_a_page_of_nothing_yet_and_of_failures_is_a_page():
    page = render_page(found(outcomes={"rwsc": [Outcome(seed=0, failure="diverged at <step> 3")]}))
    assert "diverged at &lt;step&gt; 3" in page
    assert "0 of 2 runs" in page
