import hashlib
import json
import struct

import pytest
import torch
from safetensors.torch import load, save

from rwsc.errors import WeightsError
from rwsc.fusion.network.config import NetworkConfig
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import (
    FORMAT_VERSION,
    WeightsCard,
    decode_card,
    decode_weights,
    encode_weights,
)

CONFIG = NetworkConfig(stage_channels=(4, 6), hidden_channels=4)


def make_network(seed=0):
    torch.manual_seed(seed)
    return RwscNetwork(CONFIG)


def make_card(**changes):
    values = {
        "network": CONFIG,
        "code_version": "0.1.0",
        "training": {"steps": 10, "loss": {"a1": 1.0}},
        "data_hashes": {"items": "ab" * 32},
        "metrics": {"val_total": 0.5},
        "data_licence": "academic",
    }
    return WeightsCard(**{**values, **changes})


@pytest.fixture(scope="module")
def pair():
    return encode_weights(make_network(), make_card())


def with_card(weights, card, **changes):
    """Change fields of a card and let it name the weights it stands beside, as a forger would."""
    values = {**json.loads(card), "weights_sha256": hashlib.sha256(weights).hexdigest(), **changes}
    return weights, json.dumps(values).encode()


def assert_refused(weights, card, match):
    with pytest.raises(WeightsError, match=match) as refusal:
        decode_weights(weights, card)
    assert "\n" not in refusal.value.message
    assert len(refusal.value.message) < 400
    assert refusal.value.remedy


def test_a_network_comes_back_as_it_was(pair):
    network, card = decode_weights(*pair)
    written = make_network()
    inputs = [torch.rand(1, 3, 9, 11), torch.rand(1, 3, 9, 11), torch.rand(1, 1, 9, 11)]
    with torch.inference_mode():
        assert torch.equal(network(*inputs), written(*inputs))
    assert network.state_dict().keys() == written.state_dict().keys()
    assert card == make_card(weights_sha256=hashlib.sha256(pair[0]).hexdigest())
    assert not network.training


def test_a_decoded_network_can_be_trained_on(pair):
    network, _ = decode_weights(*pair)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    before = network.head.weight.detach().clone()
    network(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)).mean().backward()
    optimizer.step()
    assert (network.head.weight - before).abs().max() > 0.01


def test_equal_networks_give_equal_bytes(pair):
    assert encode_weights(make_network(), make_card()) == pair
    assert encode_weights(make_network(1), make_card())[0] != pair[0]


def test_reading_does_not_touch_the_random_stream(pair):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    decode_weights(*pair)
    assert torch.equal(torch.rand(3), expected)


def test_the_card_is_json_that_people_can_read(pair):
    values = json.loads(pair[1])
    assert values["format_version"] == FORMAT_VERSION
    assert values["network"]["stage_channels"] == [4, 6]
    assert values["data_licence"] == "academic"
    assert decode_card(pair[1]).training == {"steps": 10, "loss": {"a1": 1.0}}


def test_a_card_of_another_network_is_refused_when_writing():
    with pytest.raises(ValueError, match="not those of the network"):
        encode_weights(make_network(), make_card(network=NetworkConfig(stage_channels=(4, 8))))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_diverged_network_is_neither_written_nor_read(pair, value):
    network = make_network()
    network.head.bias.data[0] = value
    with pytest.raises(WeightsError, match=r"not finite, in 'head.bias'"):
        encode_weights(network, make_card())
    assert_refused(*with_card(save(network.state_dict()), pair[1]), match=r"not finite, in 'head.bias'")


def test_any_changed_byte_is_noticed(pair):
    weights, card = pair
    for position in (0, 8, 40, len(weights) // 2, len(weights) - 1):
        changed = bytearray(weights)
        changed[position] ^= 1
        assert_refused(bytes(changed), card, match="the weights' SHA-256 is .* the card says")
    assert_refused(weights[:-1], card, match="the weights' SHA-256 is")


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        b"\x80\x04K\x01.",  # a pickle
        b"garbage" * 100,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2) + b"{",
        struct.pack("<Q", 2) + b"[]",
    ],
    ids=["empty", "pickle", "garbage", "huge header", "short header", "list"],
)
def test_damaged_weights_are_refused_even_with_a_matching_hash(pair, weights):
    assert_refused(*with_card(weights, pair[1]), match="not readable safetensors")


