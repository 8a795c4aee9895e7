"""Where weights and their card lie, given a file, a training run's folder, or the name of those that rwsc brings."""

from importlib.resources import files

from rwsc.errors import ObjectMissing, WeightsError
from rwsc.storage.prefix import absolute_uri, read_uri

WEIGHTS_KEY = "weights.safetensors"
CARD_KEY = "weights.json"

DEFAULT_WEIGHTS = "default"
"""Name, in place of an address, of the weights that come with rwsc: trained on phantoms alone, see their card."""


def absolute_weights(address: str) -> str:
    """Complete the address of weights; `DEFAULT_WEIGHTS` stays as it is (a folder of that name is ``./default``)."""
    return address if address == DEFAULT_WEIGHTS else absolute_uri(address)


def weights_uris(address: str) -> tuple[str, str]:
    """Give the addresses of weights and card.

    Args:
        address: A ``.safetensors`` file whose card has the same name with ``.json``, or a training run's folder.

    Returns:
        Complete addresses of the weights and of the card.
    """
    whole = absolute_uri(address)
    if whole.endswith(".safetensors"):
        return whole, whole.removesuffix(".safetensors") + ".json"
    return f"{whole}/{WEIGHTS_KEY}", f"{whole}/{CARD_KEY}"


def read_weights(address: str) -> tuple[bytes, bytes]:
    """Read weights and card.

    Args:
        address: See `weights_uris`; or `DEFAULT_WEIGHTS`.

    Returns:
        Bytes of both files.

    Raises:
        WeightsError: One of them is not there.
    """
    if address == DEFAULT_WEIGHTS:
        package = files("rwsc.fusion.network")
        return package.joinpath("default.safetensors").read_bytes(), package.joinpath(
            "default.json"
        ).read_bytes()
    weights_uri, card_uri = weights_uris(address)
    try:
        return read_uri(weights_uri), read_uri(card_uri)
    except ObjectMissing as error:
        raise WeightsError(
            f"no weights: {error.message}",
            remedy="give a training run's folder or a .safetensors file with its .json card beside it",
        ) from None
