import hashlib
import json

import pytest
import torch
from safetensors.torch import load, save

from rwsc.errors import WeightsError
from rwsc.fusion.baselines.config import BASELINE_NAMES, BaselineConfig
from rwsc.fusion.baselines.methods import build_baseline
from rwsc.fusion.baselines.weights import BaselineCard, decode_baseline
from rwsc.fusion.network.config import named_config
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import WeightsCard, decode_weights, encode_weights


def make_pair(method="mefnet", seed=0):
    torch.manual_seed(seed)
    config = BaselineConfig(method=method, width_divisor=4)
    network = build_baseline(config).train()
    pair = torch.rand(2, 2, 1, 40, 40)
    network.fuse_luma(*pair)  # what counts batches and settles norms is no longer as it was made
    card = BaselineCard(network=config, code_version="0", data_licence="academic", metrics={"val_total": 0.5})
    return network.eval(), encode_weights(network, card)


@pytest.fixture(scope="module")
def pair():
    return make_pair()[1]


def forged(weights, card, **changes):
    values = {**json.loads(card), "weights_sha256": hashlib.sha256(weights).hexdigest(), **changes}
    return weights, json.dumps(values).encode()


def assert_refused(weights, card, match, method="mefnet"):
    with pytest.raises(WeightsError, match=match) as refusal:
        decode_baseline(weights, card, method=method)
    assert "\n" not in refusal.value.message
    assert len(refusal.value.message) < 400
    assert refusal.value.remedy


@pytest.mark.parametrize("method", BASELINE_NAMES)
def test_a_network_comes_back_as_it_was_and_the_card_names_its_method(method):
    network, (weights, card) = make_pair(method)
    back, read_card = decode_baseline(weights, card, method=method)
    assert not back.training
    item, bag, mask = torch.rand(1, 3, 30, 33), torch.rand(1, 3, 30, 33), torch.zeros(1, 1, 30, 33)
    with torch.inference_mode():
        assert torch.equal(network(item, bag, mask), back(item, bag, mask))
    assert json.loads(card)["network"] == {"method": method, "width_divisor": 4}
    assert read_card.network.method == method
    assert read_card.data_licence == "academic"
    assert read_card.weights_sha256 == hashlib.sha256(weights).hexdigest()


def test_weights_of_another_method_are_refused_by_name(pair):
    assert_refused(*pair, match="are of the method 'mefnet', not 'deepfuse'", method="deepfuse")
    _, swapped = make_pair("fusiongan_swapped")
    assert_refused(*swapped, match="'fusiongan_swapped', not 'fusiongan'", method="fusiongan")


def test_weights_of_rwsc_are_no_baselines_and_the_reverse(pair):
    config = named_config("tiny")
    card = WeightsCard(network=config, code_version="0", data_licence="none")
    assert_refused(*encode_weights(RwscNetwork(config), card), match="are of the method 'rwsc', not 'mefnet'")
    with pytest.raises(WeightsError, match="are of the method 'mefnet', not 'rwsc'") as refusal:
        decode_weights(*pair)
    assert "fetch" not in refusal.value.remedy


def test_any_changed_byte_is_noticed(pair):
    weights, card = pair
    for position in (0, 40, len(weights) // 2, len(weights) - 1):
        changed = bytearray(weights)
        changed[position] ^= 1
        assert_refused(bytes(changed), card, match="the weights' SHA-256 is .* the card says")


@pytest.mark.parametrize("weights", [b"", b"\x80\x04K\x01.", b"garbage" * 100])
def test_what_is_no_safetensors_is_refused_even_with_a_matching_hash(pair, weights):
    assert_refused(*forged(weights, pair[1]), match="not readable safetensors")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.pop("layers.0.weight"), "'layers.0.weight' is missing"),
        (lambda t: t.update(extra=torch.zeros(2)), "the network has missing"),
        (lambda t: t.update({"layers.0.weight": torch.zeros(6, 1, 3, 3).half()}), "float16"),
        (lambda t: t["layers.0.weight"].fill_(float("nan")), "not finite"),
    ],
    ids=["missing", "extra", "half", "nan"],
)
def test_tensors_other_than_the_cards_are_refused(pair, change, match):
    tensors = load(pair[0])
    change(tensors)
    assert_refused(*forged(save(tensors), pair[1]), match=match)


@pytest.mark.parametrize(
    ("network", "match"),
    [
        ({"method": "mefnet", "width_divisor": 1}, "do not fit their card"),
        ({"method": "mefnet", "width_divisor": 0}, "'network.width_divisor'"),
        ({"method": "magic"}, "'network.method'"),
        ({"method": "mefnet", "depth": 3}, "'network.depth'"),
        (3, "'network'"),
    ],
    ids=str,
)
def test_a_card_of_another_network_is_refused(pair, network, match):
    assert_refused(*forged(*pair, network=network), match=match)
