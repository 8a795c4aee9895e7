import json

import numpy as np
import pytest
from support.corpora import make_inputs, synth_config

from rwsc.errors import ConfigError, WeightsError
from rwsc.fusion.compose import Insertion, fuse_in_rounds
from rwsc.fusion.engines import EngineConfig, open_classic
from rwsc.fusion.network.weights import decode_weights
from rwsc.fusion.rwsc import RwscEngine
from rwsc.runs.synth_inputs import read_inputs, with_whole_addresses
from rwsc.runs.train import train
from rwsc.runs.weights import DEFAULT_WEIGHTS, absolute_weights, read_weights, weights_uris
from rwsc.sources.licences import Licence, classify
from rwsc.storage.prefix import Prefix
from rwsc.training.settings import TrainConfig

MAX_BYTES = 8 * 2**20


def test_the_weights_that_come_with_rwsc_are_small_free_to_use_and_fit_their_card():
    weights, card_json = read_weights(DEFAULT_WEIGHTS)
    network, card = decode_weights(weights, card_json)
    assert len(weights) < MAX_BYTES
    assert classify(card.data_licence) is Licence.PERMISSIVE
    assert card.training["phantoms"] > 0
    assert card.training["items"] is None if "items" in card.training else not card.data_hashes
    assert sum(parameter.numel() for parameter in network.parameters()) > 100_000


def test_they_darken_a_bag_where_the_item_lies_and_do_something_else_than_tip():
    rng = np.random.default_rng(0)
    bag = rng.integers(120, 250, (96, 96, 3), dtype=np.uint8)
    item_HWC = np.full((32, 32, 3), (0.3, 0.45, 0.6), np.float32)
    put = [Insertion(transmission_HWC=item_HWC, alpha_HW=np.ones((32, 32), np.float32), x_px=30, y_px=30)]
    fused = {
        engine.name: fuse_in_rounds([bag], [np.full(3, 255.0)], [put], engine)[0].astype(float)
        for engine in (RwscEngine(*read_weights(DEFAULT_WEIGHTS)), open_classic("tip", EngineConfig()))
    }
    inside = (slice(34, 58), slice(34, 58))
    assert fused["rwsc"][inside].mean() < bag[inside].mean() - 40
    assert np.abs(fused["rwsc"] - fused["tip"])[inside].mean() > 1
    np.testing.assert_array_equal(fused["rwsc"][:20], bag[:20])


def test_a_corpus_without_weights_is_made_with_them_and_says_so(tmp_path):
    make_inputs(str(tmp_path))
    config = with_whole_addresses(synth_config(str(tmp_path), engine="rwsc", output=f"{tmp_path}/corpus"))
    card = read_inputs(config).card
    assert card["addresses"]["weights"] == DEFAULT_WEIGHTS
    assert len(card["inputs"]["weights"]) == 64


def test_fine_tuning_takes_over_the_network_they_have(tmp_path):
    small = {"phantoms": 2, "steps": 1, "batch": 1, "validation_samples": 1, "sample": {"crop_px": 32}}
    train(TrainConfig(output=str(tmp_path), start_from=DEFAULT_WEIGHTS, **small), here="cpu")
    tuned, card = decode_weights(*read_weights(str(tmp_path)))
    default, _ = decode_weights(*read_weights(DEFAULT_WEIGHTS))
    assert tuned.config == default.config
    assert set(card.data_hashes) == {"start_from"}
    steps = [
        float((mine - theirs).detach().abs().max())
        for mine, theirs in zip(tuned.parameters(), default.parameters(), strict=True)
    ]
    assert 0 < max(steps) < 0.01
    settings = json.loads(Prefix(str(tmp_path)).read("run.json"))["settings"]
    assert settings["network"]["pixel_channels"] == default.config.pixel_channels


def test_settings_of_ones_own_must_fit_them(tmp_path):
    with pytest.raises(
        ConfigError, match="default holds another network than size 'base' asks for: size tiny, not base, "
    ):
        train(
            TrainConfig(output=str(tmp_path), start_from=DEFAULT_WEIGHTS, size="base", phantoms=2), here="cpu"
        )


def test_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_weights("default") == "default"
    assert absolute_weights("./default") == f"{tmp_path}/default"
    assert weights_uris("run") == (f"{tmp_path}/run/weights.safetensors", f"{tmp_path}/run/weights.json")
    assert weights_uris("a.safetensors") == (f"{tmp_path}/a.safetensors", f"{tmp_path}/a.json")
    with pytest.raises(WeightsError, match="no weights"):
        read_weights("./default")
