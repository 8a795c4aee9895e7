"""Where weights and their card lie, given a file or a training run's folder."""

from rwsc.errors import ObjectMissing, WeightsError
from rwsc.storage.prefix import absolute_uri, read_uri

WEIGHTS_KEY = "weights.safetensors"
CARD_KEY = "weights.json"


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
        address: See `weights_uris`.

    Returns:
        Bytes of both files.

    Raises:
        WeightsError: One of them is not there.
    """
    weights_uri, card_uri = weights_uris(address)
    try:
        return read_uri(weights_uri), read_uri(card_uri)
    except ObjectMissing as error:
        raise WeightsError(
            f"no weights: {error.message}",
            remedy="give --weights a training run's folder or a .safetensors file with its .json card beside it",
        ) from None
