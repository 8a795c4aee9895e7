import json

import numpy as np
import pytest
import torch

from rwsc.errors import ConfigError, ObjectExists, RwscError, WeightsError
from rwsc.fusion.engines import ENGINES
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.runs.bench_truth import BASELINE, FLOOR, measure_truth, open_engines
from rwsc.runs.weights import CARD_KEY, WEIGHTS_KEY
from rwsc.storage.images import decode_image
from rwsc.storage.prefix import Prefix


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """An untrained network, which gives the product of transmissions."""
    run = Prefix(str(tmp_path_factory.mktemp("fresh")))
    torch.manual_seed(0)
    config = named_config("tiny")
    card = WeightsCard(
        network=config, code_version="0", training={}, data_hashes={}, metrics={}, data_licence="none"
    )
    for key, data in zip((WEIGHTS_KEY, CARD_KEY), encode_weights(RwscNetwork(config), card), strict=True):
        run.write(key, data)
    return run.uri


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    return str(tmp_path_factory.mktemp("sheet") / "sheet.png")


@pytest.fixture(scope="module")
def measured(fresh, sheet):
    return measure_truth(3, engines=["tip_dual", "rwsc"], weights=[fresh], sheet=sheet)


def test_every_engine_the_baseline_and_the_floor_are_measured(measured, fresh):
    assert list(measured["engines"]) == [FLOOR, BASELINE, "tip_dual", f"rwsc {fresh}"]
    assert measured["phantoms"] == 3
    for row in measured["engines"].values():
        assert 5 < row["psnr_db"]["mean"] < 60
        assert 0 <= row["class_agreement"]["mean"] <= 1


def test_gains_are_against_the_baseline_and_no_engine_reaches_the_floor(measured):
    rows = measured["engines"]
    assert rows[BASELINE]["gain_db"]["mean"] == rows[BASELINE]["gain_db"]["se"] == 0
    for name, row in rows.items():
        gain = row["psnr_db"]["mean"] - rows[BASELINE]["psnr_db"]["mean"]
        assert row["gain_db"]["mean"] == pytest.approx(gain, abs=1e-3), name
        assert name == FLOOR or row["psnr_db"]["mean"] < rows[FLOOR]["psnr_db"]["mean"] - 3


def test_a_network_that_learned_nothing_is_the_product(measured, fresh):
    tip, network = (measured["engines"][name] for name in (BASELINE, f"rwsc {fresh}"))
    assert network["psnr_db"]["mean"] == pytest.approx(tip["psnr_db"]["mean"], abs=0.05)


def test_the_same_phantoms_are_measured_whenever_asked_and_the_result_goes_into_json(measured):
    alone = measure_truth(3, engines=["tip"])
    assert alone["engines"][BASELINE] == measured["engines"][BASELINE]
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured


def test_the_picture_has_a_column_for_each(measured, sheet):
    picture = decode_image(Prefix(sheet.rsplit("/", 1)[0]).read("sheet.png"))
    assert picture.dtype == np.uint8
    assert picture.shape[1] > 7 * 160
    assert picture.shape[0] > 3 * 2 * 100


def test_a_picture_is_not_replaced_unasked_and_told_so_before_the_measuring(measured, sheet):
    with pytest.raises(ObjectExists, match="exists already"):
        measure_truth(1_000_000, engines=["tip"], sheet=sheet)
    measure_truth(1, engines=["tip"], sheet=sheet, overwrite=True)


def test_all_engines_are_measured_unless_some_are_named(fresh):
    assert list(open_engines(None, [])) == [name for name in ENGINES if name != "rwsc"]
    assert list(open_engines(None, [fresh]))[-1] == f"rwsc {fresh}"
    assert list(open_engines(["alpha"], [])) == [BASELINE, "alpha"]
    assert list(open_engines(["alpha"], [fresh])) == [BASELINE, "alpha", f"rwsc {fresh}"]


@pytest.mark.parametrize(
    ("names", "weights", "error", "message"),
    [
        (["magic"], [], ConfigError, "no engine 'magic'"),
        (["rwsc"], [], ConfigError, "measured with weights"),
        (None, ["nowhere"], WeightsError, "no weights"),
    ],
)
def test_what_cannot_be_opened_is_refused(names, weights, error, message):
    with pytest.raises(error, match=message):
        open_engines(names, weights)
    assert issubclass(error, RwscError)
