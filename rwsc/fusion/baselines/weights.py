"""Weights of a learned baseline and their card, under the same checks as those of the RWSC network."""

from rwsc.errors import WeightsError
from rwsc.fusion.baselines.config import BaselineConfig
from rwsc.fusion.baselines.luma_network import LumaNetwork
from rwsc.fusion.baselines.methods import build_baseline
from rwsc.fusion.network.weights import Card, fill_network, method_of, parse_card


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
    if method_of(card) == "rwsc":
        raise _of_another("rwsc", method)
    read_card = parse_card(card, BaselineCard)
    if read_card.network.method != method:
        raise _of_another(read_card.network.method, method)
    return fill_network(lambda: build_baseline(read_card.network), weights, read_card), read_card


def _of_another(found: str, wanted: str) -> WeightsError:
    return WeightsError(
        f"the weights are of the method {found!r}, not {wanted!r}",
        remedy=f"give weights of a run with method {wanted}, or name the engine {found}",
    )
