"""Network weights and the card that says what they are, as bytes; both may come from anywhere."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from pydantic import Field, FiniteFloat, JsonValue, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from rwsc.config import Settings
from rwsc.errors import WeightsError
from rwsc.fusion.network.config import NetworkConfig
from rwsc.fusion.network.network import RwscNetwork

FORMAT_VERSION = 1
"""Version of the card. It grows when older readers would misread a newer card."""

_MAX_CARD_BYTES = 4 * 2**20
_REMEDY = "fetch the weights and the .json card again, both from the same training run"


class Card(Settings):
    """What a file of weights is, what it was trained on and how well it did."""

    format_version: int = Field(default=FORMAT_VERSION, ge=1, le=FORMAT_VERSION)
    """Version of the card's own form."""

    network: Settings
    """What the network is made of."""

    code_version: str
    """Version of rwsc that trained it."""

    training: dict[str, JsonValue] = Field(default={})
    """Settings of the training run, for people."""

    data_hashes: dict[str, str] = Field(default={})
    """SHA-256 of what it was trained on, by name, for example items and bags."""

    metrics: dict[str, FiniteFloat] = Field(default={})
    """Figures of the last validation pass, by name."""

    data_licence: str
    """The strictest licence among the training data; it binds the use of the weights."""

    weights_sha256: str = ""
    """SHA-256 of the weights file in lower-case hexadecimal digits; `encode_weights` fills it in."""


class WeightsCard(Card):
    """The card of an RWSC network."""

    network: NetworkConfig
    """What the network is made of."""


N = TypeVar("N", bound=nn.Module)
C = TypeVar("C", bound=Card)


def encode_weights(network: nn.Module, card: Card) -> tuple[bytes, bytes]:
    """Write weights and card so that one names the other.

    Args:
        network: Trained network, on any device; its attribute `config` says what it is made of.
        card: What it is; the hash is filled in here.

    Returns:
        The weights as safetensors and the card as JSON; equal for equal weights and card.

    Raises:
        ValueError: The card describes another network.
        WeightsError: A weight is not a finite number.
    """
    if card.network != network.config:
        raise ValueError("the card's network settings are not those of the network")
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    _check_finite(tensors, remedy="train again with a lower learning rate, or from an earlier checkpoint")
    weights = save(tensors)
    card = card.model_copy(update={"weights_sha256": hashlib.sha256(weights).hexdigest()})
    return weights, (card.model_dump_json(indent=2) + "\n").encode()


def decode_weights(weights: bytes, card: bytes) -> tuple[RwscNetwork, WeightsCard]:
    """Read weights and card, trusting neither.

    Args:
        weights: Bytes of a safetensors file.
        card: Bytes of its JSON card.

    Returns:
        The network on the CPU in evaluation mode, and the card.

    Raises:
        WeightsError: Either is damaged, they do not belong together, or the card is of a later version.
    """
    read_card = decode_card(card)
    return fill_network(lambda: RwscNetwork(read_card.network), weights, read_card), read_card


def fill_network(build: Callable[[], N], weights: bytes, card: Card) -> N:
    """Make a network of weights that nobody vouches for.

    Args:
        build: Makes the network that the card asks for; called where tensors take no memory.
        weights: Bytes of a safetensors file.
        card: The card that lay beside it.

    Returns:
        The network on the CPU in evaluation mode.

    Raises:
        WeightsError: The weights are damaged, not the card's or not the network's.
    """
    found = hashlib.sha256(weights).hexdigest()
    if found != card.weights_sha256:
        raise WeightsError(
            f"the weights' SHA-256 is {found}, the card says {card.weights_sha256[:80]!r}",
            remedy=_REMEDY,
        )
    tensors = _read_tensors(weights)
    with torch.device("meta"):  # shapes alone: a card can ask for a network of any size
        network = build()
    _check_shapes(tensors, network.state_dict())
    _check_finite(tensors, remedy=_REMEDY)
    network.load_state_dict(tensors, assign=True)
    return network.eval()


def decode_card(card: bytes) -> WeightsCard:
    """Read the card of an RWSC network alone; see `parse_card`.

    Args:
        card: Bytes of the JSON file.

    Returns:
        The checked card.

    Raises:
        WeightsError: It is no such card, or that of another method.
    """
    if (method := method_of(card)) not in ("rwsc", None):
        raise WeightsError(
            f"the weights are of the method {method!r}, not 'rwsc'",
            remedy="give weights of a run with method rwsc; these go with the method and the engine of their name",
        )
    return parse_card(card, WeightsCard)


def method_of(card: bytes) -> str | None:
    """Say which method a card is of.

    Args:
        card: Bytes of the JSON file.

    Returns:
        The method that the network's settings name, as those of baselines do; rwsc where they name a size instead,
        and None where they do neither.

    Raises:
        WeightsError: It is no JSON object.
    """
    network = _read_json(card).get("network")
    if not isinstance(network, dict):
        return None
    if "method" in network:
        return str(network["method"])[:40]
    return "rwsc" if "size" in network else None


def parse_card(card: bytes, kind: type[C]) -> C:
    """Read a card alone.

    Args:
        card: Bytes of the JSON file.
        kind: What card it should be.

    Returns:
        The checked card.

    Raises:
        WeightsError: It is no JSON, no card, or of a later version.
    """
    values = _read_json(card)
    version = values.get("format_version", FORMAT_VERSION)
    if isinstance(version, int | float) and version > FORMAT_VERSION:
        raise WeightsError(
            f"the weights card is of version {str(version)[:20]}; this rwsc reads up to {FORMAT_VERSION}",
            remedy="install a later rwsc, or use weights of this version",
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        raise WeightsError(
            f"the weights card does not fit: {where!r}: {first['msg']}", remedy=_REMEDY
        ) from None


def _read_json(card: bytes) -> dict[str, Any]:
    if len(card) > _MAX_CARD_BYTES:
        raise WeightsError(f"a weights card of {len(card):,} bytes is no card", remedy=_REMEDY)
    try:
        values = json.loads(card)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"the weights card is not JSON: {_first_line(error)}", remedy=_REMEDY) from None
    if not isinstance(values, dict):
        raise WeightsError(f"the weights card holds a {type(values).__name__}, not an object", remedy=_REMEDY)
    return values


def _read_tensors(weights: bytes) -> dict[str, Tensor]:
    try:
        return load(weights)
    # Besides its own error the library lets through what torch raises for sizes and types unknown to it.
    except (SafetensorError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(
            f"the weights are not readable safetensors: {_first_line(error)}", remedy=_REMEDY
        ) from None


def _check_shapes(tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name in sorted(tensors.keys() | expected.keys()):
        found, wanted = _describe(tensors.get(name)), _describe(expected.get(name))
        if found != wanted:
            raise WeightsError(
                f"the weights do not fit their card: {name[:80]!r} is {found}, the network has {wanted}",
                remedy=_REMEDY,
            )


def _describe(tensor: Tensor | None) -> str:
    if tensor is None:
        return "missing"
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _check_finite(tensors: dict[str, Tensor], *, remedy: str) -> None:
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"the weights hold values that are not finite, in {name!r}", remedy=remedy)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:160]