def test_weights_cut_short_are_refused_even_with_a_matching_hash(pair):
    for length in (4, 30, len(pair[0]) // 2, len(pair[0]) - 1):
        assert_refused(*with_card(pair[0][:length], pair[1]), match="not readable safetensors")


def forge_safetensors(dtype, shape, num_bytes):
    header = json.dumps(
        {"head.bias": {"dtype": dtype, "shape": shape, "data_offsets": [0, num_bytes]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(num_bytes)


@pytest.mark.parametrize(
    ("dtype", "shape", "num_bytes"),
    [
        ("F4", [4], 2),
        ("X9", [4], 4),
        ("F32", [2**40, 2**40], 4),
        ("F32", [0, 2**63 - 1], 0),
        ("F32", [0, 2**40, 2**40], 0),
        ("F32", [-1], 4),
        ("F32", [], 0),
    ],
)
def test_tensors_that_cannot_be_are_refused(pair, dtype, shape, num_bytes):
    assert_refused(*with_card(forge_safetensors(dtype, shape, num_bytes), pair[1]), match="weights")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.pop("head.bias"), r"'head.bias' is missing, the network has \(3,\) float32"),
        (lambda t: t.update(extra=torch.zeros(2)), r"'extra' is \(2,\) float32, the network has missing"),
        (lambda t: t.update({"head.bias": torch.zeros(4)}), r"'head.bias' is \(4,\) float32"),
        (lambda t: t.update({"head.bias": torch.zeros(3).half()}), r"'head.bias' is \(3,\) float16"),
        (
            lambda t: t.update({"head.bias": torch.zeros(3, dtype=torch.int32)}),
            r"'head.bias' is \(3,\) int32",
        ),
        (lambda t: t.update({"a\nb" * 99: torch.zeros(1)}), r"is \(1,\) float32"),
    ],
    ids=["missing", "extra", "shape", "half", "integer", "odd name"],
)
def test_tensors_other_than_the_cards_are_refused(pair, change, match):
    tensors = load(pair[0])
    change(tensors)
    assert_refused(*with_card(save(tensors), pair[1]), match=match)


def test_a_card_that_asks_for_a_huge_network_costs_no_memory(pair):
    network = {"stage_channels": [1024] * 6, "hidden_channels": 512}  # 300 million parameters
    assert_refused(*with_card(*pair, network=network), match="do not fit their card")


@pytest.mark.parametrize(
    ("card", "match"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "holds a list, not an object"),
        (b"null", "holds a NoneType, not an object"),
        (b" " * (5 * 2**20), "bytes is no card"),
        (b"{}", "does not fit: 'network'"),
    ],
    ids=["empty", "binary", "cut", "deep", "list", "null", "long", "no fields"],
)
def test_what_is_no_card_is_refused(pair, card, match):
    assert_refused(pair[0], card, match=match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"format_version": FORMAT_VERSION + 1, "soul": 1},
            f"of version 2; this rwsc reads up to {FORMAT_VERSION}",
        ),
        ({"format_version": 1e30}, "of version 1e"),
        ({"format_version": 10**4000}, "of version 1000"),
        ({"format_version": "2"}, "'format_version'"),
        ({"format_version": 0}, "'format_version'"),
        ({"soul": 1}, "'soul': Extra inputs"),
        ({"network": {"stage_channels": [16, 10**9]}}, "'network.stage_channels.1'"),
        ({"network": {"stage_channels": [16, 32], "depth": 9}}, "'network.depth'"),
        ({"metrics": {"x": "many"}}, "'metrics.x'"),
        ({"data_licence": None}, "'data_licence'"),
        ({"a\nb": 1}, r"'a\\nb'"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_a_card_with_wrong_values_is_refused(pair, changes, match):
    assert_refused(*with_card(*pair, **changes), match=match)


def test_a_card_that_names_no_hash_is_refused(pair):
    assert_refused(*with_card(*pair, weights_sha256=""), match="the card says ''")


def test_a_metric_that_is_no_number_cannot_be_written():
    with pytest.raises(ValueError, match="finite number"):
        make_card(metrics={"val_total": float("nan")})
