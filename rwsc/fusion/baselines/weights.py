"""Weights of a learned baseline and their card, under the same checks as those of the RWSC network."""

from rwsc.errors import WeightsError
from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.luma_network import LumaNetwork
from rwsc.fusion.baselines.methods import build_baseline
from rwsc.fusion.network.weights import Card, fill_network, parse_card


class BaselineCard(Card):
    """The card of a baseline; `rwsc.fusion.network.weights.encode_weights` writes it."""

    network: BaselineConfig
    """The method, and what its network is made of."""


def decode_baseline(weights: bytes, card: bytes, *, method: str) -> tuple[LumaNetwork, BaselineCard]:
    """Read weights and card of a baseline, trusting neither.

    Args:
        weights: Bytes of a safetensors file.
        card: Bytes of its JSON card.
        method: The method that they should be of.

    Returns:
        The network on the CPU in evaluation mode, and the card.

    Raises:
        WeightsError: Either is damaged, they do not belong together, or they are of another method.
    """
    read_card = parse_card(card, BaselineCard)
    if read_card.network.method != method:
        raise WeightsError(
            f"the weights are of the method {read_card.network.method!r}, not {method!r}",
            remedy=f"give weights of a run with method {method}, or name the engine {read_card.network.method}",
        )
    return fill_network(lambda: build_baseline(read_card.network), weights, read_card), read_card
