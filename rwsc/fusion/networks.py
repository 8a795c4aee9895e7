"""Networks of all methods that are trained: rwsc and the baselines."""

from typing import TypeAlias

from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.learned import LearnedBaseline
from rwsc.fusion.baselines.luma_network import LumaNetwork
from rwsc.fusion.baselines.methods import build_baseline
from rwsc.fusion.baselines.weights import BaselineCard, decode_baseline
from rwsc.fusion.engine import Engine
from rwsc.fusion.network.config import NetworkConfig
from rwsc.fusion.network.network import RwscNetwork
from rwsc.fusion.network.weights import Card, WeightsCard, decode_weights
from rwsc.fusion.rwsc import RwscEngine

AnyConfig: TypeAlias = NetworkConfig | BaselineConfig
AnyNetwork: TypeAlias = RwscNetwork | LumaNetwork

CARDS: dict[type[AnyConfig], type[Card]] = {NetworkConfig: WeightsCard, BaselineConfig: BaselineCard}
"""The card that goes with a network's settings."""


def build_network(config: AnyConfig) -> AnyNetwork:
    """Make a network with fresh weights; ``torch.manual_seed`` before fixes them."""
    return RwscNetwork(config) if isinstance(config, NetworkConfig) else build_baseline(config)


def decode_network(method: str, weights: bytes, card: bytes) -> tuple[AnyNetwork, Card]:
    """Read weights and card of a method, trusting neither.

    Args:
        method: rwsc, or the name of a learned baseline.
        weights: Bytes of a safetensors file.
        card: Bytes of its JSON card.

    Returns:
        The network on the CPU in evaluation mode, and the card.

    Raises:
        WeightsError: Either is damaged, they do not belong together, or they are of another method.
    """
    if method == "rwsc":
        return decode_weights(weights, card)
    return decode_baseline(weights, card, method=method)


def open_learned(method: str, weights: bytes, card: bytes, *, device: str = "cpu") -> Engine:
    """Open an engine that needs weights.

    Args:
        method: One of `rwsc.fusion.engines.LEARNED`.
        weights: Bytes of the safetensors file.
        card: Bytes of the JSON card beside it.
        device: ``cpu`` or ``cuda``.

    Returns:
        The engine.

    Raises:
        WeightsError: Weights and card do not belong together, are damaged or of another method.
        ResourceError: ``cuda`` was asked for and there is none.
    """
    if method == "rwsc":
        return RwscEngine(weights, card, device=device)
    return LearnedBaseline(method, weights, card, device=device)
