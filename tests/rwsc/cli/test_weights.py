import io
import json

import pytest
import torch

from rwsc.fusion.network.config import NetworkConfig
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.program import draw_inputs
from rwsc.fusion.network.weights import WeightsCard, encode_weights
from rwsc.storage.prefix import Prefix


@pytest.fixture
def rwsc(rwsc):
    return lambda *arguments: rwsc("weights", *arguments)


@pytest.fixture
def run(store_uri):
    network = RwscNetwork(NetworkConfig(stage_channels=(4, 8), hidden_channels=4)).eval()
    card = WeightsCard(network=network.config, code_version="9", data_licence="mine\x1b[2J")
    for key, data in zip(("weights.safetensors", "weights.json"), encode_weights(network, card), strict=True):
        Prefix(store_uri).write(key, data)
    return Prefix(store_uri)


def test_what_comes_with_rwsc_is_shown(rwsc):
    code, out, _ = rwsc("show")
    assert code == 0
    assert "phantom: made by rwsc, Apache-2.0" in out
    assert out.splitlines()[0].endswith(" parameters, residual_limit 1.5, pixel_channels 32")
    assert "bf16" in out


def test_weights_of_ones_own_as_json_and_on_a_terminal_that_stays_whole(rwsc, run):
    code, out, _ = rwsc("show", run.uri, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["code_version"] == "9"
    assert [each["precision"] for each in found["precision"]] == ["float32", "bf16"]
    shown = rwsc("show", run.uri)[1]
    assert "\x1b" not in shown
    assert "stage_channels [4, 8], hidden_channels 4" in shown.splitlines()[0]


def test_an_exported_program_runs_without_rwsc(rwsc, run):
    uri = f"{run.uri}/fusion.pt2"
    code, out, err = rwsc("export", run.uri, "-o", uri)
    assert (code, out) == (0, f"{uri}\n")
    assert "largest difference from the network" in err
    item, bag, mask = draw_inputs(1, 20, 30)
    fused = torch.export.load(io.BytesIO(run.read("fusion.pt2"))).module()(item, bag, mask)
    torch.testing.assert_close(fused, item * bag)  # untrained, it gives the product
    code, _, err = rwsc("export", run.uri, "-o", uri)
    assert code == 2
    assert "exists already" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "none"], "no weights"),
        (["export", "default"], "no file is given"),
        (["export", "default", "-o", "a.onnx"], "a.onnx is given to write to"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(rwsc, arguments, message):
    code, out, err = rwsc(*arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[0]
