import pytest
import torch

from rwsc.errors import ConfigError, WeightsError
from rwsc.fusion.baselines.config import BASELINE_NAMES, BaselineConfig
from rwsc.fusion.engines import BASELINES, ENGINES, LEARNED, EngineConfig, open_classic
from rwsc.fusion.network.config import NetworkConfig
from rwsc.fusion.network.weights import encode_weights
from rwsc.fusion.networks import CARDS, build_network, decode_network, open_learned


def settings_of(method):
    if method == "rwsc":
        return NetworkConfig(stage_channels=(4, 6), hidden_channels=4)
    return BaselineConfig(method=method, width_divisor=4)


def make_weights(method):
    config = settings_of(method)
    card = CARDS[type(config)](network=config, code_version="0", data_licence="none")
    return encode_weights(build_network(config), card)


@pytest.mark.parametrize("method", LEARNED)
def test_every_learned_engine_is_built_written_read_and_opened_by_its_name(method):
    network, card = decode_network(method, *make_weights(method))
    assert network.config == card.network == settings_of(method)
    assert open_learned(method, *make_weights(method)).name == method


@pytest.mark.parametrize("method", LEARNED)
def test_no_engine_opens_the_weights_of_the_next(method):
    other = LEARNED[(LEARNED.index(method) + 1) % len(LEARNED)]
    with pytest.raises(WeightsError):
        open_learned(method, *make_weights(other))


def test_first_weights_follow_from_the_seed():
    for method in LEARNED:
        networks = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            networks.append(
                torch.cat([p.detach().flatten() for p in build_network(settings_of(method)).parameters()])
            )
        assert torch.equal(networks[0], networks[1])
        assert not torch.equal(networks[0], networks[2])


def test_every_engine_is_either_learned_or_opens_without_weights():
    assert set(LEARNED) == {"rwsc", *BASELINE_NAMES}
    for name in (*ENGINES, *BASELINES):
        if name in LEARNED:
            with pytest.raises(ConfigError, match="needs no weights"):
                open_classic(name, EngineConfig())
        else:
            assert open_classic(name, EngineConfig()).name == name
